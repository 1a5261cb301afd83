package hook

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/internal/config"
	"weir/internal/stream"
	"weir/internal/testkit/logbook"
)

// heard is what a receiver was sent.
type heard struct {
	method, url, body string
	header            http.Header
}

// network is the network and everybody on it.
type network struct {
	mu     sync.Mutex
	all    []heard
	answer func(heard) (status int, body string, err error) // nil says 0
}

func (r *network) RoundTrip(q *http.Request) (*http.Response, error) {
	h := heard{method: q.Method, url: q.URL.String(), header: q.Header}
	if q.Body != nil {
		b, _ := io.ReadAll(q.Body)
		h.body = string(b)
	}
	r.mu.Lock()
	r.all = append(r.all, h)
	answer := r.answer
	r.mu.Unlock()
	status, body, err := 200, "0", error(nil)
	if answer != nil {
		status, body, err = answer(h)
	}
	if q.Context().Err() != nil {
		return nil, q.Context().Err()
	}
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func (r *network) says(answer func(heard) (int, string, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func (r *network) list() []heard {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]heard(nil), r.all...)
}

// actions lists what was heard, by action.
func (r *network) actions() string {
	var out []string
	for _, h := range r.list() {
		_, rest, _ := strings.Cut(h.body, `"action":"`)
		action, _, _ := strings.Cut(rest, `"`)
		_, rest, _ = strings.Cut(h.body, `"client_id":"`)
		id, _, _ := strings.Cut(rest, `"`)
		out = append(out, action+" "+id)
	}
	return strings.Join(out, ", ")
}

// stage is callbacks under test.
type stage struct {
	*Hooks
	*network
	config atomic.Pointer[config.Config]
	log    logbook.Book
	stop   func()
}

const at = "http://business/hooks"

func newStage(t testing.TB, edit func(*config.HTTPHooks)) *stage {
	n := &network{}
	s := newStageOn(t, n, edit)
	s.network = n
	return s
}

// newStageOn has calls go by a way of its own.
func newStageOn(t testing.TB, way http.RoundTripper, edit func(*config.HTTPHooks)) *stage {
	s := &stage{}
	s.reload(edit)
	s.Hooks = New(Options{
		Vhost: func(name string) *config.Vhost { return s.config.Load().Vhost(name) }, Server: "vid-sample", Service: "51xq2938", Agent: "SRS/7.0.18(Hang)",
		Transport: way, Log: slog.New(slog.NewTextHandler(&s.log, nil)),
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = s.Run(ctx) })
	s.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	t.Cleanup(s.stop)
	return s
}

func (s *stage) reload(edit func(*config.HTTPHooks)) {
	c := config.Default()
	v := *c.Vhost(config.DefaultVhost)
	v.Name = config.DefaultVhost
	h := &v.HTTPHooks
	all := []string{at}
	h.Enabled = true
	h.OnConnect, h.OnClose, h.OnPublish, h.OnUnpublish, h.OnPlay, h.OnStop, h.OnDvr, h.OnHls = all, all, all, all, all, all, all, all
	if edit != nil {
		edit(h)
	}
	c.Vhosts = []*config.Vhost{&v}
	s.config.Store(c)
}

func request(id, name string) *stream.Request {
	return &stream.Request{
		ID: id, Kind: "rtmp-play", Remote: netip.MustParseAddr("::ffff:127.0.0.1"), Vhost: config.DefaultVhost,
		App: "live", Stream: name, Name: name, Param: "?token=abc&id=1", TCURL: "rtmp://127.0.0.1:1935/live", PageURL: "http://p/",
	}
}

func (s *stage) ends(id, name string) {
	s.Witness(stream.Event{What: stream.Unpublished, Request: request(id, name), StreamID: "vid-o38sk3j"})
}

func (s *stage) publishes(id, name string) error {
	return s.Check(context.Background(), stream.Ask{Act: stream.Publish, Request: request(id, name), StreamID: "vid-o38sk3j"})
}

var errRefused = errors.New("connection refused")

func silence(heard) (int, string, error) { return 0, "", errRefused }

func after(d time.Duration, status int, body string) func(heard) (int, string, error) {
	return func(heard) (int, string, error) {
		time.Sleep(d)
		return status, body, nil
	}
}
