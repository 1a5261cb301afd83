package rtmp

import (
	"errors"

	"weir/internal/config"
	"weir/internal/fanout"
	"weir/internal/media"
	"weir/internal/stream"
)

// follower is a player that a shard writes to, out of the stream's wire.
type follower struct {
	*player
	fanout.Follower

	// Set at construction.
	wire    *wire
	release func() // of the wire

	// Owned by whom the shard serves it with.
	next  uint64
	place place
	vhost *config.Vhost // in force at the last look
	terms fanout.Terms  // by it
}

// follow makes a shard write to p. It returns nil if p is one for a goroutine of its own.
func (p *player) follow(shards *fanout.Shards) (*follower, error) {
	v := &p.rules.current().Play
	raw := fanout.RawOf(p.session.conn)
	if raw == nil || v.Writer == "own" || p.length > 0 {
		return nil, nil
	}
	w, release, err := p.wire(v.Writer)
	if err != nil {
		return nil, err
	}
	f := &follower{player: p, wire: w, release: release}
	shards.Follow(&f.Follower, f, p.sub, &p.session.out, raw, w.ranks.Add(1))
	return f, nil
}

// wire returns the stream's wire, of the kind that a vhost's rules name.
func (p *player) wire(kind string) (*wire, func(), error) {
	key := wireKey{size: p.session.chunk, file: kind != "memory"}
	w, release, err := wireOf(p.sub.Stream(), key, p.mux.describe)
	if err == nil || !key.file || errors.Is(err, stream.ErrClosed) {
		return w, release, err
	}
	if kind == "file" {
		p.session.log.Warn("no file of memory; writer memory is in force", "cause", err)
	}
	key.file = false
	return wireOf(p.sub.Stream(), key, p.mux.describe)
}

// pause holds the player's frames back, or lets them go on.
func (p *follower) pause(on bool) { p.Pause(on) }

// Terms are the vhost's.
func (p *follower) Terms() *fanout.Terms {
	if v := p.rules.current(); v != p.vhost {
		p.vhost, p.place = v, place{}
		p.terms = fanout.Terms{Pace: p.sub.Pace(), Interval: v.Play.SendMinInterval}
	}
	return &p.terms
}

// Unpublished tells the player, if it is to know.
func (p *follower) Unpublished() {
	if p.session.kin() {
		p.session.cancel(errGone)
		return
	}
	p.queueUnpublished()
}

// Fail ends the session.
func (p *follower) Fail(err error) { p.session.cancel(err) } // the first cause stays

// Deliver sends a batch.
func (p *follower) Deliver(d *fanout.Desk, b *stream.Batch) error {
	v := p.vhost
	if p.begun && v.TCPNodelay != p.nodelay {
		p.nodelay = v.TCPNodelay
		immediate(p.session.conn, p.nodelay)
	}
	if b.Pos != p.next {
		p.place = place{}
	}
	n := len(b.Frames)
	p.next = b.Pos + uint64(n)
	p.count += uint64(n)
	if err := p.wire.extend(b, v.Play.ReduceSequenceHeader); err != nil {
		p.session.log.Warn("what players share cannot be kept; each is sent its own", "cause", err)
	}
	p.begun = p.begun || !p.Full()
	return p.draw(d, b, &v.Play)
}

// draw sends a batch out of the wire.
func (p *follower) draw(d *fanout.Desk, b *stream.Batch, v *config.Play) error {
	p.wire.mu.RLock()
	defer p.wire.mu.RUnlock()
	n := len(b.Frames)
	plain, from, to := p.wire.span(b, &p.place)
	if early := p.compose(d, b.Frames[:plain], v); early { // the wire's next would build on a wrong time
		p.compose(d, b.Frames[plain:], v)
		p.place, plain, to = place{}, n, from
	}
	if plain < n {
		last := b.Frames[n-1]
		p.mux.layout = last.Layout
		p.stamp(last, v)
	}
	out := p.wire.store.Burst(d.Pieces, from, to)
	d.Pieces = out.Pieces
	return p.Send(d, &out)
}

// compose makes messages of the player's own, and reports whether any has another time than its
// frame's.
func (p *follower) compose(d *fanout.Desk, frames []*media.Frame, v *config.Play) (early bool) {
	var room [4]message
	for _, f := range frames {
		own := p.append(room[:0], f, v)
		early = early || p.clock.early
		for i := range own {
			d.Pieces = appendVectors(d.Pieces, &d.Heads, &own[i], p.session.chunk)
		}
	}
	return early
}

// stop waits until the shard has let go of the player, whose subscription is closed.
func (p *follower) stop() {
	p.Stop()
	p.release()
}
