package hls

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/cmaf"
	"weir/internal/codec/aac"
	"weir/internal/codec/h264"
	"weir/internal/codec/nal"
	"weir/internal/config"
	"weir/internal/media"
	"weir/internal/stream"
)

// rig is a server with a registry, in a bubble of synctest.
type rig struct {
	t        testing.TB
	dir      string
	config   atomic.Pointer[config.Config]
	registry *stream.Registry
	server   *Server
	gates    []stream.Gate
	tolds    sync.Mutex
	told     []Segment
	log      *book
	cancel   context.CancelFunc
	work     sync.WaitGroup
}

// book is a log that several goroutines write.
type book struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *book) count(words string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for line := range strings.Lines(b.b.String()) {
		if strings.Contains(line, words) {
			n++
		}
	}
	return n
}

// newRig returns a rig that has not been started.
func newRig(t testing.TB, hls string) *rig {
	r := &rig{t: t, dir: t.TempDir(), log: &book{}}
	r.configure(hls)
	return r
}

// configure puts settings in force.
func (r *rig) configure(hls string) {
	r.t.Helper()
	file := filepath.Join(r.dir, "weir.conf")
	text := fmt.Sprintf("listen 1935; daemon off; http_server { enabled on; dir %[1]s/www; }\n"+
		"vhost __defaultVhost__ { play { queue_length 30; } hls { enabled on; hls_path %[1]s/www; %[2]s } }\n", r.dir, hls)
	text = strings.ReplaceAll(text, "DIR", r.dir)
	if strings.Contains(hls, "enabled off") {
		text = strings.Replace(text, "hls { enabled on;", "hls {", 1)
	}
	if path := strings.Count(text, "hls_path"); path > 1 {
		text = strings.Replace(text, "hls_path "+r.dir+"/www;", "", 1)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	c, err := config.Load(config.Options{File: file}, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	r.config.Store(c)
	if r.registry != nil {
		r.registry.Review()
	}
}

// start begins a process; there may be one after another.
func (r *rig) start() {
	log := slog.New(slog.NewTextHandler(r.log, nil))
	r.server = New(Options{
		Registry: func() *stream.Registry { return r.registry }, Config: r.config.Load, Log: log,
		OnSegment: r.tell,
	})
	r.registry = stream.NewRegistry(stream.Options{
		Standing: []stream.Standing{r.server.Standing(), cmaf.Standing(log, func() any { return r.config.Load() }, r.server.Chunks())}, Gates: r.gates, Log: log,
		Settings: func(string) stream.Settings {
			return stream.Settings{QueueLength: 30 * time.Second, Takeover: true, Resume: 10 * time.Second}
		},
	})
	var ctx context.Context
	ctx, r.cancel = context.WithCancel(r.t.Context())
	for _, run := range []func(context.Context) error{r.registry.Run, r.server.Run} {
		r.work.Go(func() { _ = run(ctx) })
	}
}

func (r *rig) tell(s Segment) {
	r.tolds.Lock()
	defer r.tolds.Unlock()
	r.told = append(r.told, s)
}

// stop ends the process.
func (r *rig) stop() {
	r.cancel()
	r.work.Wait()
}

// bubble runs a test with a rig in a bubble.
func bubble(t *testing.T, hls string, test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, hls)
		r.start()
		defer func() {
			r.stop()
			if n := r.log.count("panic"); n > 0 {
				t.Errorf("panics:\n%s", r.log.b.String())
			}
		}()
		test(t, r)
	})
}

var (
	sps = []byte("\x67\x42\xc0\x28\xd9\x00\x78\x02\x27\xe5\x84\x00\x00\x03\x00\x04\x00\x00\x03\x00\xf0\x3c\x60\xc9\x20")
	pps = []byte("\x68\xee\x3c\x80")
)

func pictures() *media.Track {
	config, err := h264.AppendConfig(nil, [][]byte{sps}, [][]byte{pps})
	if err != nil {
		panic(err)
	}
	info, _ := h264.Info(config)
	return &media.Track{Kind: media.Video, Codec: media.H264, Config: config, Info: info}
}

func sound(rate int) *media.Track {
	return &media.Track{Kind: media.Audio, Codec: media.AAC, Config: aac.AppendConfig(nil, aac.Config{Type: aac.LC, Rate: rate, Layout: 2})}
}

// encoder publishes pictures, with a key picture at each multiple of group, and sound.
type encoder struct {
	r      *rig
	pub    *stream.Publisher
	layout *media.Layout
	group  int
	size   int     // bytes of a picture
	frames float64 // pictures in a second
	dark   bool    // sends no pictures, whatever the layout says
	n      int64
	sounds int64
	skip   int64 // ms added to all stamps
	kicked atomic.Bool
}

func (r *rig) publish(app, name string, tracks ...*media.Track) *encoder {
	r.t.Helper()
	if len(tracks) == 0 {
		tracks = []*media.Track{pictures(), sound(44100)}
	}
	e := &encoder{r: r, layout: &media.Layout{Tracks: tracks}, group: 50, size: 400, frames: 25}
	p, err := r.registry.Publish(r.t.Context(), &stream.Request{
		ID: stream.NewID(), Kind: "test-publish", Vhost: stream.DefaultVhost, App: app, Stream: name, Name: name,
		Kick: func(error) { e.kicked.Store(true) },
	})
	if err != nil {
		r.t.Fatal(err)
	}
	e.pub = p
	return e
}

func (e *encoder) write(track int, ms int64, key bool, data []byte) {
	f := media.NewFrame(nil, data)
	f.Layout, f.Track, f.Key = e.layout, uint8(track), key
	f.DTS = (ms + e.skip) * int64(time.Millisecond)
	f.PTS, f.At = f.DTS, media.Now()
	_ = e.pub.WriteFrame(f) // it may have been ended
}

// run publishes for so long, in real time; the last pause lets all be read.
func (e *encoder) run(d time.Duration) *encoder {
	step := time.Duration(float64(time.Second) / e.frames)
	for end := e.n + int64(d/step); e.n < end; e.n++ {
		at := int64(time.Duration(e.n) * step / time.Millisecond)
		for i, t := range e.layout.Tracks {
			if t.Kind == media.Video && e.dark {
				continue
			}
			if t.Kind == media.Video {
				first, key := byte(0x41), e.n%int64(e.group) == 0
				if key {
					first = 0x65
				}
				e.write(i, at, key, nal.Append(nil, append([]byte{first}, bytes.Repeat([]byte{0xab}, e.size)...)))
				continue
			}
			for ; e.sounds*1024*1000/44100 < at+step.Milliseconds(); e.sounds++ {
				e.write(i, e.sounds*1024*1000/44100, true, bytes.Repeat([]byte{0xcd}, 100))
			}
		}
		time.Sleep(step)
	}
	return e
}

func (e *encoder) end() {
	_ = e.pub.Close()
	time.Sleep(2*pace + time.Millisecond)
	synctest.Wait()
}

// get asks for a path; code 0 means that the path is not ours.
func (r *rig) get(path string) (code int, body string, header http.Header) {
	q := httptest.NewRequest(http.MethodGet, path, nil)
	h := r.server.Route(q)
	if h == nil {
		return 0, "", nil
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, q)
	return w.Code, w.Body.String(), w.Header()
}

// must is get of what is there.
func (r *rig) must(path string) string {
	r.t.Helper()
	code, body, _ := r.get(path)
	if code != http.StatusOK {
		r.t.Fatalf("%s: %d %s", path, code, body)
	}
	return body
}

// files lists what is on the disk.
func (r *rig) files() (list []string) {
	_ = filepath.Walk(r.dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() && filepath.Base(path) != "weir.conf" {
			name, _ := filepath.Rel(r.dir, path)
			list = append(list, filepath.ToSlash(name))
		}
		return nil
	})
	return list
}

// block puts a file where a directory should be.
func (r *rig) block(name string) {
	r.t.Helper()
	file := filepath.Join(r.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, nil, 0o600)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) unblock(name string) {
	r.t.Helper()
	if err := os.Remove(filepath.Join(r.dir, name)); err != nil {
		r.t.Fatal(err)
	}
}
