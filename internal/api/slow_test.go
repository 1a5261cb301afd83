package api

import (
	"strings"
	"testing"
	"time"

	"weir/internal/media"
	"weir/internal/stream"
)

func TestSlowness(t *testing.T) {
	now := time.Now()
	good := stream.Link{RoundTrip: 20 * time.Millisecond, Segments: 1000, Window: 60_000, Segment: 1448}
	link := func(edit func(*stream.Link)) *stream.Link { l := good; edit(&l); return &l }
	stuffed := link(func(l *stream.Link) { l.Queued, l.Unsent = 1_000_000, 900_000 })
	behind := stream.SessionInfo{Delay: 4 * time.Second, Waiting: 100}
	lossy := stream.SessionInfo{Lost: 7, LostAt: now.Add(-5 * time.Second)}
	for name, x := range map[string]struct {
		session stream.SessionInfo
		link    *stream.Link
		health  stream.Health
		want    string
	}{
		"fine":              {link: &good},
		"fine, no link":     {},
		"a little behind":   {session: stream.SessionInfo{Delay: 2 * time.Second}, link: &good},
		"lost long ago":     {session: stream.SessionInfo{Lost: 7, LostAt: now.Add(-time.Minute)}, link: &good},
		"network":           {link: stuffed, want: "the network to the client takes less than the stream's bitrate of 1100 kbit/s: 977 KB wait in the socket"},
		"does not read":     {session: behind, link: link(func(l *stream.Link) { l.Queued, l.Unsent, l.Window = 2048, 2048, 100 }), want: "the client does not read: it takes no more bytes, and 2 KB wait in the socket"},
		"far":               {session: lossy, link: link(func(l *stream.Link) { l.RoundTrip = 900 * time.Millisecond }), want: "round trip of 900 ms"},
		"lossy network":     {session: lossy, link: link(func(l *stream.Link) { l.Retransmits = 50 }), want: "5.0 % of what is sent gets lost on its way"},
		"all of it":         {session: behind, link: link(func(l *stream.Link) { l.Queued, l.Unsent, l.Retransmits, l.RoundTrip = 10240, 1, 100, time.Second }), want: "the network to the client takes less than the stream's bitrate of 1100 kbit/s: 10 KB wait in the socket; round trip of 1000 ms; 10.0 % of what is sent gets lost on its way"},
		"merged writes":     {session: stream.SessionInfo{Delay: 9 * time.Second, Pause: 5 * time.Second}, link: &good, want: "its frames are sent in merged writes, each 5s (mw_latency)"},
		"in its pause":      {session: stream.SessionInfo{Delay: 6 * time.Second, Pause: 5 * time.Second}, link: &good},
		"paused":            {session: behind, link: &good, want: "100 frames wait for it, and none in its socket: it has paused, or the server is too busy"},
		"back":              {session: lossy, link: &good, want: "it lost frames 5s ago, and has caught up since"},
		"publisher":         {session: stream.SessionInfo{Publish: true}, health: stream.Health{Speed: 1}},
		"new publisher":     {session: stream.SessionInfo{Publish: true}},
		"slow publisher":    {session: stream.SessionInfo{Publish: true}, health: stream.Health{Speed: 0.7}, link: &good, want: "it sends 0.70 seconds of media in a second: its machine or its network is too slow"},
		"far publisher":     {session: stream.SessionInfo{Publish: true}, health: stream.Health{Speed: 0.7}, link: link(func(l *stream.Link) { l.RoundTrip = time.Second }), want: "it sends 0.70 seconds of media in a second: its machine or its network is too slow; round trip of 1000 ms"},
		"link without word": {session: behind, want: "100 frames wait for it, and none in its socket: it has paused, or the server is too busy"},
	} {
		x.health.VideoRate, x.health.AudioRate = 1_000_000, 100_000
		if got := slowness(&x.session, &x.health, x.link, now); got != x.want {
			t.Errorf("%s: %q; want %q", name, got, x.want)
		}
	}
}

// TestClientHealth asks for a client whose link is known, and for one whose is not any more.
func TestClientHealth(t *testing.T) {
	s := newStudio(t)
	known := true
	s.subscribe(t, &stream.Request{
		ID: "far00001", Kind: "rtmp-play", Vhost: stream.DefaultVhost, App: "live", Stream: "cam",
		Link: func() (stream.Link, bool) {
			return stream.Link{
				RoundTrip: 1234567 * time.Nanosecond, Variance: time.Millisecond, Retransmits: 3, Unacked: 4, Queued: 5, Unsent: 6, Window: 7, Segment: 8,
			}, known
		},
	})
	for n := range 3 { // the client takes none
		f := media.NewFrame(nil, []byte{1})
		f.Layout, f.DTS = s.camera, int64(160+40*n)*int64(time.Millisecond)
		f.PTS = f.DTS
		if err := s.publish.WriteFrame(f); err != nil {
			t.Fatal(err)
		}
	}
	health := func() string {
		_, text, _ := strings.Cut(s.ask("GET", "/api/v1/clients/far00001").Body.String(), `"health":`)
		return text
	}
	want := `{"lost":0,"queue_delay_ms":80,"queue_frames":3,"rtt_ms":1.23,"rtt_var_ms":1.00,"retransmits":3,"unacked":4,"socket_bytes":5,"unsent_bytes":6,"window_bytes":7,"slow":null}}}`
	if got := health(); got != want {
		t.Errorf("%s; want %s", got, want)
	}
	known = false
	if got := health(); !strings.Contains(got, `"rtt_ms":null,`) {
		t.Errorf("without a link: %s", got)
	}
	if text := s.ask("GET", "/api/v1/clients/").Body.String(); strings.Contains(text, "health") {
		t.Errorf("the list has health too: %s", text)
	}
	if text := s.ask("GET", "/api/v1/streams/").Body.String(); strings.Contains(text, "health") {
		t.Errorf("the list has health too: %s", text)
	}
}

func TestRepairWords(t *testing.T) {
	for want, r := range map[string]media.Repairs{
		"": {},
		"1 time was a little before the one before it, and was held; clocks were set 2 times, which viewers do not see": {Order: 1, Jump: 2},
		"tracks with clocks of their own were brought to the others 9 times":                                            {Skew: 9},
	} {
		if got := repairWords(&stream.Health{Repairs: r}); got != want {
			t.Errorf("%+v: %q", r, got)
		}
	}
}
