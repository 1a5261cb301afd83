package api

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"weir/internal/media"
	"weir/internal/stream"
)

// studio is an API over a registry with a publisher, a player and a recorder of one stream,
// and somebody who waits for another.
type studio struct {
	api      *API
	registry *stream.Registry
	kicked   chan error // what the publisher was kicked for
	camera   *media.Layout
	publish  *stream.Publisher
	traffic  struct{ in, out *stream.Traffic } // the publisher's and the player's
}

func newStudio(t testing.TB) *studio {
	t.Helper()
	s := &studio{registry: stream.NewRegistry(stream.Options{}), kicked: make(chan error, 1)}
	s.traffic.in, s.traffic.out = &stream.Traffic{}, &stream.Traffic{}
	s.api = New(Options{
		Registry: s.registry,
		Server:   "vid-0golden", Service: "k2v9x01c", Pid: 4242, Started: time.Now().Add(-time.Hour),
		Version: Version{7, 0, 18}, WeirVersion: "0.1",
		Connections:  func() int { return 3 },
		VhostEnabled: func(vhost string) bool { return vhost == stream.DefaultVhost },
		HLS: func(vhost string) (bool, time.Duration) {
			return vhost == stream.DefaultVhost, 2500 * time.Millisecond
		},
		Forwards: func() []stream.Target {
			return []stream.Target{
				{StreamID: s.id("cam"), Stream: "/live/cam", URL: "rtmp://192.0.2.1/live/cam?token=***", State: stream.Sending, Attempts: 1, Sent: 4711, Frames: 47},
				{StreamID: "vid-another", Stream: "/live/another", URL: "srt://192.0.2.1", State: stream.Waiting, Next: time.Unix(9, 0), Attempts: 3, Lost: 5, LastError: "nobody there"},
			}
		},
		Cluster: func() Cluster {
			return Cluster{
				Nodes: []Node{
					{ID: "k2v9x01c", Self: true, Registry: "redis://192.0.2.9:6379/0", Host: "192.0.2.1", RTMP: 1935, HTTP: 8080, API: 1985, Load: 0.256, Clients: 7, Streams: 3, Claims: 2, Told: time.Now(), Until: time.Now().Add(time.Hour)},
					{ID: "edge0001", Registry: "redis://192.0.2.9:6379/0", Host: "2001:db8::1", HTTP: 8080, Draining: true, Until: time.Now().Add(-time.Hour)},
				},
				Registries: []Registry{{Address: "redis://192.0.2.9:6379/0", Away: time.Unix(9, 0), Cause: errors.New("nobody there")}},
			}
		},
		Contacts: func() []stream.Contact {
			return []stream.Contact{{
				ID: "rtc00001", Kind: "rtc-play", URL: "/live/cam", Remote: netip.MustParseAddr("192.0.2.9"), State: "failed", DTLS: "new",
				Told: []string{"udp 198.51.100.7:8000"}, Checks: 3, Reason: "none was in order", Next: "use the answer",
				Paths: []stream.Path{{Protocol: "udp", From: netip.MustParseAddrPort("192.0.2.9:4711"), Checks: 3}},
			}}
		},
	})
	s.open(t)
	return s
}

func (s *studio) open(t testing.TB) {
	t.Helper()
	publisher, err := s.registry.Publish(t.Context(), &stream.Request{
		ID: "pub00001", Kind: "fmle-publish", Remote: netip.MustParseAddr("192.0.2.7"),
		Vhost: stream.DefaultVhost, App: "live", Stream: "cam", Name: "cam", TCURL: "rtmp://198.51.100.7/live",
		Kick: func(cause error) { s.kicked <- cause }, Traffic: s.traffic.in,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.publish = publisher
	s.subscribe(t, &stream.Request{
		ID: "play0001", Kind: "flv-play", Remote: netip.MustParseAddr("::ffff:192.0.2.8"),
		Vhost: stream.DefaultVhost, App: "live", Stream: "cam", Name: "cam.flv", TCURL: "http://198.51.100.7/live",
		PageURL: "http://example.com/watch?a=1&b=2", Kick: func(error) {}, Traffic: s.traffic.out,
	})
	s.subscribe(t, &stream.Request{
		ID: "rec00001", Kind: "record", Vhost: stream.DefaultVhost, App: "live", Stream: "cam",
	})
	s.subscribe(t, &stream.Request{
		ID: "wait0001", Kind: "rtmp-play", Remote: netip.MustParseAddr("2001:db8::9"),
		Vhost: "live.example.com", App: "tv", Stream: "later", Name: "later",
		TCURL: "http://live.example.com/tv", Kick: func(error) {},
	})
	s.film(t)
}

func (s *studio) subscribe(t testing.TB, r *stream.Request) {
	t.Helper()
	if _, err := s.registry.Subscribe(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// film writes three video frames and one of audio.
func (s *studio) film(t testing.TB) {
	t.Helper()
	s.camera = &media.Layout{Tracks: []*media.Track{
		{Kind: media.Video, Codec: media.H264, Info: media.Info{Profile: "Main", Level: "4.1", Width: 1280, Height: 720}},
		{Kind: media.Audio, Codec: media.AAC, Info: media.Info{Profile: "LC", SampleRate: 48000, Channels: 1}},
		{Kind: media.Audio, Codec: media.Opus, Info: media.Info{SampleRate: 48000, Channels: 2}},
	}}
	for i, track := range []uint8{0, 1, 0, 0} {
		f := media.NewFrame(nil, []byte{1})
		f.Layout, f.Track, f.Key = s.camera, track, i < 2
		f.DTS = int64(i) * int64(40*time.Millisecond)
		f.PTS = f.DTS
		if err := s.publish.WriteFrame(f); err != nil {
			t.Fatal(err)
		}
	}
}

// ask sends a request; headers are names and values in turn.
func (s *studio) ask(method, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, r)
	return w
}

// ids returns the ids the registry has made up, in the place of those of the golden files.
func (s *studio) ids() *strings.Replacer {
	var pairs []string
	for _, v := range s.registry.Vhosts() {
		if v.Name == stream.DefaultVhost {
			pairs = append(pairs, v.ID, "vid-aaaaaaa")
		} else {
			pairs = append(pairs, v.ID, "vid-bbbbbbb")
		}
	}
	for _, x := range s.registry.Streams() {
		if x.Name == "cam" {
			pairs = append(pairs, x.ID, "vid-ccccccc")
		} else {
			pairs = append(pairs, x.ID, "vid-ddddddd")
		}
	}
	return strings.NewReplacer(pairs...)
}

// id returns what the registry calls the stream or virtual host with that name.
func (s *studio) id(name string) string {
	for _, v := range s.registry.Vhosts() {
		if v.Name == name {
			return v.ID
		}
	}
	for _, x := range s.registry.Streams() {
		if x.Name == name {
			return x.ID
		}
	}
	return ""
}

func expect(t *testing.T, w *httptest.ResponseRecorder, status int, body string) {
	t.Helper()
	if w.Code != status || w.Body.String() != body {
		t.Errorf("%d %q; want %d %q", w.Code, w.Body, status, body)
	}
	if got := w.Header().Get("Server"); got != "SRS/7.0.18(Hang)" {
		t.Errorf("Server: %q", got)
	}
	if status != http.StatusOK && w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("Content-Type: %q", w.Header().Get("Content-Type"))
	}
}
