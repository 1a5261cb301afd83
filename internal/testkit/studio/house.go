package studio

import (
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/internal/config"
	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/testkit/logbook"
)

// House is what a server stands in: a configuration, a registry, a directory and a log. It is for one bubble of synctest.
type House struct {
	Dir      string
	Config   atomic.Pointer[config.Config]
	Registry *stream.Registry
	Gates    []stream.Gate
	Supply   *stream.Supply
	Log      logbook.Book

	t      testing.TB
	server Server
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// Server is what is under test.
type Server interface {
	Run(ctx context.Context) error
	Route(q *http.Request) http.Handler // nil for a path that is not its own
}

// confFile is the configuration, in the house's directory.
const confFile = "weir.conf"

// NewHouse returns a house without settings, in which nothing runs.
func NewHouse(t testing.TB) *House { return &House{t: t, Dir: t.TempDir()} }

// Logger returns a logger to the house's log.
func (h *House) Logger() *slog.Logger { return slog.New(slog.NewTextHandler(&h.Log, nil)) }

// Configure puts settings in force.
func (h *House) Configure(text string) {
	h.t.Helper()
	h.Put(confFile, text)
	c, err := config.Load(config.Options{File: filepath.Join(h.Dir, confFile)}, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	h.Config.Store(c)
	if h.Registry != nil {
		h.Registry.Review()
	}
}

// Start begins a process; there may be one after another.
func (h *House) Start(s Server, standing ...stream.Standing) {
	h.server = s
	h.Registry = stream.NewRegistry(stream.Options{
		Standing: standing, Gates: h.Gates, Supply: h.Supply, Log: h.Logger(),
		Settings: func(string) stream.Settings {
			return stream.Settings{QueueLength: 30 * time.Second, Takeover: true, Resume: 10 * time.Second}
		},
	})
	var ctx context.Context
	ctx, h.cancel = context.WithCancel(h.t.Context())
	for _, run := range []func(context.Context) error{h.Registry.Run, s.Run} {
		h.work.Go(func() { _ = run(ctx) })
	}
}

// Stop ends the process.
func (h *House) Stop() {
	h.cancel()
	h.work.Wait()
}

// Close ends the process, in which nothing may have panicked.
func (h *House) Close() {
	h.Stop()
	if h.Log.Count("panic") > 0 {
		h.t.Errorf("panics:\n%s", &h.Log)
	}
}

// Publish begins a stream.
func (h *House) Publish(app, name string, tracks ...*media.Track) *Encoder {
	h.t.Helper()
	e := NewEncoder(nil, tracks...)
	p, err := h.Registry.Publish(h.t.Context(), &stream.Request{
		ID: stream.NewID(), Kind: "test-publish", Vhost: stream.DefaultVhost, App: app, Stream: name, Name: name,
		Kick: func(error) { e.Kicked.Store(true) },
	})
	if err != nil {
		h.t.Fatal(err)
	}
	e.Publisher = p
	return e
}

// Players lists the sessions that play.
func (h *House) Players() (list []stream.SessionInfo) {
	for _, s := range h.Registry.Sessions() {
		if strings.HasSuffix(s.Request.Kind, "-play") {
			list = append(list, s)
		}
	}
	return list
}

// Get asks for a path; code 0 means that the path is not the server's.
func (h *House) Get(path string) (code int, body string, header http.Header) {
	return h.GetAs("", path)
}

// GetAs is Get by a program.
func (h *House) GetAs(program, path string) (code int, body string, header http.Header) {
	q := httptest.NewRequest(http.MethodGet, path, nil)
	q.Header.Set("User-Agent", program)
	handler := h.server.Route(q)
	if handler == nil {
		return 0, "", nil
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, q)
	return w.Code, w.Body.String(), w.Header()
}

// Must is Get of what is there.
func (h *House) Must(path string) string {
	h.t.Helper()
	code, body, _ := h.Get(path)
	if code != http.StatusOK {
		h.t.Fatalf("%s: %d %s", path, code, body)
	}
	return body
}

// Files lists what is on the disk, beside the configuration, by names that begin at a folder of the house's directory.
func (h *House) Files(folder string) (list []string) {
	_ = filepath.WalkDir(h.Dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && d.Name() != confFile {
			name, _ := filepath.Rel(filepath.Join(h.Dir, folder), path)
			list = append(list, filepath.ToSlash(name))
		}
		return nil
	})
	return list
}

// Put makes a file in the house's directory.
func (h *House) Put(name, text string) {
	h.t.Helper()
	file := filepath.Join(h.Dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}
