package cluster

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// maxClaims is how many streams a node may have.
const maxClaims = 100_000

// Taken is the error of a claim of what another node has.
type Taken struct {
	Key  string
	Node Node // of one that is gone itself, only the ID
}

func (t *Taken) Error() string {
	return fmt.Sprintf("cluster: stream %s is published at node %s %s", t.Key, t.Node.ID, t.Node.Addr(t.Node.RTMP))
}

// Claim is a stream of this node's, until it is released or lost. It is renewed by Directory.Run.
type Claim struct {
	d    *Directory
	l    *lease
	once sync.Once
}

// lease is what this node says of a key, for all who have claimed it here.
type lease struct {
	// Set at construction.
	key   string
	owner owner
	value string        // the owner, as it is in Redis
	renew []any         // the command
	ready chan struct{} // closed when it is settled

	err error // of the claim; set before ready is closed

	// Guarded by Directory.mu.
	holders    int
	settled    bool // Redis has been asked, or was away
	registered bool // Redis has said yes
	doubt      bool // somebody else is said to have it
	left       time.Time
}

// Claim says that this node has a stream, vhost/app/stream, and asks Redis, for a second or so, however ctx ends. If
// another node has it, the error is *Taken. Who claims what is claimed here already shares the claim: this server decides who
// publishes. While Redis is away every claim is granted; it is registered when Redis is back, and lost if somebody else was
// faster.
//
// A claim of an earlier run of this server, at the same host and port of RTMP, is replaced: that run has ended, or is about to, and is
// told by Options.Lost if it still has the stream. So is one of a node that Options.Gone knows to be dead.
func (d *Directory) Claim(ctx context.Context, key string) (*Claim, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	l, before, err := d.take(key)
	if err != nil {
		return nil, err
	}
	if before != nil {
		d.settle(context.WithoutCancel(ctx), l, *before)
	} else {
		<-l.ready
	}
	if l.err != nil {
		return nil, l.err
	}
	return &Claim{d: d, l: l}, nil
}

// take returns the lease of a key, with one more holder. If it is new, before is the owner that it follows here, or "".
func (d *Directory) take(key string) (l *lease, before *string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if l = d.claims[key]; l != nil {
		l.holders++
		return l, nil, nil
	}
	if len(d.claims) >= maxClaims {
		return nil, nil, fmt.Errorf("cluster: %d streams are claimed here, which is the most", maxClaims)
	}
	before = new(string)
	if old := d.gone[key]; old != nil {
		*before = old.value
		delete(d.gone, key)
	}
	d.epoch = max(d.epoch+1, now())
	l = &lease{key: key, owner: owner{d.id, d.epoch}, ready: make(chan struct{}), holders: 1}
	l.value = l.owner.String()
	l.renew = d.holdArgs(l, "")
	d.claims[key] = l
	return l, before, nil
}

// settle asks Redis for a new lease.
func (d *Directory) settle(ctx context.Context, l *lease, before string) {
	var other owner
	err := errAway
	if !d.link.down.Load() {
		other, err = d.hold(ctx, l, before)
		if err != nil {
			d.fail(err)
		}
	}
	if err == nil && other.id != "" {
		l.err = &Taken{l.key, d.nodeOf(ctx, other.id)}
	}
	d.mu.Lock()
	l.settled, l.registered = true, err == nil
	if l.err != nil {
		delete(d.claims, l.key)
	}
	d.mu.Unlock()
	close(l.ready)
}

// hold claims or renews a lease, and returns the owner if that is another one. What this node has left behind, in this run or
// an earlier one, is replaced.
func (d *Directory) hold(ctx context.Context, l *lease, before string) (owner, error) {
	for range 3 { // each time it is somebody else's, or is replaced
		asking, cancel := context.WithTimeout(ctx, d.patience)
		answer, err := d.scripts.hold.run(asking, d.redis, d.holdArgs(l, before))
		cancel()
		if err != nil {
			return owner{}, err
		}
		text, taken := answer.(string)
		if !taken {
			return owner{}, nil
		}
		if other, err := parseOwner(text); err == nil && !d.follows(ctx, other) && !d.outlives(ctx, other) {
			return other, nil
		}
		before = text // what is no claim is replaced too: nobody would renew it
	}
	return owner{}, fmt.Errorf("cluster: the claim of %s is replaced again and again", l.key)
}

func (d *Directory) holdArgs(l *lease, before string) []any {
	return d.scripts.hold.args(1, streamKey+l.key, l.value, d.o.Lease.Milliseconds(), before, l.key)
}

// follows reports whether this run of the server comes after another owner: after itself, or after an earlier run at the same
// address. That is one whose claim was made before this one began, or that is going while this one stays.
func (d *Directory) follows(ctx context.Context, other owner) bool {
	if other.id == d.id {
		return true
	}
	self, older := d.o.Self(), other.epoch < d.born
	if !older && self.Draining {
		return false
	}
	n := d.nodeOf(ctx, other.id)
	return self.shares(n) && (older || n.Draining)
}

// Earlier reports whether a node is an earlier run of this server, at the same host and port of RTMP, and this one is not going
// itself. What is sent there comes here.
func (d *Directory) Earlier(n Node) bool {
	self := d.o.Self()
	return n.ID != d.id && !self.Draining && self.shares(n)
}

// outlives reports whether another owner is dead, though its lease is not over.
func (d *Directory) outlives(ctx context.Context, other owner) bool {
	if d.o.Gone == nil {
		return false
	}
	n := d.nodeOf(ctx, other.id)
	return n.Host != "" && !n.Draining && d.o.Gone(ctx, n)
}

// Release gives the stream back, if all who have claimed it here do. It waits for nothing: Run tells Redis. It may be called
// twice, and when the claim is lost.
func (c *Claim) Release() {
	c.once.Do(func() { c.d.release(c.l) })
}

func (d *Directory) release(l *lease) {
	d.mu.Lock()
	l.holders--
	over := l.holders == 0 && d.claims[l.key] == l
	if over {
		delete(d.claims, l.key)
		d.part(l)
	}
	d.mu.Unlock()
	if over {
		d.hurry()
	}
}

// part has Redis told, under mu, that a lease is over.
func (d *Directory) part(l *lease) {
	if len(d.gone) < maxClaims { // the rest runs out by itself
		if l.left.IsZero() {
			l.left = time.Now()
		}
		d.gone[l.key] = l
	}
}

// Registered reports whether Redis knows of the claim. It is false for what was claimed while Redis was away, and is lost.
func (c *Claim) Registered() bool {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	return c.l.registered && c.d.claims[c.l.key] == c.l
}

// Claims is how many streams this node has claimed.
func (d *Directory) Claims() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.claims)
}
