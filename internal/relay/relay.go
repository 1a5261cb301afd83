// Package relay moves streams between this server and others: it fetches them (ingest), waits for them (stream_caster)
// and sends them on (forward). What it says to the other side is a protocol's: it has a table of them, by the schemes of
// addresses.
package relay

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"weir/internal/config"
	"weir/internal/stream"
)

// Scheme is what a protocol can do with addresses of its own. Nil is what it cannot.
type Scheme struct {
	// Check says what is wrong with an address.
	Check func(url string) error
	// Sole reports whether an address is for one stream at a time, because no names go with it; nil is never.
	Sole func(url string) bool
	// Pull publishes what is at an address as r says, and returns why that has ended, never nil. It fills in of r what
	// only it can know, and calls begun when the publication has begun.
	Pull func(ctx context.Context, url string, r *stream.Request, begun func()) error
	// Push sends a stream to an address until its publication has ended, which is no error. It calls open for each
	// position in the stream that it needs, when somebody is there to be sent it, and closes them. Over is closed when
	// the publication has ended.
	Push func(ctx context.Context, url string, open func(stream.Cargo) *stream.Subscriber, over <-chan struct{}) error
}

// Options set up a Relay.
type Options struct {
	Registry func() *stream.Registry
	Config   func() *config.Config // the configuration in force
	Log      *slog.Logger
}

// Relay keeps all relays of the server.
type Relay struct {
	// Set at construction.
	o       Options
	schemes map[string]Scheme // by what is in front of ://

	review chan struct{} // cap 1: the configuration may have changed

	// Owned by Run.
	casters []source // those of the start: a reload changes none
	sources map[source]*running

	mu      sync.Mutex      // guards what follows
	claimed map[string]bool // addresses for one stream at a time that are in use
}

// running is a source, or a target, that is run.
type running struct {
	stop  context.CancelFunc
	ended chan struct{}
}

// attemptEvery is the time from one attempt to the next.
const attemptEvery = 3 * time.Second

// New returns a relay that is not running yet.
func New(o Options) *Relay {
	return &Relay{o: o, review: make(chan struct{}, 1), sources: map[source]*running{}, claimed: map[string]bool{}}
}

// Serve gives the protocols, by what is in front of :// in an address. Call it once, before Run and the first stream.
func (v *Relay) Serve(schemes map[string]Scheme) { v.schemes = schemes }

// Review has the configuration looked at again.
func (v *Relay) Review() {
	select {
	case v.review <- struct{}{}:
	default:
	}
}

// Run keeps what the configuration asks for until ctx ends, and waits for it to end. Streams are sent on by the Registry,
// which runs Standing.
func (v *Relay) Run(ctx context.Context) error {
	v.casters = v.listCasters(v.o.Config())
	var all sync.WaitGroup
	defer all.Wait()
	for {
		v.arrange(ctx, &all)
		select {
		case <-v.review:
		case <-ctx.Done():
			return nil
		}
	}
}

// scheme returns the protocol of an address.
func (v *Relay) scheme(url string) (Scheme, bool) {
	name, _, found := strings.Cut(url, "://")
	s, ok := v.schemes[name]
	return s, ok && found
}

// claim takes an address that is for one stream at a time, if it is free.
func (v *Relay) claim(url string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.claimed[url] {
		return false
	}
	v.claimed[url] = true
	return true
}

func (v *Relay) release(url string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.claimed, url)
}

// guarded has a panic end this attempt alone.
func guarded(attempt func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("relay: panic: %v\n%s", p, debug.Stack())
		}
	}()
	return attempt()
}

// pause waits until it is time for another attempt, since one that began then, and reports whether ctx goes on.
func pause(ctx context.Context, began time.Time, least time.Duration) bool {
	select {
	case <-time.After(max(least, attemptEvery-time.Since(began))):
		return true
	case <-ctx.Done():
		return false
	}
}

// failures logs why something fails, each cause once in a row.
type failures struct {
	log  *slog.Logger
	last string
}

func (f *failures) note(what string, err error, args ...any) {
	if text := err.Error(); text != f.last {
		f.last = text
		f.log.Warn(what, append(args, "cause", err, "next", "tried again every "+attemptEvery.String())...)
	}
}

func (f *failures) over() { f.last = "" }
