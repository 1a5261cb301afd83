package relay

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/transport"
)

const (
	hush     = time.Second      // for which a stream brings nothing before others are tried, if it never pauses for long
	hushMost = 10 * time.Second // the same, for one that does
	quiet    = 5 * time.Second  // the same, for one that has ended at its origin
	mourning = 10 * time.Second // for which a broken stream is waited for as if it were there
)

// Errors of an origin that is left.
var (
	errHush     = errors.New("nothing comes from there any more")
	errNoOrigin = errors.New("nobody knows an origin of this stream")
)

// pull brings one stream here from whichever origin sends it. It tries them one beside the other, takes the first that
// sends something, and leaves it for another when it fails, falls silent or is about to end.
type pull struct {
	// Set at construction.
	relay *Relay
	wish  *stream.Request // of the first who wants the stream
	log   *slog.Logger
	flow  chan parcel
	found chan finding
	all   sync.WaitGroup

	traffic stream.Traffic // of all inflows

	// Owned by run.
	inflows   map[string]*inflow // by key
	current   *inflow            // that the stream comes from; nil while it is sought
	asking    bool               // where the stream is, for the next round
	untried   []string           // origins of this round
	protocol  string             // by which they are reached
	began     time.Time          // when the round did
	haste     float64            // by what part of the gap to it the next one is sooner
	adopted   time.Time          // when the current was
	brief     int                // how many in a row broke off soon after that
	started   time.Time          // when the newest inflow was
	heard     time.Time          // when the stream last brought something, or broke off
	pace      time.Duration      // from one time that it does to the next, the longest of late
	seeking   bool               // for another origin than the current
	moving    bool               // because that one asks to be left
	publisher *stream.Publisher  // nil before the first frame and after an end
	seam      seam
	anew      anew
	failed    map[string]*failures // by origin; "" is the search for them
}

// finding is where a stream may be.
type finding struct {
	places
	err error
}

// bring brings a stream here for as long as ctx lasts. It is the Run of a stream.Supply.
func (v *Relay) bring(ctx context.Context, wish *stream.Request) {
	p := &pull{
		relay: v, wish: wish, flow: make(chan parcel), found: make(chan finding), inflows: map[string]*inflow{},
		log: v.o.Log.With("stream", wish.URL()), failed: map[string]*failures{},
	}
	defer p.all.Wait()
	ctx, cancel := v.until(ctx, wish)
	defer cancel()
	defer v.fetched.enter(&p.traffic)()
	p.run(ctx)
}

// run goes on until ctx ends, or the publication is not wanted.
func (p *pull) run(ctx context.Context) {
	defer func() {
		if p.publisher != nil {
			p.publisher.End(nil)
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	moved, stop := p.relay.watch(p.wish)
	defer stop()
	for {
		timer.Reset(p.look(ctx))
		select {
		case x := <-p.flow:
			if !p.take(x) {
				return
			}
		case x := <-p.found:
			p.hear(x)
		case <-moved:
			if p.current == nil || p.seeking || p.publisher == nil {
				p.began = time.Time{} // there is somewhere else to look
			}
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// look does what is due, and returns when to look again.
func (p *pull) look(ctx context.Context) time.Duration {
	now := time.Now()
	again := searchGap
	if p.publisher != nil && (p.current == nil || p.anew.vain) {
		if again = mourning - now.Sub(p.heard); again <= 0 {
			p.publisher.Lost(errHush)
			p.ends()
			again = searchGap
		}
	}
	if p.current != nil && !p.seeking {
		if left := p.patience() - now.Sub(p.heard); left > 0 {
			return left
		}
		p.seek()
	}
	return min(again, p.try(ctx, now))
}

// patience is for how long the stream may bring nothing before others are tried: some bring a picture now and then.
func (p *pull) patience() time.Duration {
	if p.publisher == nil {
		return quiet
	}
	return min(max(hush, 3*p.pace), hushMost)
}

// ends forgets a publication that has ended.
func (p *pull) ends() {
	p.publisher, p.seam = nil, seam{}
	for _, f := range p.inflows {
		f.seam = nil
	}
}

// leave ends an inflow.
func (p *pull) leave(f *inflow) {
	f.stop()
	if p.inflows[f.key] == f {
		delete(p.inflows, f.key)
	}
	if p.current == f {
		p.current = nil
	}
}

// take deals with what an inflow brings. It is false if the stream is not to be brought any more.
func (p *pull) take(x parcel) bool {
	f := x.from
	if p.inflows[f.key] != f {
		return true // it has been left
	}
	switch {
	case x.over:
		p.broke(f, x.err)
	case errors.Is(x.err, stream.ErrUnpublished):
		if f == p.current && p.publisher != nil {
			p.log.Info("the publisher has ended at the origin", "origin", f.origin)
			_ = p.publisher.Close()
			p.ends()
		}
	case errors.Is(x.err, transport.ErrMove):
		if f == p.current && !p.seeking {
			p.log.Info("the origin asks to be left for another", "origin", f.origin)
			p.relay.health.failed(f.origin)
			p.detach(f)
			p.seek()
			p.moving = true
		}
	case len(x.frames) == 0:
		p.opens(f)
	default:
		return p.carry(f, x)
	}
	return true
}

// detach has the origin of an inflow be tried anew beside it: another process may answer there now.
func (p *pull) detach(f *inflow) {
	delete(p.inflows, f.key)
	f.key = leaving + f.origin
	p.inflows[f.key] = f
}

// broke deals with the end of an inflow.
func (p *pull) broke(f *inflow, err error) {
	had := f == p.current
	p.leave(f)
	switch {
	case errors.Is(err, stream.ErrUnpublished):
		return // it is well, and has no such stream
	case had && p.publisher == nil && errors.Is(err, io.EOF):
		p.seek() // the end of the publication has been told
		p.began = time.Now()
		return
	}
	if !errors.Is(err, transport.ErrRefused) { // as it does who has no leave, which says nothing of it
		p.relay.health.failed(f.origin)
		p.anew.vain = p.anew.vain || p.current != nil && p.current.origin == f.origin
	}
	p.relay.forget(p.wish)
	if had {
		p.log.Warn("the origin of this stream is lost", "origin", f.origin, "cause", err)
		p.heard = time.Now()
		p.seek()
		p.hesitate()
		return
	}
	p.fails(f.origin, err)
}

// hesitate puts the search off where streams break off as soon as they have come.
func (p *pull) hesitate() {
	if p.heard.Sub(p.adopted) >= searchGap {
		p.brief = 0
		return
	}
	if p.brief++; p.brief > 1 {
		p.began = p.heard.Add(min(soon<<min(p.brief-1, 8), searchGap) - soon)
	}
}

// carry publishes what has come from an origin, which is the stream's from then on. One that is tried beside an origin that
// has fallen silent has to bring what has not come yet: both may be well, and the publisher pauses.
func (p *pull) carry(f *inflow, x parcel) bool {
	defer clear(x.frames)
	beside := p.current != nil && p.publisher != nil && !p.moving
	from := &p.seam
	switch {
	case f == p.current:
		p.settles()
	case f.seam == nil && !beside:
		p.adopt(f)
		p.seam.open()
	default:
		if f.seam == nil {
			f.seam, f.met = p.seam.fork(), time.Now()
		}
		from = f.seam
	}
	frames, splice := from.pass(x.frames)
	if len(frames) == 0 {
		return true
	}
	if f != p.current {
		p.adopt(f)
		p.seam, f.seam = *f.seam, nil
	}
	p.anew = anew{}
	return p.write(f, frames, splice)
}

// settles notes that the current inflow goes on.
func (p *pull) settles() {
	now := time.Now()
	p.learn(now)
	p.heard = now
	if p.seeking && !p.moving {
		p.settle()
	}
}

// learn notes for how long the stream has brought nothing, as it does now and then.
func (p *pull) learn(now time.Time) {
	if p.publisher != nil {
		p.pace = min(max(now.Sub(p.heard), p.pace-p.pace/16), hushMost)
	}
}

// write publishes what goes on of the stream, or begins it anew. It is false if the stream is not to be brought any more.
func (p *pull) write(f *inflow, frames []*media.Frame, splice bool) bool {
	if splice && p.publisher != nil {
		p.publisher.Lost(errHush)
		p.publisher = nil
	}
	if p.publisher == nil && !p.publish(f) {
		return false
	}
	if err := p.publisher.WriteBatch(frames); err != nil {
		p.ends()
		if !errors.Is(err, stream.ErrKicked) {
			return false
		}
		p.leave(f)
		p.seek()
		p.began = p.heard // it is brought again, but not at once
	}
	return true
}

// adopt has the stream come from an inflow, and leaves all others.
func (p *pull) adopt(f *inflow) {
	now := time.Now()
	if old := p.current; old != nil && !p.moving {
		p.log.Warn("the origin of this stream is left", "origin", old.origin, "cause", errHush)
		if f.paused() {
			p.learn(now)
		} else {
			p.relay.health.failed(old.origin)
		}
	}
	p.current, p.adopted, p.heard = f, now, now
	p.settle()
	p.relay.health.well(f.origin)
	clear(p.failed)
	p.log.Info("stream is brought here", "origin", f.origin)
}

// settle ends the search: the stream comes from the current inflow alone.
func (p *pull) settle() {
	for _, other := range p.inflows {
		if other != p.current {
			p.leave(other)
		}
	}
	delete(p.inflows, p.current.key) // it may have been detached
	p.current.key = p.current.origin
	p.inflows[p.current.key] = p.current
	p.seeking, p.moving, p.untried = false, false, nil
}

// publish takes the stream's place.
func (p *pull) publish(f *inflow) bool {
	r := &stream.Request{
		ID: stream.NewID(), Kind: "edge-pull", Remote: addressOf(f.origin), Vhost: p.wish.Vhost, App: p.wish.App, Stream: p.wish.Stream,
		Name: p.wish.Stream, Param: p.wish.Param, TCURL: p.wish.TCURL, Traffic: &p.traffic,
	}
	if f.origin == beforeName {
		r.Kind, r.Kin = "upgrade", true
	}
	r.Kick = func(error) {} // the next write tells
	publisher, err := p.relay.o.Registry().Bring(r)
	if err != nil {
		p.log.Info("stream is not brought here: it is published here", "cause", err)
		return false
	}
	p.publisher, p.pace = publisher, 0
	return true
}

// addressOf is the address of host:port, if it has one.
func addressOf(origin string) netip.Addr {
	if a, err := netip.ParseAddrPort(origin); err == nil {
		return a.Addr().Unmap()
	}
	a, _ := netip.ParseAddr(origin)
	return a
}
