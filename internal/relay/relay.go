// Package relay moves streams between this server and others: it fetches them (ingest), waits for them (stream_caster)
// and sends them on (forward). What it says to the other side is a protocol's: it has a table of them, by the schemes of
// addresses.
package relay

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"weir/internal/cluster"
	"weir/internal/config"
	"weir/internal/stream"
	"weir/internal/transport"
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
	// position in the stream that it needs, when somebody is there to be sent it, and closes them; nil is that there is
	// nothing to be sent any more. Over is closed when the publication has ended. A refusal is transport.ErrRefused.
	Push func(ctx context.Context, url string, v transport.Visit, open func(stream.Cargo) *stream.Subscriber, over <-chan struct{}) error
	// Fetch opens the stream at an address. The error is stream.ErrUnpublished if the server says that it has none.
	Fetch func(ctx context.Context, url string, v transport.Visit) (transport.Feed, error)
	// Knock asks the server at an address whether a client may come in. Its no is transport.ErrRefused.
	Knock func(ctx context.Context, url string, v transport.Visit) error
}

// Options set up a Relay.
type Options struct {
	Registry func() *stream.Registry
	Config   func() *config.Config              // the configuration in force
	Name     string                             // of this run of this server, as no other has it
	Self     func(registry string) cluster.Node // this server, for others of that registry; nil is in none
	Before   *Before                            // whose place this process has taken; nil is nobody
	Log      *slog.Logger
	// Backend asks the web service at a URL where the stream that r publishes, or wants to, is to be sent on to. A no is a
	// *stream.Denied; any other error is that there is no answer, in words for the publisher.
	Backend func(ctx context.Context, url string, r *stream.Request) ([]string, error)
}

// Relay keeps all relays of the server.
type Relay struct {
	// Set at construction.
	o           Options
	schemes     map[string]Scheme // by what is in front of ://
	health      *health
	resolver    *resolver
	coworkers   *coworkers
	directories map[string]*cluster.Directory // by the address of the registry; nil is none
	fetched     ledger                        // of pulls
	sent        ledger                        // of publishers' ways to origins
	successor   atomic.Pointer[string]        // the Name of the process that has taken this one's place; nil is none

	review chan struct{} // cap 1: the configuration may have changed

	// Owned by Run.
	casters []source // those of the start: a reload changes none
	sources map[source]*running

	mu      sync.Mutex         // guards what follows
	claimed map[string]bool    // addresses for one stream at a time that are in use
	held    map[string][]*held // places in a registry, by what it calls the stream
	courses map[*course]struct{}
	kept    map[string]bool // virtual hosts of which it has been logged that what they fetch is not sent on
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
	return &Relay{
		o: o, health: newHealth(), resolver: newResolver(), coworkers: newCoworkers(),
		directories: map[string]*cluster.Directory{}, held: map[string][]*held{},
		review: make(chan struct{}, 1), sources: map[source]*running{}, claimed: map[string]bool{},
		courses: map[*course]struct{}{}, kept: map[string]bool{},
	}
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
// which runs Standing; Registries has a Run of its own.
func (v *Relay) Run(ctx context.Context) error {
	v.casters = v.listCasters(v.o.Config())
	var all sync.WaitGroup
	defer all.Wait()
	defer v.coworkers.close()
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
	next string // what will be done about it; empty is an attempt each attemptEvery
	last string
}

// fading is what is done about a failure where a backoff is in force.
const fading = "tried again, 3s after the attempt before, then less and less often, up to 30s"

// note reports whether it was news.
func (f *failures) note(what string, err error, args ...any) bool {
	text := lasting(err.Error())
	if text == f.last {
		return false
	}
	f.last = text
	f.log.Warn(what, append(args, "cause", err, "next", cmp.Or(f.next, "tried again every "+attemptEvery.String()))...)
	return true
}

// lasting takes out of the text of an error the own addresses of connections, "10.0.0.1:51234->": each has another port.
func lasting(text string) string {
	words := strings.Fields(text)
	for i, w := range words {
		if _, far, found := strings.Cut(w, "->"); found {
			words[i] = far
		}
	}
	return strings.Join(words, " ")
}

func (f *failures) over() { f.last = "" }
