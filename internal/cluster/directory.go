// Package cluster is the directory of several servers: which of them are there, how much they have to do, and who has which
// stream. It is kept in a Redis that all of them share, and holds what is told it for a lease: a server that dies is forgotten
// by itself. It moves no stream and lets nobody in; it answers, and its callers decide.
package cluster

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"weir/internal/config"
)

const (
	beatTime     = time.Second            // at most, from one telling of this node's load to the next
	commandTime  = time.Second            // at most, for Redis to answer a command or a batch of them
	backoffFirst = 100 * time.Millisecond // from one attempt to reach Redis to the next
	backoffMost  = time.Second            // the same, after many in vain
	leaveTime    = 2 * time.Second        // for the last goodbye, when the server stops
)

// Options set up a Directory.
type Options struct {
	Registry string        // the address of Redis, see config.ParseRegistry
	CA       string        // a file of PEM certificates: who is believed over TLS, in place of whom the system believes; empty is these
	Lease    time.Duration // a second at least
	// Self is this node as it is now. Its ID never changes. It is called about once a second, and before each Find that
	// ends here, so it returns at once.
	Self func() Node
	// Lost tells that another node has a stream that this one had claimed, and maybe still publishes: Redis was away, or this
	// node was, for longer than a lease. The claim is over, to be ended or sent to the other node. It is called on the
	// goroutine of Run, so it returns at once; nothing is locked. Of a node that is gone itself by then, only the ID is known.
	Lost func(key string, to Node)
	// Gone reports whether a node that has a stream is certainly dead, so that a claim need not wait for the end of its lease. It
	// may take a second. Nil is never.
	Gone func(ctx context.Context, n Node) bool
	Log  *slog.Logger
}

// Directory is this node's part in the registry. All its methods may be called from anywhere, before Run and after it too;
// those that ask Redis say so.
type Directory struct {
	// Set at construction.
	o        Options
	id       string
	name     string // of the registry
	born     uint64 // the epoch before all of this node's claims
	redis    redis.UniversalClient
	patience time.Duration // for a command
	link     link
	scripts  struct{ hold, drop, beat script }
	kick     chan struct{} // cap 1: there is something to be done

	self    atomic.Pointer[Node] // as it was told last
	table   atomic.Pointer[table]
	answers answers
	watches watches

	mu     sync.Mutex        // guards what follows
	epoch  uint64            // the newest that was given
	claims map[string]*lease // by key
	gone   map[string]*lease // released, which Redis has not been told
}

// New returns a directory that is not running yet. It reads the file of certificates, and reaches for nothing: a Redis that is away is no error here.
func New(o Options) (*Directory, error) {
	address, err := config.ParseRegistry(o.Registry)
	if err != nil {
		return nil, badAddress(err)
	}
	var roots *x509.CertPool
	if o.CA != "" {
		if roots, err = Trust(o.CA); err != nil {
			return nil, err
		}
	}
	o.Lease = max(o.Lease, time.Second)
	self := o.Self()
	d := &Directory{
		o: o, id: self.ID, born: now(), name: address.String(),
		patience: min(commandTime, o.Lease/3),
		kick:     make(chan struct{}, 1),
		claims:   map[string]*lease{}, gone: map[string]*lease{},
	}
	self = d.known(self)
	if _, err := self.record(); err != nil {
		return nil, err
	}
	d.self.Store(&self)
	d.epoch = d.born
	d.link.log = o.Log.With("registry", strings.Join(address.Hosts, ","))
	d.table.Store(&table{})
	d.answers.known, d.answers.asked = map[string]answer{}, map[string]*question{}
	d.watches.byKey = map[string][]chan struct{}{}
	d.scripts.hold, d.scripts.drop, d.scripts.beat = newScript(holdScript), newScript(dropScript), newScript(beatScript)
	d.redis = connect(address, roots, d.patience)
	return d, nil
}

// now is the time as an epoch: microseconds.
func now() uint64 { return uint64(time.Now().UnixMicro()) }

// Registry is the address of Redis without what is secret.
func (d *Directory) Registry() string { return d.name }

// Away returns since when Redis has not answered, and why; zero and nil while it does. While it does not, all is known from
// before.
func (d *Directory) Away() (since time.Time, cause error) { return d.link.away() }

// Reachable reports whether Redis answered when it was last asked. While it does not, all is known from before.
func (d *Directory) Reachable() bool { return !d.link.down.Load() }

// Run announces this node, renews its claims and hears what others tell, until ctx ends. Then it releases all claims, takes
// this node from the list, and closes the connections. Its error is always nil: a Redis that is away is logged and awaited.
func (d *Directory) Run(ctx context.Context) error {
	var all sync.WaitGroup
	all.Go(func() { d.listen(ctx) })
	d.keep(ctx)
	all.Wait()
	d.depart()
	d.redis.Close()
	return nil
}

// keep does what is due, again and again.
func (d *Directory) keep(ctx context.Context) {
	var (
		beaten, renewed time.Time
		pause           time.Duration
		every           = min(beatTime, d.o.Lease/3)
	)
	for {
		began := time.Now()
		down := d.link.down.Load()
		beat := down || began.Sub(beaten) >= every
		all := down || began.Sub(renewed) >= d.o.Lease/3
		err := d.round(ctx, beat, all)
		var wait time.Duration
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			pause = min(max(2*pause, backoffFirst), backoffMost)
			wait = pause
			d.link.fail(err)
		default:
			pause = 0
			if beat {
				beaten = began
			}
			if all {
				renewed = began
			}
			if down { // and it was told all
				d.answers.doubt() // events may have been missed
				d.link.restore(d.Claims())
			}
			wait = max(every-time.Since(beaten), 0)
		}
		if !d.rest(ctx, wait, err == nil) {
			return
		}
	}
}

// rest waits, until there is something to be done if that is wanted, and reports whether ctx goes on.
func (d *Directory) rest(ctx context.Context, wait time.Duration, wake bool) bool {
	kick := d.kick
	if !wake {
		kick = nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-kick:
	case <-ctx.Done():
		return false
	}
	return true
}

// round tells Redis of this node, if beat, and of its claims: of all, or of those that are in doubt.
func (d *Directory) round(ctx context.Context, beat, all bool) error {
	if beat {
		if err := d.beat(ctx, d.o.Self()); err != nil {
			return err
		}
	}
	if err := d.leave(ctx); err != nil {
		return err
	}
	return d.renew(ctx, all)
}

// hurry has keep do what is to be done now.
func (d *Directory) hurry() {
	select {
	case d.kick <- struct{}{}:
	default:
	}
}

// fail notes that Redis has not answered, and has keep look after it.
func (d *Directory) fail(err error) {
	if errors.Is(err, redis.ErrClosed) { // Run has ended
		return
	}
	if d.link.fail(err) {
		d.hurry()
	}
}

// depart takes leave of the others, if Redis is there.
func (d *Directory) depart() {
	d.mu.Lock()
	maps.Copy(d.gone, d.claims)
	clear(d.claims)
	d.mu.Unlock()
	if d.link.down.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	err := d.leave(ctx)
	if err == nil {
		err = d.bye(ctx)
	}
	if err != nil {
		d.link.fail(err)
	}
}
