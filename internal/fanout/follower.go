package fanout

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"weir/internal/media"
	"weir/internal/stream"
)

// gather is the longest time that a player waits for its Pace's number of frames, unless its pause
// is longer.
const gather = int64(time.Second)

// ErrSlow ends a player whose network or whose appetite has gone.
var ErrSlow = errors.New("player does not read")

// Terms are what is in force for a player.
type Terms struct {
	Pace     stream.Pace
	Interval time.Duration // between two frames, which are then sent one by one; 0 is none
}

// Player is who a shard writes to. But for Fail its methods are called by one goroutine at a time,
// which serves many: they never wait.
type Player interface {
	// Terms are looked up before each batch.
	Terms() *Terms
	// Deliver composes what the player is sent for a batch, and has it sent: by Log.Send, or by
	// Follower.Send. It calls one of them once at most, as its last act. The batch is the shard's.
	Deliver(d *Desk, b *stream.Batch) error
	// Unpublished says that a publisher has ended, if the subscription wants Notice. What the
	// player queues in its outbox is sent.
	Unpublished()
	// Fail says that the player has come to its end in the shard, by an error, the end of the
	// stream (io.EOF), a panic, or ErrSlow. It may be called from anywhere, and more than once.
	Fail(err error)
}

// Follower is a player's place in a shard, which writes to it without waiting. It is a part of the
// player's own struct; its zero value is not in use.
type Follower struct {
	// First is what has been taken from the subscription already, and is not to be taken again.
	// It may be set before Follow.
	First *stream.Batch

	// Set by Follow.
	player Player
	shard  *shard
	sub    *stream.Subscriber
	out    *Outbox
	raw    syscall.RawConn
	rank   int64         // among those of the log
	ended  chan struct{} // closed when the shard has let go of it

	woken  bool        // guarded by shard.mu
	busy   atomic.Bool // a goroutine of its own writes to it
	paused atomic.Bool

	// Owned by the shard's goroutine, or by that of its own while it is busy.
	over   bool
	full   bool  // the newest batch was full: there is more
	fresh  bool  // that batch was all there was, a moment ago
	single bool  // frames are sent one by one
	due    int64 // the tick of the shard's wheel at which it is served; 0 is none
	last   int64 // when the newest batch was taken; 0 is none yet
}

// Follow has a shard write to p, from now until the subscription ends, the player fails, or the
// socket does. Raw is the socket of out's connection, by RawOf. Rank is Log.Rank, or the like.
func (s *Shards) Follow(f *Follower, p Player, sub *stream.Subscriber, out *Outbox, raw syscall.RawConn, rank int64) {
	f.player, f.sub, f.out, f.raw, f.rank = p, sub, out, raw, rank
	f.shard, f.ended = s.pick(), make(chan struct{})
	f.shard.join(f)
}

// Wake has the player served soon. It may be called from anywhere.
func (p *Follower) Wake() {
	p.shard.mu.Lock()
	defer p.shard.mu.Unlock()
	p.shard.wake(p)
}

// Pause holds the player's frames back, or lets them go on.
func (p *Follower) Pause(on bool) {
	p.paused.Store(on)
	if !on {
		p.Wake()
	}
}

// Stop waits until the shard has let go of the player, whose subscription is closed or who has
// failed.
func (p *Follower) Stop() {
	p.Wake()
	<-p.ended
}

// serve sends the player what it is to have now.
func (p *Follower) serve(h *shard) {
	defer h.flush()
	defer func() {
		if v := recover(); v != nil {
			p.finish(fmt.Errorf("fanout: panic: %v\n%s", v, debug.Stack()))
		}
	}()
	for !p.over && !p.busy.Load() && p.ready(h) {
		h.flush()
		b, err := p.take(h)
		switch {
		case errors.Is(err, stream.ErrUnpublished):
			p.player.Unpublished()
			err = p.Send(&h.desk, &Burst{})
		case err == nil && len(b.Frames) == 0:
			if p.sub.Await(1, p) {
				return
			}
		case err == nil:
			err = p.deliver(&h.desk, &b)
		}
		if err != nil {
			p.finish(err)
		}
	}
}

// take returns what the player is to have next.
func (p *Follower) take(h *shard) (b stream.Batch, err error) {
	if p.First != nil {
		b, p.First = *p.First, nil
		return b, nil
	}
	b, err = p.sub.Take(h.frames[:p.most()])
	h.taken = len(b.Frames)
	return b, err
}

// ready reports whether it is time for a batch, and sees to it that the player is served when
// it is.
func (p *Follower) ready(h *shard) bool {
	if p.paused.Load() {
		return p.closed()
	}
	terms := p.player.Terms()
	p.single = terms.Interval > 0
	if p.last == 0 {
		return true
	}
	now, pace := media.Now(), &terms.Pace
	if due := p.last + int64(terms.Interval); now < due {
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
func (p *Follower) step(pause int64) int64 {
	if pause < 4*Beat {
		return pause - (p.last+pause)%grain(pause)
	}
	period := pause - pause%Beat
	phase := p.rank / abreast * Beat
	return period - (p.last+period-phase%period)%period
}

// most returns how many frames a batch may have.
func (p *Follower) most() int {
	if p.single {
		return 1
	}
	return media.MaxBatch
}

// Full reports whether the batch that is delivered is a full one: there is more.
func (p *Follower) Full() bool { return p.full }

// closed reports whether the subscription has ended.
func (p *Follower) closed() bool {
	select {
	case <-p.sub.Done():
		return true
	default:
		return false
	}
}

// deliver has a batch sent.
func (p *Follower) deliver(d *Desk, b *stream.Batch) error {
	p.last, p.full = media.Now(), len(b.Frames) == p.most()
	p.fresh = !p.full
	return p.player.Deliver(d, b)
}

// Send sends b, which begins with the desk's pieces, as far as the socket takes it. What is left is
// sent by a goroutine.
func (p *Follower) Send(d *Desk, b *Burst) error {
	held, err := p.out.offer(d.pen, p.raw, b)
	if err != nil || b.Empty() {
		return err
	}
	d.Pieces, d.Heads = nil, nil // they are the goroutine's
	if err := b.load(); err != nil {
		p.out.abandon(held)
		return err
	}
	p.busy.Store(true)
	go p.complete(b.Pieces, held)
	return nil
}

// complete sends what is left of a batch, and then has the shard go on.
func (p *Follower) complete(left net.Buffers, held bool) {
	defer func() {
		if v := recover(); v != nil {
			p.player.Fail(fmt.Errorf("fanout: panic: %v\n%s", v, debug.Stack()))
		}
		p.busy.Store(false)
		p.Wake()
	}()
	if err := p.out.complete(left, held); err != nil {
		p.player.Fail(Late(err))
	}
}

// Late words the end of a write that has not got on for WriteTimeout.
func Late(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%w for %s", ErrSlow, WriteTimeout)
	}
	return err
}

// finish ends the player's part in the shard, and tells it unless that is its own wish.
func (p *Follower) finish(err error) {
	if p.over {
		return
	}
	p.over = true
	if !errors.Is(err, stream.ErrClosed) {
		p.player.Fail(err)
	}
	p.shard.left()
	close(p.ended)
}
