package cluster

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	quietTime  = 2 * time.Second // without an event, until it is asked whether the other side is there, and again until it is given up
	maxWatches = 65536           // of streams, by all who wait
)

// errWatches is of too many who wait.
var errWatches = errors.New("cluster: too many wait for streams")

// watches are who waits for a change.
type watches struct {
	mu    sync.Mutex // guards what follows
	byKey map[string][]chan struct{}
	count int
}

// Watch has the channel filled, cap 1, whenever a stream may have another owner than before, or one, or none: it says to Find
// again, and who is late misses nothing. Call stop when it is not wanted any more.
func (d *Directory) Watch(key string) (changed <-chan struct{}, stop func(), err error) {
	w := &d.watches
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.count >= maxWatches {
		return nil, nil, errWatches
	}
	c := make(chan struct{}, 1)
	w.count++
	w.byKey[key] = append(w.byKey[key], c)
	return c, sync.OnceFunc(func() { w.remove(key, c) }), nil
}

func (w *watches) remove(key string, c chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count--
	rest := slices.DeleteFunc(w.byKey[key], func(other chan struct{}) bool { return other == c })
	if w.byKey[key] = rest; len(rest) == 0 {
		delete(w.byKey, key)
	}
}

func (w *watches) wake(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.byKey[key] {
		fill(c)
	}
}

func (w *watches) wakeAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, list := range w.byKey {
		for _, c := range list {
			fill(c)
		}
	}
}

func fill(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// listen hears events, over one connection after another, until ctx ends.
func (d *Directory) listen(ctx context.Context) {
	for pause := backoffFirst; ctx.Err() == nil; pause = min(2*pause, backoffMost) {
		if d.hear(ctx) {
			pause = backoffFirst
		}
		d.answers.doubt() // nobody says what happens now
		if !d.rest(ctx, pause, false) {
			return
		}
	}
}

// hear hears events until the connection ends, and reports whether there was one.
func (d *Directory) hear(ctx context.Context) (heard bool) {
	sub := d.redis.Subscribe(ctx, channel)
	defer sub.Close()
	defer context.AfterFunc(ctx, func() { sub.Close() })()
	for quiet := false; ; {
		message, err := sub.ReceiveTimeout(ctx, quietTime)
		var late net.Error
		switch {
		case errors.As(err, &late) && late.Timeout() && heard && !quiet:
			if sub.Ping(ctx) != nil {
				return heard
			}
			quiet = true
			continue
		case err != nil:
			return heard
		}
		quiet = false
		switch m := message.(type) {
		case *redis.Subscription: // from here on nothing is missed; until here it may be
			heard = true
			d.answers.doubt()
			d.watches.wakeAll()
		case *redis.Message:
			d.note(m.Payload)
		}
	}
}

// note takes an event in. What is none is passed over, as somebody else may write to the channel.
func (d *Directory) note(text string) {
	e, err := parseEvent(text)
	if err != nil {
		return
	}
	if e.kind == claimed {
		d.answers.changed(e.key, e.by.id)
	} else {
		d.answers.forget(e.key)
	}
	if e.kind == claimed && e.by.id != d.id {
		d.doubtClaim(e.key)
	}
	d.watches.wake(e.key)
}

// doubtClaim has a claim looked after, if it is one of this node's.
func (d *Directory) doubtClaim(key string) {
	d.mu.Lock()
	l := d.claims[key]
	if l != nil {
		l.doubt = true
	}
	d.mu.Unlock()
	if l != nil {
		d.hurry()
	}
}
