package relay

import (
	"context"
	"math/rand/v2"
	"time"

	"weir/internal/stream"
	"weir/internal/transport"
)

const (
	headStart = 250 * time.Millisecond // that an origin has before the next one is tried beside it
	searchGap = 3 * time.Second        // between two rounds through all origins, while none sends anything
	soon      = time.Second / 2        // the same, while viewers see a stream stand still
	glimpse   = 50 * time.Millisecond  // the least pause between two looks
	maxBeside = 4                      // origins that are tried at a time
)

// seek begins to look for another origin.
func (p *pull) seek() { p.seeking, p.began, p.untried = true, time.Time{}, nil }

// try goes to the next origin, if it is time, and returns when it is next.
func (p *pull) try(ctx context.Context, now time.Time) time.Duration {
	left := p.anew.due(now)
	left = min(left, p.gap()-now.Sub(p.began))
	if len(p.untried) == 0 && !p.asking && left <= 0 {
		p.began, p.asking, p.haste = now, true, (rand.Float64()-0.5)/2
		p.anew.round(now)
		p.all.Go(func() {
			var x finding
			x.places, x.err = p.relay.where(ctx, p.wish)
			select {
			case p.found <- x:
			case <-ctx.Done():
			}
		})
	}
	if len(p.untried) == 0 {
		return max(left, glimpse)
	}
	if wait := headStart - now.Sub(p.started); wait > 0 && p.opening() {
		return wait
	}
	if len(p.inflows) >= maxBeside {
		p.leaveOne()
	}
	p.start(ctx, p.untried[0], now)
	p.untried = p.untried[1:]
	return headStart
}

// gap is the time from one round to the next: a little more or less, for each pull another, since many have lost the same
// origin in the same moment.
func (p *pull) gap() time.Duration {
	usual := searchGap
	if p.publisher != nil && p.current == nil {
		usual = soon
	}
	return usual - time.Duration(p.haste*float64(usual))
}

// hear begins a round through the origins that were found.
func (p *pull) hear(x finding) {
	p.asking = false
	if x.err != nil {
		p.fails("", x.err)
	}
	if p.current != nil && !p.seeking {
		return // meanwhile it is well
	}
	p.untried, p.protocol = nil, x.protocol
	now := time.Now()
	origins := p.relay.health.order(p.wish.Vhost, x.list)
	if p.relay.o.Before.lives() {
		origins = append([]string{beforeName}, origins...)
	}
	for _, origin := range origins {
		f := p.inflows[origin]
		if f != nil && p.anew.now && now.Sub(f.began) >= searchGap {
			p.again(f)
			f = nil
		}
		if f == nil {
			p.untried = append(p.untried, origin)
		}
	}
}

// fails logs why an origin cannot be used, or none is found.
func (p *pull) fails(origin string, err error) {
	f := p.failed[origin]
	if f == nil {
		if len(p.failed) >= maxOrigins {
			clear(p.failed)
		}
		f = &failures{log: p.log}
		p.failed[origin] = f
	}
	if origin == "" {
		f.note("stream is not brought here", err)
		return
	}
	f.note("stream is not brought here", err, "origin", origin)
}

// opening reports whether an origin is being tried, and has not sent anything.
func (p *pull) opening() bool {
	for _, f := range p.inflows {
		if f != p.current {
			return true
		}
	}
	return false
}

// leaveOne makes room for another origin to be tried.
func (p *pull) leaveOne() {
	var oldest *inflow
	for _, f := range p.inflows {
		if f != p.current && (oldest == nil || f.began.Before(oldest.began)) {
			oldest = f
		}
	}
	if oldest != nil {
		p.leave(oldest)
	}
}

func (p *pull) start(ctx context.Context, origin string, now time.Time) {
	ctx, stop := context.WithCancel(ctx)
	protocol := p.protocol
	f := &inflow{origin: origin, key: origin, stop: stop, began: now}
	p.inflows[origin], p.started = f, now
	p.all.Go(func() {
		err := stream.Guard("relay", func() error {
			f.run(ctx, func(ctx context.Context) (transport.Feed, error) { return p.relay.open(ctx, origin, protocol, p) }, p.flow)
			return nil
		})
		if err != nil {
			select {
			case p.flow <- parcel{from: f, err: err, over: true}:
			case <-ctx.Done():
			}
		}
	})
}
