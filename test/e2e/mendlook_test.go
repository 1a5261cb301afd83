package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"weir/internal/format/amf0"
	"weir/internal/protocol/rtmp"
	"weir/internal/stream"
)

// order says in which order a player gets frames that were sent unordered.
func order(t *testing.T, f *fixture) func() string {
	view, pub := playClient(t, f.url("s")), openFeed(t, f.url("s"))
	pub.header(t)
	pub.send(8, 0, unhex(t, aacHeader)...)
	round := uint32(0)
	return func() string {
		base, mark := round*2000, byte(round*8)
		round++
		pub.frame(true, base, mark)
		pub.frame(false, base+80, mark+2)
		pub.frame(false, base+40, mark+1)
		for n := range uint32(12) { // what is held comes out as others come
			pub.send(8, base+40*n, append(unhex(t, "AF 01"), byte(n))...)
			if n >= 3 {
				pub.frame(false, base+40*n, 255)
			}
		}
		var ours []byte
		waitFor(t, "the frames", func() bool {
			ours = slices.DeleteFunc(numbers(view), func(n byte) bool { return n < mark || n > mark+2 })
			return len(ours) == 3
		})
		if slices.IsSorted(ours) {
			return "sorted"
		}
		return "as sent"
	}
}

// wish says whose time a player gets of a stream whose description asks for the encoder's.
func wish(t *testing.T, f *fixture) func() string {
	view, pub := playClient(t, f.url("s")), openFeed(t, f.url("s"))
	asks := amf0.Object{{Name: "bravo_atc", Value: "true"}}
	pub.send(18, 0, amf0.Append(nil, "@setDataFrame", "onMetaData", asks)...)
	pub.header(t)
	ms, all := uint32(5000), 0
	return func() string {
		pub.frame(true, ms, 0)
		pub.frame(false, ms+40, 1)
		all += 2
		waitFor(t, "the frames", func() bool { return len(times(view)) == all })
		sent := ms + 40
		ms += 1000
		if times(view)[all-1] == sent {
			return "the encoder's"
		}
		return "the player's"
	}
}

// sized says whether the API knows the size of a new publisher's picture.
func sized(t *testing.T, f *fixture) func() string {
	name := stream.NewID()
	pub := openFeed(t, f.url(name))
	for _, s := range headers(shots(t, newClip(t, "h264", "small"), second)) {
		pub.send(uint8(s.Type), 0, s.Body...)
	}
	pub.frame(true, 0, 0)
	return func() string {
		var width int
		waitFor(t, "the stream in the API", func() bool {
			s := inAPI(t, f, name)
			if s == nil || s.Video == nil {
				return false
			}
			width = s.Video.Width
			return true
		})
		if width > 0 {
			return "sized"
		}
		return "unknown"
	}
}

// rival says what happens to a second publisher of one name.
func rival(t *testing.T, f *fixture) func() string {
	return func() string {
		url := f.url(stream.NewID())
		openFeed(t, url)
		c, err := dialPublish(t, url, rtmp.DialOptions{})
		if err != nil {
			return "refused"
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		return "let in"
	}
}

// absent says what becomes of a stream whose publisher is lost.
func absent(t *testing.T, f *fixture) func() string {
	return func() string {
		name := stream.NewID()
		pub := openFeed(t, f.url(name))
		pub.header(t)
		pub.frame(true, 0, 0)
		waitFor(t, "the stream", func() bool { return inAPI(t, f, name) != nil })
		if err := pub.client.Close(); err != nil {
			t.Error(err)
		}
		for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if inAPI(t, f, name) == nil {
				return "gone"
			}
		}
		return "held"
	}
}

// streamInAPI is what these looks want to know of a stream.
type streamInAPI struct {
	Name  string `json:"name"`
	Video *struct {
		Width int `json:"width"`
	} `json:"video"`
}

// inAPI returns a stream as the API lists it, or nil.
func inAPI(t *testing.T, f *fixture, name string) *streamInAPI {
	t.Helper()
	raw, err := f.call("GET", "/api/v1/streams/?count=100")
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Streams []streamInAPI `json:"streams"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", raw, err))
	}
	for _, s := range answer.Streams {
		if s.Name == name {
			return &s
		}
	}
	return nil
}
