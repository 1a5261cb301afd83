package dash

import (
	"bytes"
	"context"
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
	"weir/internal/config"
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
func newRig(t testing.TB, dash string) *rig {
	r := &rig{t: t, dir: t.TempDir(), log: &book{}}
	r.configure(dash)
	return r
}

// configure puts settings in force.
func (r *rig) configure(dash string) {
	r.t.Helper()
	file := filepath.Join(r.dir, "weir.conf")
	dash = strings.ReplaceAll(dash, "DIR", r.dir)
	if !strings.Contains(dash, "dash_path") {
		dash += " dash_path " + r.dir + "/www;"
	}
	if !strings.Contains(dash, "enabled") {
		dash += " enabled on;"
	}
	text := fmt.Sprintf("listen 1935; daemon off; http_server { enabled on; dir %s/www; }\n"+
		"vhost __defaultVhost__ { play { queue_length 30; } dash { %s } }\n", r.dir, dash)
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
	r.server = New(Options{Registry: func() *stream.Registry { return r.registry }, Config: r.config.Load, Log: log})
	r.registry = stream.NewRegistry(stream.Options{
		Standing: []stream.Standing{cmaf.Standing(log, func() any { return r.config.Load() }, r.server.Chunks())}, Gates: r.gates, Log: log,
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

// stop ends the process.
func (r *rig) stop() {
	r.cancel()
	r.work.Wait()
}

// bubble runs a test with a rig in a bubble.
func bubble(t *testing.T, dash string, test func(t *testing.T, r *rig), gates ...stream.Gate) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, dash)
		r.gates = gates
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

// get asks for a path; code 0 means that the path is not ours.
func (r *rig) get(path string) (code int, body string, header http.Header) {
	return r.as("", path)
}

// as is get by a program.
func (r *rig) as(program, path string) (code int, body string, header http.Header) {
	q := httptest.NewRequest(http.MethodGet, path, nil)
	q.Header.Set("User-Agent", program)
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

// files lists what is on the disk, below www.
func (r *rig) files() (list []string) {
	_ = filepath.Walk(r.dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() && filepath.Base(path) != "weir.conf" {
			name, _ := filepath.Rel(filepath.Join(r.dir, "www"), path)
			list = append(list, filepath.ToSlash(name))
		}
		return nil
	})
	return list
}

// put makes a file, below www.
func (r *rig) put(name, text string) {
	r.t.Helper()
	file := filepath.Join(r.dir, "www", name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}
