package cluster

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// The errors of Find.
var (
	ErrUnknown     = errors.New("cluster: no node has this stream")
	ErrUnreachable = errors.New("cluster: the registry cannot be reached, and who had this stream is not known")
)

// Found is who has a stream.
type Found struct {
	Node  Node
	Stale bool // Redis is away: so it was when it was asked last
}

// Find returns the node that has a stream, vhost/app/stream; this one if it has claimed it. It is answered out of memory, or
// by Redis with one look-up, for a second or so at most; all who ask for the same stream share that. The error is ErrUnknown if
// no living node has it; ErrUnreachable if Redis is away and nothing is known from before; that of ctx.
func (d *Directory) Find(ctx context.Context, key string) (Found, error) {
	if checkKey(key) != nil {
		return Found{}, ErrUnknown
	}
	if d.has(key) {
		return Found{Node: d.o.Self()}, nil
	}
	if f, err, ok := d.recall(key, d.link.down.Load()); ok {
		return f, err
	}
	q, first := d.answers.ask(key)
	if first {
		d.answer(context.WithoutCancel(ctx), key, q)
	}
	select {
	case <-q.done:
	case <-ctx.Done():
		return Found{}, ctx.Err()
	}
	if q.err == nil || errors.Is(q.err, ErrUnknown) {
		return Found{Node: q.node}, q.err
	}
	f, err, _ := d.recall(key, true)
	return f, err
}

// has reports whether this node has a stream.
func (d *Directory) has(key string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.claims[key]
	return l != nil && l.settled
}

// recall answers out of memory, if it can; always if Redis is away.
func (d *Directory) recall(key string, away bool) (f Found, err error, ok bool) { //nolint:revive // ok is of both
	a, fresh := d.answers.recall(key)
	if !away && !fresh {
		return Found{}, nil, false
	}
	if fresh && a.id == "" && !away {
		return Found{}, ErrUnknown, true
	}
	n, living := d.table.Load().byID[a.id]
	if living && a.id != d.id { // what this node had it has no more
		return Found{n.Node, away}, nil, true
	}
	return Found{}, ErrUnreachable, away
}

// answer asks Redis, and lets all know who wait for it.
func (d *Directory) answer(ctx context.Context, key string, q *question) {
	q.node, q.err = d.look(ctx, key)
	switch {
	case q.err == nil:
		d.answers.put(key, q, q.node.ID, d.o.Lease)
	case errors.Is(q.err, ErrUnknown):
		d.answers.put(key, q, "", min(unknownFor, d.o.Lease))
	default:
		d.answers.end(key, q)
		d.fail(q.err)
	}
	close(q.done)
}

// look asks Redis who has a stream.
func (d *Directory) look(ctx context.Context, key string) (Node, error) {
	asking, cancel := context.WithTimeout(ctx, d.patience)
	defer cancel()
	text, err := d.redis.Get(asking, streamKey+key).Result()
	if errors.Is(err, redis.Nil) || redis.HasErrorPrefix(err, "WRONGTYPE") { // which is no claim
		return Node{}, ErrUnknown
	}
	if err != nil {
		return Node{}, err
	}
	by, err := parseOwner(text)
	if err != nil || by.id == d.id { // no claim at all, or one that has been released here a moment ago
		return Node{}, ErrUnknown
	}
	n, err := d.node(ctx, by.id)
	if errors.Is(err, redis.Nil) { // dead, and so is its claim in a moment
		return Node{}, ErrUnknown
	}
	return n, err
}

// Forget has the next Find of a stream ask Redis, for who has found that the node does not have it.
func (d *Directory) Forget(key string) { d.answers.forget(key) }

// unknownFor is how long nobody is asked for a stream again that no node has.
const unknownFor = 200 * time.Millisecond
