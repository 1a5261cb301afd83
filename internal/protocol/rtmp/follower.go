package rtmp

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"weir/internal/config"
	"weir/internal/media"
	"weir/internal/stream"
)

// gather is the longest time that a player waits for mw_msgs frames, unless its pause is longer.
const gather = int64(time.Second)

// follower is a player that a shard writes to, out of the stream's wire.
type follower struct {
	*player

	// Set at construction.
	shard   *shard
	raw     syscall.RawConn
	wire    *wire
	release func()        // of the wire
	rank    int64         // among those who have come to the wire
	ended   chan struct{} // closed when the shard has let go of it

	woken bool        // guarded by shard.mu
	busy  atomic.Bool // a goroutine of its own writes to it

	// Owned by the shard's goroutine, or by that of its own while it is busy.
	over  bool
	due   int64 // the tick of the shard's wheel at which it is served; 0 is none
	last  int64 // when the newest batch was taken; 0 is none yet
	full  bool  // that batch was full: there is more
	fresh bool  // that batch was all there was, a moment ago
	next  uint64
	place place
	vhost *config.Vhost // in force at the last look
	pace  stream.Pace   // by it
}

// follow makes a shard write to p. It returns nil if p is one for a goroutine of its own.
func (p *player) follow(shards *shards) (*follower, error) {
	v := &p.rules.current().Play
	raw := rawOf(p.session.conn)
	if raw == nil || v.Writer == "own" || p.length > 0 {
		return nil, nil
	}
	w, release, err := p.wire(v.Writer)
	if err != nil {
		return nil, err
	}
	f := &follower{player: p, shard: shards.pick(), raw: raw, wire: w, release: release, ended: make(chan struct{})}
	f.rank = w.ranks.Add(1)
	f.shard.join(f)
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

// Wake has the player served soon. It may be called from anywhere.
func (p *follower) Wake() {
	p.shard.mu.Lock()
	defer p.shard.mu.Unlock()
	p.shard.wake(p)
}

// pause holds the player's frames back, or lets them go on.
func (p *follower) pause(on bool) {
	p.paused.Store(on)
	if !on {
		p.Wake()
	}
}

// serve sends the player what it is to have now.
func (p *follower) serve(h *shard) {
	defer h.flush()
	defer func() {
		if v := recover(); v != nil {
			p.finish(fmt.Errorf("rtmp: panic: %v\n%s", v, debug.Stack()))
		}
	}()
	for !p.over && !p.busy.Load() && p.ready(h) {
		h.flush()
		b, err := p.sub.Take(h.frames[:p.most()])
		h.taken = len(b.Frames)
		switch {
		case errors.Is(err, stream.ErrUnpublished):
			p.queueUnpublished()
			err = p.send(h, &burst{})
		case err == nil && len(b.Frames) == 0:
			if p.sub.Await(1, p) {
				return
			}
		case err == nil:
			err = p.deliver(h, &b)
		}
		if err != nil {
			p.finish(err)
		}
	}
}

// ready reports whether it is time for a batch, and sees to it that the player is served when
// it is.
func (p *follower) ready(h *shard) bool {
	if p.paused.Load() {
		return p.closed()
	}
	if v := p.rules.current(); v != p.vhost {
		p.vhost, p.pace, p.place = v, p.sub.Pace(), place{}
	}
	if p.last == 0 {
		return true
	}
	now, pace := media.Now(), &p.pace
	if due := p.last + int64(p.vhost.Play.SendMinInterval); now < due {
		h.wheel.at(p, due)
		return p.closed()
	}
	if p.full {
		return true
	}
	pause := int64(pace.Latency)
	if due := p.last + p.step(pause); now < due {
		h.wheel.at(p, due)
		return p.closed()
	}
	if until := p.last + max(gather, pause); pace.Frames > 0 && now < until {
		if p.sub.Await(min(pace.Frames+1, media.MaxBatch), p) {
			h.wheel.at(p, until)
			return false
		}
	}
	fresh := p.fresh
	p.fresh = false
	return !fresh || !p.sub.Await(1, p)
}

// step returns for how long the player's next batch gathers: for the pause, or somewhat less so
// that it goes out with others.
func (p *follower) step(pause int64) int64 {
	if pause < 4*beat {
		return pause - (p.last+pause)%grain(pause)
	}
	period := pause - pause%beat
	phase := p.rank / abreast * beat
	return period - (p.last+period-phase%period)%period
}

// most returns how many frames a batch may have.
func (p *follower) most() int {
	if p.vhost.Play.SendMinInterval > 0 {
		return 1
	}
	return media.MaxBatch
}

// closed reports whether the subscription has ended.
func (p *follower) closed() bool {
	select {
	case <-p.sub.Done():
		return true
	default:
		return false
	}
}

// deliver sends a batch.
func (p *follower) deliver(h *shard, b *stream.Batch) error {
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
	p.last, p.full = media.Now(), n == p.most()
	p.fresh = !p.full
	p.count += uint64(n)
	if err := p.wire.extend(b, v.Play.ReduceSequenceHeader); err != nil {
		p.session.log.Warn("what players share cannot be kept; each is sent its own", "cause", err)
	}
	p.begun = p.begun || !p.full
	return p.draw(h, b, &v.Play)
}

// draw sends a batch out of the wire.
func (p *follower) draw(h *shard, b *stream.Batch, v *config.Play) error {
	p.wire.mu.RLock()
	defer p.wire.mu.RUnlock()
	n := len(b.Frames)
	plain, from, to := p.wire.span(b, &p.place)
	if early := p.compose(h, b.Frames[:plain], v); early { // the wire's next would build on a wrong time
		p.compose(h, b.Frames[plain:], v)
		p.place, plain, to = place{}, n, from
	}
	if plain < n {
		last := b.Frames[n-1]
		p.mux.layout = last.Layout
		p.stamp(last, v)
	}
	for i := range h.out {
		h.pieces = appendVectors(h.pieces, &h.heads, &h.out[i], p.session.chunk)
	}
	out := p.wire.load(h.pieces, from, to)
	h.pieces = out.pieces
	return p.send(h, &out)
}

// compose makes messages of the player's own, and reports whether any has another time than its
// frame's.
func (p *follower) compose(h *shard, frames []*media.Frame, v *config.Play) (early bool) {
	for _, f := range frames {
		h.out = p.append(h.out, f, v)
		early = early || p.clock.early
	}
	return early
}

// send sends b as far as the socket takes it. What is left is sent by a goroutine.
func (p *follower) send(h *shard, b *burst) error {
	held, err := p.session.out.offer(h.pen, p.raw, b)
	if err != nil || b.empty() {
		return err
	}
	h.pieces, h.heads = nil, nil // they are the goroutine's
	if err := b.load(); err != nil {
		p.session.out.abandon(held)
		return err
	}
	p.busy.Store(true)
	go func() {
		defer p.session.guard()
		err := p.session.out.complete(b.pieces, held)
		if err != nil {
			p.session.cancel(late(err, "%w for %s", errSlow, ioTimeout))
		}
		p.busy.Store(false)
		p.Wake()
	}()
	return nil
}

// finish ends the player's part in the shard, and the session unless it was the client's wish.
func (p *follower) finish(err error) {
	if p.over {
		return
	}
	p.over = true
	if !errors.Is(err, stream.ErrClosed) {
		p.session.cancel(err) // the first cause stays
	}
	p.shard.left()
	close(p.ended)
}

// stop waits until the shard has let go of the player, whose subscription is closed.
func (p *follower) stop() {
	p.Wake()
	<-p.ended
	p.release()
}
