package remux

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"weir/internal/config"
	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/testkit/leak"
	"weir/internal/testkit/logbook"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

const (
	avcConfig = "0164000cffe1001a6764000cacd941419f9f011000000300100000030320f142996001000668ebe3cb22c0fdf8f800"
	aacConfig = "1190" // LC, 48 kHz, stereo
)

// TestMain fails if tests leave goroutines behind.
func TestMain(m *testing.M) { leak.Main(m) }

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func picture() *media.Track {
	return &media.Track{Kind: media.Video, Codec: media.H264, Config: unhex(avcConfig)}
}

func sound() *media.Track {
	return &media.Track{Kind: media.Audio, Codec: media.AAC, Config: unhex(aacConfig)}
}

func layout(tracks ...*media.Track) *media.Layout { return &media.Layout{Tracks: tracks} }

// house is a server under test.
type house struct {
	t        testing.TB
	registry *stream.Registry
	server   *Server
	web      *httptest.Server // nil until somebody asks
	config   atomic.Pointer[config.Config]
	rules    stream.Settings
	log      logbook.Book
	gate     func(*stream.Request) error
	serving  atomic.Int64
	stop     context.CancelCauseFunc // of the server at web
}

func newHouse(t testing.TB, edit func(*config.Vhost)) *house {
	h := &house{t: t, rules: stream.Settings{GOPCache: true, QueueLength: 30 * time.Second}}
	h.reload(edit)
	cache := NewCache(h.config.Load)
	log := slog.New(slog.NewTextHandler(&h.log, nil))
	h.registry = stream.NewRegistry(stream.Options{
		Settings: func(string) stream.Settings { return h.rules },
		Gates:    []stream.Gate{h}, Standing: []stream.Standing{cache.Standing()}, Log: log,
	})
	h.server = New(Options{
		Registry: h.registry, Config: h.config.Load, Cache: cache, Log: log,
		Product: Product{Signature: "SRS/7.0.18(Hang)", Version: "7.0.18"},
	})
	t.Cleanup(func() {
		for end := time.Now().Add(patience); len(h.registry.Sessions()) > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Errorf("sessions stay: %v", h.registry.Sessions())
				break
			}
		}
		if t.Failed() {
			t.Logf("the log:\n%s", &h.log)
		}
	})
	return h
}

func (h *house) Check(_ context.Context, a stream.Ask) error {
	if h.gate == nil || a.Act != stream.Play {
		return nil
	}
	return h.gate(a.Request)
}

// reload puts a configuration in force: the defaults without delays, and as edit leaves them.
func (h *house) reload(edit func(*config.Vhost)) {
	c := config.Default()
	v := *c.Vhost(config.DefaultVhost)
	v.Name = config.DefaultVhost
	v.Play.MwLatency, v.Play.MwMsgs = 0, 0
	v.HTTPRemux.Enabled = true
	if edit != nil {
		edit(&v)
	}
	c.Vhosts = []*config.Vhost{&v}
	c.HTTPServer.Crossdomain = true
	h.config.Store(c)
}

func (h *house) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.serving.Add(1)
	defer h.serving.Add(-1)
	if handler := h.server.Route(r); handler != nil {
		handler.ServeHTTP(w, r)
		return
	}
	http.Error(w, "not mine", http.StatusTeapot)
}

// url returns the address of a path at a real server.
func (h *house) url(path string) string {
	if h.web == nil {
		ctx, cancel := context.WithCancelCause(context.Background())
		h.stop = cancel
		h.web = httptest.NewUnstartedServer(h)
		h.web.Config.BaseContext = func(net.Listener) context.Context { return ctx }
		h.web.Start()
		h.t.Cleanup(func() {
			cancel(nil)
			h.web.Close()
			_ = h.server.Run(ctx) // never fails
		})
	}
	return h.web.URL + path
}

// get asks for a path, with headers and their values; the answer's body is closed with the test.
func (h *house) get(path string, headers ...string) *http.Response {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url(path), nil)
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		cancel()
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		answer.Body.Close()
		cancel()
	})
	return answer
}

// hears reads n bytes.
func hears(t testing.TB, r io.Reader, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	got, err := io.ReadFull(r, b)
	if err != nil {
		t.Fatalf("%v after %d of %d bytes: % x", err, got, n, b[:got])
	}
	return b
}

// says reads an answer that is no stream.
func says(t testing.TB, answer *http.Response) (status int, text string) {
	t.Helper()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(b)
}

// await waits until something is so.
func (h *house) await(what string, ok func() bool) {
	h.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("waited in vain for %s; the log:\n%s", what, &h.log)
		}
	}
}

// feed publishes frames by their letters: K a key frame, P another picture, each 40 ms after the
// one before, and a sound; without pictures a sound is 20 ms after the one before.
type feed struct {
	*stream.Publisher
	t      testing.TB
	layout *media.Layout
	now    time.Duration
	own    time.Duration // the publisher's time minus now
	size   int           // bytes of a frame, 8 at least
	n      byte
}

func (h *house) publish(l *media.Layout) *feed {
	h.t.Helper()
	p, err := h.registry.Publish(context.Background(), &stream.Request{
		ID: stream.NewID(), Kind: "test", Vhost: config.DefaultVhost, App: "live", Stream: "s",
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { p.Close() })
	return &feed{Publisher: p, t: h.t, layout: l, size: 8}
}

func (f *feed) data(letter rune) []byte {
	f.n++
	b := make([]byte, max(8, f.size))
	b[3] = byte(len(b) - 4)
	b[2] = byte((len(b) - 4) >> 8)
	b[1] = byte((len(b) - 4) >> 16)
	b[4] = 0x41
	if letter == 'K' {
		b[4] = 0x65
	}
	for i := 5; i < len(b); i++ {
		b[i] = f.n
	}
	if letter == 'a' {
		return b[4:]
	}
	return b
}

func (f *feed) frame(letter rune) *media.Frame {
	out := media.NewFrame(nil, f.data(letter))
	out.Layout, out.Key = f.layout, letter != 'P'
	kind := media.Video
	if letter == 'a' {
		kind = media.Audio
	}
	out.Track = uint8(f.layout.First(kind))
	switch {
	case kind == media.Video:
		f.now += 40 * time.Millisecond
	case f.layout.First(media.Video) < 0:
		f.now += 20 * time.Millisecond
	}
	out.DTS, out.PTS, out.At = int64(f.now+f.own), int64(f.now+f.own), int64(f.now)
	return out
}

func (f *feed) write(letters string) {
	f.t.Helper()
	for _, l := range letters {
		if err := f.WriteFrame(f.frame(l)); err != nil {
			f.t.Fatal(err)
		}
	}
}

// both is enough for a header that tells of sound and pictures.
const both = "Ka" + "Pa"

// tags reads tags: their types, times and the first bytes of their bodies.
func tags(t testing.TB, r io.Reader, n int) string {
	t.Helper()
	var b strings.Builder
	for range n {
		h := hears(t, r, 11)
		size := int(h[1])<<16 | int(h[2])<<8 | int(h[3])
		at := int(h[4])<<16 | int(h[5])<<8 | int(h[6]) | int(h[7])<<24
		body := hears(t, r, size+4)
		if trailer := body[size:]; int(trailer[1])<<16|int(trailer[2])<<8|int(trailer[3]) != size+11 {
			t.Fatalf("trailer % x behind %d bytes", trailer, size)
		}
		name := map[byte]string{8: "a", 9: "v", 18: "meta"}[h[0]]
		if h[0] != 18 {
			switch {
			case body[1] == 0:
				name += "-head"
			case h[0] == 9 && body[0]>>4 == 1:
				name = "K"
			}
		}
		fmt.Fprintf(&b, "%s@%d ", name, at)
	}
	return strings.TrimSpace(b.String())
}
