package e2e

import (
	"slices"
	"testing"
	"time"

	"weir/internal/protocol/rtmp"
)

// feed is a publisher that sends what a test tells it to.
type feed struct {
	t      *testing.T
	client *rtmp.Client
	ended  chan error // what the server says in the end
	held   *[]rtmp.Message
}

func openFeed(t *testing.T, url string) *feed {
	t.Helper()
	c, err := dialPublish(t, url, rtmp.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	f := &feed{t: t, client: c, ended: make(chan error, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, err := c.ReadMessage(); err != nil {
				f.ended <- err
				return
			}
		}
	}()
	t.Cleanup(func() { c.Close(); <-done })
	return f
}

func (f *feed) send(kind uint8, ms uint32, body ...byte) {
	f.t.Helper()
	m := rtmp.Message{Kind: kind, Chunk: 6, Stream: f.client.Stream(), Time: ms, Body: body}
	if f.held != nil {
		*f.held = append(*f.held, m)
		return
	}
	if err := f.client.WriteMessage(m); err != nil {
		f.t.Fatal(err)
	}
}

// atOnce sends in one write what send sends: a server that wants no more of it has it all.
func (f *feed) atOnce(send func()) {
	f.t.Helper()
	var all []rtmp.Message
	f.held = &all
	send()
	f.held = nil
	if err := f.client.WriteMessages(all...); err != nil {
		f.t.Fatal(err)
	}
}

func (f *feed) header(t *testing.T) { f.t.Helper(); f.send(9, 0, unhex(t, avcHeader)...) }

// frame sends a video frame that is told apart by its number.
func (f *feed) frame(key bool, ms uint32, n byte) {
	f.t.Helper()
	first := byte(0x27)
	if key {
		first = 0x17
	}
	f.send(9, ms, first, 1, 0, 0, 0, 0, 0, 0, 2, 0x65, n)
}

// group sends a key frame and others behind it, 40 ms each, from a time on, and returns the
// time after them.
func (f *feed) group(ms uint32, frames int) uint32 {
	f.t.Helper()
	for n := range frames {
		f.frame(n == 0, ms, byte(n))
		ms += 40
	}
	return ms
}

// numbers returns the numbers of the frames a player has got, times their times.
func numbers(v *clientViewer) (n []byte) {
	for _, m := range v.messages() {
		if m.Kind == 9 && !isHeader(&m) {
			n = append(n, m.Body[10])
		}
	}
	return n
}

func times(v *clientViewer) (ms []uint32) {
	for _, m := range v.messages() {
		if m.Kind == 9 && !isHeader(&m) {
			ms = append(ms, m.Time)
		}
	}
	return ms
}

// got waits for a player's frames, and a moment longer for what should not come.
func got(t *testing.T, v *clientViewer, want ...byte) {
	t.Helper()
	poll(func() bool { return len(numbers(v)) >= len(want) })
	time.Sleep(50 * time.Millisecond)
	if n := numbers(v); !slices.Equal(n, want) {
		t.Errorf("frames %v, want %v", n, want)
	}
}

const quick = "min_latency on;\n" // so that frames leave as they come
