package stream

import (
	"context"
	"runtime/debug"
	"time"
)

// Supply brings streams here that somebody wants to read and nobody publishes here: what an edge does. A stream has one
// for all its readers, from the first on.
type Supply struct {
	// Wanted reports whether a virtual host's streams are brought here. It must not block.
	Wanted func(vhost string) bool
	// Linger is for how long a stream is still brought when its last reader has left.
	Linger func(vhost string) time.Duration
	// Run brings the stream that r names, who is the first that wants it, by Bring, until ctx ends: nobody wants it
	// any more, or somebody publishes it here. If it returns sooner or panics, there is none until the next reader.
	Run func(ctx context.Context, r *Request)
}

// suppliedFor is for how long a lost publication of the Supply is waited for: as long as it runs.
const suppliedFor = time.Hour

// supplying is one run of the Supply. All of it is guarded by the registry's lock.
type supplying struct {
	cancel context.CancelFunc
	ending bool        // it is to end
	ended  bool        // it has returned by itself
	linger *time.Timer // runs while nobody reads
}

// Bring is Publish for the Supply: no gate is asked, and whoever publishes the stream here goes first, which is ErrBusy.
// When what it returns is Lost, the readers wait for the next for as long as the Supply runs.
func (g *Registry) Bring(r *Request) (*Publisher, error) {
	defer g.tell()
	r.Supplied, r.Yields = true, true
	p, _, err := g.commit(r, nil, false)
	return p, err
}

// Summon has a stream brought here for somebody who cannot read it yet, such as a player of segments before there are
// any, until release is called. It asks no gate.
func (g *Registry) Summon(r *Request) (release func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.stream(r)
	s.asked++
	s.mu.Lock()
	defer s.mu.Unlock()
	g.want(s, r, 1)
	return func() {
		g.mu.Lock()
		s.mu.Lock()
		g.want(s, r, -1)
		s.mu.Unlock()
		g.mu.Unlock()
		g.release(s)
	}
}

// Supplies reports whether the streams of a virtual host are brought here.
func (g *Registry) Supplies(vhost string) bool { return g.supply != nil && g.supply.Wanted(vhost) }

// want counts one reader more or less of those that a stream is brought for; both locks are held, here and below.
func (g *Registry) want(s *Stream, r *Request, more int) {
	s.wanted += more
	if more > 0 {
		s.wish = r
		if s.supply != nil && s.supply.ended {
			s.supply = nil
		}
	}
	g.attend(s)
}

// lacks reports whether nobody but the Supply publishes a stream, or is waited for.
func (s *Stream) lacks() bool {
	if s.publisher != nil {
		return s.publisher.request.Supplied
	}
	return s.hold == nil || s.hold.request.Supplied
}

// attend starts or ends the Supply of a stream, as its readers and publishers want it.
func (g *Registry) attend(s *Stream) {
	if g.supply == nil {
		return
	}
	x := s.supply
	useful := !g.closed && s.lacks() && g.supply.Wanted(s.key.vhost)
	switch {
	case useful && s.wanted > 0 && x == nil:
		g.bring(s, s.wish)
	case x == nil || x.ending || x.ended:
	case !useful:
		x.end()
	case s.wanted > 0:
		x.stay()
	case x.linger == nil:
		linger := g.supply.Linger(s.key.vhost)
		if linger <= 0 {
			x.end()
			return
		}
		x.linger = time.AfterFunc(linger, func() { g.tire(s, x) })
	}
}

func (x *supplying) end() {
	x.stay()
	x.ending = true
	x.cancel()
}

// stay forgets that nobody reads.
func (x *supplying) stay() {
	if x.linger != nil {
		x.linger.Stop()
		x.linger = nil
	}
}

// tire ends a run whose stream nobody has read for long enough; no lock is held.
func (g *Registry) tire(s *Stream, x *supplying) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s.supply == x && s.wanted == 0 && x.linger != nil {
		x.end()
	}
}

// bring runs the Supply.
func (g *Registry) bring(s *Stream, r *Request) {
	ctx, cancel := context.WithCancel(context.Background())
	x := &supplying{cancel: cancel}
	s.supply = x
	g.standing.Go(func() {
		defer cancel()
		g.supplied(ctx, s, r)
		g.mu.Lock()
		defer g.mu.Unlock()
		s.mu.Lock()
		defer s.mu.Unlock()
		x.stay()
		x.ended = true
		g.outlive(s)
		if x.ending || s.wanted == 0 {
			s.supply = nil
			g.attend(s) // somebody may have come meanwhile
		}
		g.bury(s)
	})
}

// supplied runs the Supply to its end; no lock is held.
func (g *Registry) supplied(ctx context.Context, s *Stream, r *Request) {
	defer func() {
		if cause := recover(); cause != nil {
			g.log.Error("panic: this stream is brought here no more", "stream", s.url, "panic", cause, "stack", string(debug.Stack()))
		}
	}()
	g.supply.Run(ctx, r)
}
