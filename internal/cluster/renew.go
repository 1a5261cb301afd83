package cluster

import (
	"context"
	"errors"
	"time"
)

// maxBatch is how many claims are renewed, or released, with one message to Redis.
const maxBatch = 500

// errAway is of what Redis is not asked, since it did not answer when it was asked last.
var errAway = errors.New("cluster: the registry is away")

// renew renews claims: all of them, or those that Redis may not know of or that somebody else is said to have. It stops at
// the first batch that fails.
func (d *Directory) renew(ctx context.Context, all bool) error {
	list := d.due(all)
	for len(list) > 0 {
		batch := list[:min(len(list), maxBatch)]
		if err := d.renewBatch(ctx, batch); err != nil {
			return err
		}
		if list = list[len(batch):]; len(list) > 0 { // who leaves does not wait for all the others
			if err := d.leave(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// due lists the claims to be renewed.
func (d *Directory) due(all bool) []*lease {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []*lease
	if all {
		list = make([]*lease, 0, len(d.claims))
	}
	for _, l := range d.claims {
		if l.settled && (all || l.doubt || !l.registered) {
			l.doubt = false
			list = append(list, l)
		}
	}
	return list
}

func (d *Directory) renewBatch(ctx context.Context, batch []*lease) error {
	asking, cancel := context.WithTimeout(ctx, d.patience)
	defer cancel()
	batch = d.current(batch)
	each := make([][]any, len(batch))
	for i, l := range batch {
		each[i] = l.renew
	}
	held, others := make([]*lease, 0, len(batch)), map[*lease]string{}
	err := d.scripts.hold.runAll(asking, d.redis, each, func(i int, answer any) {
		if other, taken := answer.(string); taken {
			others[batch[i]] = other
		} else {
			held = append(held, batch[i])
		}
	})
	d.mu.Lock()
	for _, l := range held {
		l.registered = true
	}
	d.mu.Unlock()
	for l, other := range others {
		if err != nil { // in doubt still, and asked for again when Redis is back
			break
		}
		err = d.dispute(ctx, l, other)
	}
	return err
}

// current lists, in the same memory, those that have not been released since they were listed. Redis may have been told, and
// would take them for claims anew; who is released from here on is told of after the batch.
func (d *Directory) current(list []*lease) []*lease {
	d.mu.Lock()
	defer d.mu.Unlock()
	still := list[:0]
	for _, l := range list {
		if d.claims[l.key] == l {
			still = append(still, l)
		}
	}
	return still
}

// dispute gives a claim up that somebody else has, unless that is one that is to be replaced.
func (d *Directory) dispute(ctx context.Context, l *lease, has string) error {
	other, err := parseOwner(has)
	if err != nil || d.follows(ctx, other) {
		if other, err = d.hold(ctx, l, has); err != nil {
			return err
		}
	}
	if !d.decide(l, other.id == "") {
		return nil
	}
	to := d.nodeOf(ctx, other.id)
	telling, cancel := context.WithTimeout(ctx, d.patience)
	defer cancel()
	err = d.redis.Publish(telling, channel, event{lost, l.owner, l.key}.String()).Err()
	d.o.Lost(l.key, to)
	return err
}

// decide notes how a dispute has ended, and reports whether the claim is lost by that.
func (d *Directory) decide(l *lease, won bool) (over bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch mine := d.claims[l.key] == l; {
	case mine && !won:
		delete(d.claims, l.key)
		return true
	case mine:
		l.registered = true
	case won: // it was released meanwhile, and has been claimed again by this
		d.part(l)
	}
	return false
}

// leave tells Redis what has been released. What cannot be told within a lease has run out by itself.
func (d *Directory) leave(ctx context.Context) error {
	d.mu.Lock()
	list := make([]*lease, 0, len(d.gone))
	for _, l := range d.gone {
		list = append(list, l)
	}
	clear(d.gone)
	d.mu.Unlock()
	for len(list) > 0 {
		batch := list[:min(len(list), maxBatch)]
		if err := d.leaveBatch(ctx, batch); err != nil {
			d.keepGone(list)
			return err
		}
		list = list[len(batch):]
	}
	return nil
}

func (d *Directory) leaveBatch(ctx context.Context, batch []*lease) error {
	asking, cancel := context.WithTimeout(ctx, d.patience)
	defer cancel()
	each := make([][]any, len(batch))
	for i, l := range batch {
		each[i] = d.scripts.drop.args(1, streamKey+l.key, l.value, l.key)
	}
	return d.scripts.drop.runAll(asking, d.redis, each, func(int, any) {})
}

// keepGone has what could not be released tried again.
func (d *Directory) keepGone(list []*lease) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range list {
		if d.claims[l.key] == nil && d.gone[l.key] == nil && time.Since(l.left) < d.o.Lease {
			d.part(l)
		}
	}
}
