package relay

import (
	"context"
	"maps"
	"slices"
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
	gap := searchGap
	if p.publisher != nil && p.current == nil {
		gap = soon
	}
	if len(p.untried) == 0 && !p.asking && now.Sub(p.began) >= gap {
		p.began, p.asking = now, true
		p.all.Go(func() {
			var x finding
			x.origins, x.err = p.relay.where(ctx, p.wish)
			select {
			case p.found <- x:
			case <-ctx.Done():
			}
		})
	}
	if len(p.untried) == 0 {
		return max(gap-now.Sub(p.began), glimpse)
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

// hear begins a round through the origins that were found.
func (p *pull) hear(x finding) {
	p.asking = false
	if x.err != nil {
		p.fails("", x.err)
	}
	if p.current != nil && !p.seeking {
		return // meanwhile it is well
	}
	p.untried = nil
	origins := p.relay.health.order(p.wish.Vhost, x.origins)
	if p.relay.o.Before.lives() {
		origins = append([]string{beforeName}, origins...)
	}
	for _, origin := range origins {
		if p.inflows[origin] == nil {
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
	for _, key := range slices.Sorted(maps.Keys(p.inflows)) {
		if f := p.inflows[key]; f != p.current {
			p.leave(f)
			return
		}
	}
}

func (p *pull) start(ctx context.Context, origin string, now time.Time) {
	ctx, stop := context.WithCancel(ctx)
	f := &inflow{origin: origin, key: origin, stop: stop}
	p.inflows[origin], p.started = f, now
	p.all.Go(func() {
		err := stream.Guard("relay", func() error {
			f.run(ctx, func(ctx context.Context) (transport.Feed, error) { return p.relay.open(ctx, origin, p) }, p.flow)
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
