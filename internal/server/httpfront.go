package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"weir/internal/listen"
	"weir/internal/web"
)

// httpFront is two fronts, one of them over TLS, whose connections an http.Server takes.
type httpFront struct {
	// Set at construction.
	plain, secure *front
	cert          *certificate
	queue         *listen.Queue
	http          *http.Server
	requests      requests

	ice listen.Handler // Set before it listens: takes WebRTC over TCP, which comes through its sockets; nil is none.
}

// isICE recognises WebRTC over TCP, where there is any.
func (f *httpFront) isICE(head []byte) listen.Verdict {
	if f.ice == nil {
		return listen.No
	}
	return listen.IsICE(head)
}

func (f *httpFront) serveICE(ctx context.Context, c net.Conn) { f.ice(ctx, c) }

// plainly takes a connection without TLS. It waits for the first bytes only where they make a difference.
func (f *httpFront) plainly(ctx context.Context, c net.Conn) {
	if f.ice == nil {
		f.queue.Handle(ctx, c)
		return
	}
	m := listen.Mux{Matches: []listen.Match{{Is: listen.IsICE, Handle: f.ice}}, Default: f.queue.Handle, Log: f.plain.options.Log}
	m.Handle(ctx, c)
}

// drainTime is how long requests under way may take when the server stops.
const drainTime = time.Second

func newHTTPFront(name string, o listen.Options, h *http.Server, trusted func() []netip.Prefix) *httpFront {
	q := listen.NewQueue(&net.TCPAddr{})
	f := &httpFront{cert: &certificate{}, queue: q, http: h}
	f.plain = newFront(name, o, f.plainly)
	settings := f.cert.config()
	settings.NextProtos = []string{"h2", "http/1.1"}
	settings.SessionTicketsDisabled = false // browsers come again and again
	m := listen.Mux{
		Matches: []listen.Match{
			{Is: f.isICE, Handle: f.serveICE},
			{Is: listen.IsTLS, Handle: listen.TLS(settings, o.Log, f.handshaken)},
			{Is: listen.IsHTTP, Handle: strayPlain},
		},
		Log: o.Log,
	}
	f.secure = newFront(name+" over TLS", o, m.Handle)
	f.requests.handler, h.Handler = web.Forwarded(h.Handler, trusted), &f.requests
	return f
}

// Name tells the front from others in the log.
func (f *httpFront) Name() string { return f.plain.name }

// handshaken brings a connection whose client has chosen a protocol.
func (f *httpFront) handshaken(ctx context.Context, c net.Conn) { f.queue.Handle(ctx, c) }

// strayPlain tells a client that it has forgotten the s of https.
func strayPlain(_ context.Context, c net.Conn) {
	_ = c.SetDeadline(time.Now().Add(time.Second))
	_, _ = io.WriteString(c, "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"+
		"This port speaks https.\n")
}

// Run serves requests until ctx ends, which ends the context of each request too.
func (f *httpFront) Run(ctx context.Context) error {
	f.http.BaseContext = func(net.Listener) context.Context { return ctx }
	served := make(chan error, 1)
	go func() { served <- f.http.Serve(f.queue) }()
	var fronts sync.WaitGroup
	for _, each := range []*front{f.plain, f.secure} {
		fronts.Go(func() { _ = each.Run(ctx) }) // never fails
	}
	fronts.Wait()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if f.http.Shutdown(drain) != nil {
		_ = f.http.Close() // requests that take longer are cut off
	}
	_ = f.queue.Close() // never fails
	f.requests.wait(drain)
	if err := <-served; !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// shut closes the sockets for good; connections live on.
func (f *httpFront) shut() {
	f.plain.shut()
	f.secure.shut()
}

// requests counts the requests under way, also those whose connection was taken from the server.
type requests struct {
	handler http.Handler // Set at construction.

	mu    sync.Mutex
	count int           // Guarded by mu.
	none  chan struct{} // Guarded by mu: closed when count comes to 0; nil while nobody waits.
}

func (q *requests) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q.mu.Lock()
	q.count++
	q.mu.Unlock()
	defer q.end()
	q.handler.ServeHTTP(w, r)
}

func (q *requests) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.count--; q.count == 0 && q.none != nil {
		close(q.none)
		q.none = nil
	}
}

// wait returns when no request is under way, or ctx has ended.
func (q *requests) wait(ctx context.Context) {
	q.mu.Lock()
	if q.count == 0 {
		q.mu.Unlock()
		return
	}
	q.none = make(chan struct{})
	none := q.none
	q.mu.Unlock()
	select {
	case <-none:
	case <-ctx.Done():
	}
}
