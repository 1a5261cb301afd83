package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"weir/internal/listen"
	"weir/internal/relay"
	"weir/internal/stream"
)

// What two processes say to each other while one takes the place of the other, in this order, and the connections
// that the new one makes to the old one.
const (
	wordFree  listen.Word = 'f' // old: the pid file is free
	wordTaken listen.Word = 't' // new: it is mine
	wordOver  listen.Word = 'o' // old: I let nobody in any more
	wordUDP   listen.Word = 'u' // new, much later: end your sessions over UDP; old: they have ended
	wordRTMP  listen.Word = 'r' // a connection that plays a stream
	wordHTTP  listen.Word = 'h' // one for segments of streams
)

const (
	takeOverTime = 10 * time.Second                             // for the old process to let go of the pid file, and for the new one to take it
	overTime     = retireMost + listen.KinWrite + 5*time.Second // for the old process to let nobody in any more after that: all that Retire can take, and to say so
	askTime      = time.Second                                  // for it to say whether it has a stream
	kinClient    = "X-Weir-Client"                              // the header that tells the old process who asks
	kinStream    = "/process/stream"                            // where it says whether it has one: no path of a client's comes there
	maxKinIdle   = 16                                           // connections of HTTP to the old process that are kept
	maxKinHTTP   = 512                                          // that there are
)

// errTakeOver is wrapped by the errors of a new process that cannot take the place of the old one.
var errTakeOver = errors.New("upgrade: cannot take over")

// before is the process whose place this one takes, or has taken, as long as it lives; nil for a process that was not started so.
type before struct {
	// Set at construction.
	kin    *listen.Kin
	alive  context.Context
	gone   context.CancelFunc
	client *http.Transport
	pulse  *pulse
	log    *slog.Logger

	free chan struct{} // cap 1: it has no sessions over UDP any more
}

func newBefore(kin *listen.Kin, log *slog.Logger) *before {
	if kin == nil {
		return nil
	}
	b := &before{kin: kin, log: log, free: make(chan struct{}, 1)}
	b.alive, b.gone = context.WithCancel(context.Background())
	b.asks(func() (net.Conn, error) { return kin.Dial(wordHTTP) })
	return b
}

// asks has requests be put to the process before by connections that dial makes.
func (b *before) asks(dial func() (net.Conn, error)) {
	transport := func(idle, all int) *http.Transport {
		return &http.Transport{
			DialContext:         func(context.Context, string, string) (net.Conn, error) { return dial() },
			MaxIdleConnsPerHost: idle, MaxConnsPerHost: all, DisableCompression: true,
		}
	}
	b.client = transport(maxKinIdle, maxKinHTTP)
	apart := transport(-1, 0) // its connections are not those that requests wait for
	b.pulse = newPulse(func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodHead, "http://process-before/", http.NoBody)
		if err != nil {
			return err
		}
		answer, err := apart.RoundTrip(r)
		if err != nil {
			return err
		}
		return answer.Body.Close() // whatever it is
	}, b.log)
}

// origin is the process before as the relay knows it.
func (b *before) origin() *relay.Before {
	if b == nil {
		return nil
	}
	return &relay.Before{
		Alive: b.alive, Has: b.has,
		Dial: func(context.Context, string, string) (net.Conn, error) { return b.kin.Dial(wordRTMP) },
	}
}

// lives reports whether there is a process before.
func (b *before) lives() bool { return b != nil && b.alive.Err() == nil }

// has reports whether the process before, or one before that, publishes the stream that r names.
func (b *before) has(ctx context.Context, r *stream.Request) bool {
	if !b.lives() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	query := url.Values{"vhost": {r.Vhost}, "app": {r.App}, "stream": {r.Stream}}
	asked, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://process-before"+kinStream+"?"+query.Encode(), http.NoBody)
	if err != nil {
		return false
	}
	answer, err := b.client.RoundTrip(asked)
	if err != nil {
		return false // it has just ended, or hangs
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusNoContent
}

// take locks the pid file once the old process has let go of it, and returns when that lets nobody in any more.
func (b *before) take(path string) (*PIDFile, error) {
	if err := b.hear(wordFree, takeOverTime); err != nil {
		return nil, err
	}
	pid, err := LockPID(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTakeOver, err)
	}
	if err := b.kin.Send(wordTaken); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", errTakeOver, err), pid.Close())
	}
	if err := b.hear(wordOver, overTime); err != nil {
		b.log.Warn("the process before has ended while its place was taken", "cause", err)
		b.gone()
	}
	return pid, nil
}

// hear waits for a word of the old process, no longer than that.
func (b *before) hear(want listen.Word, limit time.Duration) error {
	late := time.AfterFunc(limit, func() { _ = b.kin.Close() })
	defer late.Stop()
	w, conn, err := b.kin.Next()
	if conn != nil {
		_ = conn.Close()
	}
	if err == nil && w != want {
		err = fmt.Errorf("the process before says %q", w)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errTakeOver, err)
	}
	return nil
}

// Run watches the process before until it has ended, or ctx ends.
func (b *before) Run(ctx context.Context) error {
	if b == nil {
		return nil
	}
	defer b.client.CloseIdleConnections()
	defer b.gone()
	defer b.kin.Close()
	defer context.AfterFunc(ctx, func() { _ = b.kin.Close() })()
	for {
		w, conn, err := b.kin.Next()
		if conn != nil {
			_ = conn.Close()
		}
		if w == wordUDP && err == nil {
			select {
			case b.free <- struct{}{}:
			default:
			}
		}
		if err != nil && !errors.Is(err, listen.ErrDropped) {
			if ctx.Err() == nil {
				b.log.Info("the process before has ended")
			}
			return nil
		}
	}
}

// letGo has the process before end its sessions over UDP: what comes can be divided between two processes, not three.
func (b *before) letGo() {
	if !b.lives() || b.kin.Send(wordUDP) != nil {
		return
	}
	select {
	case <-b.free:
	case <-b.alive.Done():
	case <-time.After(letGoTime - listen.KinWrite):
	}
}

// Name tells it from others in the log.
func (*before) Name() string { return "process before" }

// segmented are the extensions of what makes up streams in segments.
func segmented(at string) bool {
	switch strings.ToLower(path.Ext(at)) {
	case ".m3u8", ".mpd", ".ts", ".m4s", ".mp4", ".vtt", ".key", ".aac", ".mp3":
		return true
	}
	return false
}

// lent is a web.Route for segments of streams whose publisher is still with the process before. That is asked first, but for what is
// published here: it answers for no others.
func (s *Server) lent(r *http.Request) http.Handler {
	if !s.before.lives() || s.hls.Has(r) || s.dash.Has(r) {
		return nil
	}
	return s.before.route(r)
}

// route hands requests for segments on.
func (b *before) route(r *http.Request) http.Handler {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || !segmented(r.URL.Path) {
		return nil
	}
	return b.ask(r)
}

// ask puts a request to the process before. It is nil if that has ended or does not answer at all, or knows nothing of what is asked for.
func (b *before) ask(r *http.Request) http.Handler {
	if !b.lives() || !b.pulse.well() {
		return nil
	}
	ctx, cancel := context.WithCancel(r.Context())
	stop := b.pulse.guard(cancel)
	asked := r.Clone(ctx)
	asked.URL.Scheme, asked.URL.Host = "http", "process-before"
	if asked.Host == "" {
		asked.Host = asked.URL.Host
	}
	asked.Header.Set(kinClient, r.RemoteAddr)
	answer, err := b.client.RoundTrip(asked) //nolint:bodyclose // by the handler
	stop()
	if err != nil {
		cancel()
		return nil // it has just ended, or hangs
	}
	if answer.StatusCode == http.StatusNotFound {
		_ = answer.Body.Close()
		cancel()
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		defer cancel()
		defer answer.Body.Close()
		for name, values := range answer.Header {
			if name != "Server" && name != "Date" {
				w.Header()[name] = values
			}
		}
		w.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(w, answer.Body) // one of the two has gone
	})
}
