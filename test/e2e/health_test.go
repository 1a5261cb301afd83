package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// streamHealth is what the API says of how well a stream is.
type streamHealth struct {
	FrameRate float64 `json:"frame_rate"`
	GOP       int     `json:"gop"`
	Key       int     `json:"key_interval_ms"`
	KeyMean   int     `json:"key_interval_avg_ms"`
	Video     int     `json:"video_kbps"`
	Audio     int     `json:"audio_kbps"`
	Offset    *int    `json:"av_offset_ms"`
	BFrames   bool    `json:"b_frames"`
	Speed     float64 `json:"speed"`
	LastEnd   *struct {
		Cause string `json:"cause"`
	} `json:"last_end"`
}

// clientHealth is the same of a client.
type clientHealth struct {
	Lost  int      `json:"lost"`
	Delay int      `json:"queue_delay_ms"`
	RTT   *float64 `json:"rtt_ms"`
	Wait  *int     `json:"unsent_bytes"`
	Slow  *string  `json:"slow"`
}

// healthOf reads the health of the only stream, or of a client.
func (f *fixture) healthOf(client string, to any) {
	f.t.Helper()
	var answer struct {
		Streams []struct{ ID string }
		Stream  struct{ Health json.RawMessage }
		Client  struct{ Health json.RawMessage }
	}
	ask := func(path string) {
		raw, err := f.call("GET", path)
		if err != nil {
			f.t.Fatal(err)
		}
		unmarshal(f.t, raw, &answer)
	}
	if client != "" {
		ask("/api/v1/clients/" + client)
		answer.Stream = answer.Client
	} else if ask("/api/v1/streams/"); len(answer.Streams) == 1 {
		ask("/api/v1/streams/" + answer.Streams[0].ID)
	}
	if answer.Stream.Health == nil {
		f.t.Fatalf("no health of %q", client)
	}
	unmarshal(f.t, answer.Stream.Health, to)
}

// TestHealth publishes what is known, and has the API tell it.
func TestHealth(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		rate    float64
		gop     int
		key     int // ms
		bFrames bool
		options string
	}{
		"25 in 50, B-frames": {25, 50, 2000, true, "-r 25 -g 50 -keyint_min 50 -bf 2"},
		"30 in 30":           {30, 30, 1000, false, "-r 30 -g 30 -keyint_min 30 -bf 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, conf{})
			one := launch(t, "ffmpeg", append(strings.Fields("-hide_banner -loglevel error -re -f lavfi -i testsrc2=size=160x120:rate="+fmt.Sprint(x.rate)+" "+
				"-re -f lavfi -i sine=frequency=440:sample_rate=44100 -t 60 -c:v libx264 -preset ultrafast -sc_threshold 0 "+x.options+
				" -pix_fmt yuv420p -c:a aac -b:a 64k -f flv"), f.url("s"))...)
			published(t, f)
			stay := playClient(t, f.url("s"))
			var h streamHealth
			told := func() bool {
				f.healthOf("", &h)
				return h.FrameRate > x.rate-0.2 && h.FrameRate < x.rate+0.2 && h.GOP == x.gop &&
					h.Key >= x.key-1 && h.Key <= x.key+1 && h.KeyMean >= x.key-1 && h.KeyMean <= x.key+1
			}
			if !poll(told) {
				t.Fatalf("health: %+v", h)
			}
			if h.BFrames != x.bFrames || h.Video < 20 || h.Audio < 30 || h.Audio > 100 || h.Offset == nil || *h.Offset < -1500 || *h.Offset > 1500 {
				t.Errorf("health: %+v", h)
			}
			var c clientHealth
			f.healthOf(f.players()[0].ID, &c)
			if c.Lost != 0 || c.Slow != nil || c.RTT == nil || *c.RTT <= 0 {
				t.Errorf("the player's health: %+v", c)
			}
			f.kick(f.publishers()[0].ID)
			_ = one.wait() // it fails, as it should
			if f.healthOf("", &h); h.FrameRate != 0 || h.LastEnd == nil || h.LastEnd.Cause != "kicked by the API" {
				t.Errorf("after the publisher: %+v", h)
			}
			stay.stop()
		})
	}
}

// TestSlowClient has a player stop reading, and the API say that it does not read.
func TestSlowClient(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{vhost: "play { queue_length 2; }"})
	events := f.hear("?what=slow", "")
	startClientPublisher(t, f.url("s"), newClip(t, "h264", "heavy"), 0)
	published(t, f)
	view := playClient(t, f.url("s"))
	waitFor(t, "the player to play", func() bool { return view.frames() > 5 })
	id := f.players()[0].ID
	var h clientHealth
	if f.healthOf(id, &h); h.Lost != 0 {
		t.Errorf("at first: %+v", h)
	}
	view.freeze(true)
	defer view.freeze(false) // or it never ends
	said := func() bool {
		f.healthOf(id, &h)
		return h.Lost > 0 && h.Slow != nil && strings.Contains(*h.Slow, "the client does not read")
	}
	for end := time.Now().Add(patience); !said() && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
	if !said() || h.Wait == nil || *h.Wait == 0 {
		slow := "nothing"
		if h.Slow != nil {
			slow = *h.Slow
		}
		t.Errorf("of who does not read: %+v, %s", h, slow)
	}
	if e := next(t, events, "slow"); e.Client != id || e.Lost == 0 {
		t.Errorf("slow: %+v", e)
	}
}

// TestLinks has the API tell of the network to a player, of each kind that has a connection.
func TestLinks(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{vhost: flvAndHLS(t, "")})
	startClientPublisher(t, f.url("s"), newClip(t, "h264", "small"), 0)
	published(t, f)
	for _, v := range players {
		if !slices.Contains([]string{"client", "client-rtmps", "http-flv", "h2-flv", "ws-flv"}, v.name) {
			continue
		}
		one := v.start(t, f.url("s"), "h264")
		waitFor(t, v.name+" to play", func() bool { return one.frames() > 0 })
		var h clientHealth
		if f.healthOf(f.players()[0].ID, &h); h.RTT == nil || *h.RTT <= 0 || h.Wait == nil || h.Slow != nil {
			t.Errorf("%s: %+v", v.name, h)
		}
		one.stop()
		waitFor(t, v.name+" to be gone", func() bool { return len(f.players()) == 0 })
	}
	var h clientHealth
	if f.healthOf(f.publishers()[0].ID, &h); h.RTT == nil || h.Slow != nil {
		t.Errorf("the publisher: %+v", h)
	}
}
