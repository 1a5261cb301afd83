package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"
)

const (
	firstPause = time.Second // before a publisher that has died is started again
	longPause  = 30 * time.Second
	steady     = time.Minute // who has lived so long begins with the first pause again
)

// stage is where the streams are that somebody wants to see, each with a publisher of its own.
type stage struct {
	stageOptions
	ctx  context.Context
	quit context.CancelFunc
	work sync.WaitGroup // of the streams

	mu      sync.Mutex
	streams map[string]*stream // by their keys
}

type stageOptions struct {
	catalogue catalogue
	linger    time.Duration
	most      int
	publish   func(ctx context.Context, address, source string) error // until it ends, or ctx does
	waiting   func(ctx context.Context, id string) bool               // whether anybody does, as the server sees it
}

// stream has a goroutine from its first viewer until nobody is left and its publisher has ended.
type stream struct {
	// Set at construction.
	key     string // [VHOST/]APP/STREAM
	address string // behind the server's
	source  string
	token   string // that only our publisher knows

	// Guarded by stage.mu.
	id      string          // in the server's API
	viewers map[string]bool // by their ids
	end     func()          // ends the publisher
	linger  *time.Timer     // while nobody watches
}

func newStage(ctx context.Context, o stageOptions) *stage {
	ctx, quit := context.WithCancel(ctx)
	return &stage{stageOptions: o, ctx: ctx, quit: quit, streams: map[string]*stream{}}
}

// close ends all publishers and waits for them.
func (s *stage) close() {
	s.quit()
	s.work.Wait()
}

// arrive is for a player who wants to see a stream. One that is not in the catalogue is none of our
// business: others may publish it.
func (s *stage) arrive(e *event) error {
	source, ours := s.catalogue.find(e.name())
	if !ours {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.streams[e.key()]
	if x == nil {
		if len(s.streams) >= s.most {
			return fmt.Errorf("all %d publishers are taken, come back later", s.most)
		}
		x = &stream{key: e.key(), address: e.address(), source: source, token: rand.Text(), viewers: map[string]bool{}}
		s.streams[x.key] = x
		s.work.Go(func() { s.run(x) })
	}
	x.id = e.StreamID
	x.viewers[e.ClientID] = true
	x.stay()
	return nil
}

// leave is for a player who has gone. To hear of it twice does no harm.
func (s *stage) leave(e *event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.streams[e.key()]; x != nil && x.viewers[e.ClientID] {
		delete(x.viewers, e.ClientID)
		if len(x.viewers) == 0 {
			slog.Info("the last viewer has left", "stream", x.key)
			x.linger = time.AfterFunc(s.linger, func() { s.abandon(x) })
		}
	}
}

// admit lets our publishers in, and nobody else in their place.
func (s *stage) admit(e *event) error {
	if _, ours := s.catalogue.find(e.name()); !ours {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.streams[e.key()]; x == nil || e.token() != x.token {
		return fmt.Errorf("%s is published on demand, and by nobody else", e.key())
	}
	return nil
}

// stay calls off the end of a stream; s.mu is held.
func (x *stream) stay() {
	if x.linger != nil {
		x.linger.Stop()
		x.linger = nil
	}
}

// abandon ends the publisher, unless somebody has come back meanwhile.
func (s *stage) abandon(x *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(x.viewers) == 0 && x.end != nil {
		x.end()
	}
}

// run keeps a publisher going for as long as somebody watches: one that dies is started again.
func (s *stage) run(x *stream) {
	pause := firstPause
	for {
		ctx, end := context.WithCancel(s.ctx)
		s.mu.Lock()
		x.end = end
		s.mu.Unlock()
		slog.Info("publishing", "stream", x.key, "source", x.source)
		began := time.Now()
		err := s.publish(ctx, x.address+"token="+x.token, x.source)
		ours := ctx.Err() != nil
		end()
		log := slog.With("stream", x.key, "after", time.Since(began).Round(time.Millisecond))
		if ours {
			log.Info("the publisher has ended")
		} else {
			log.Warn("the publisher has ended by itself", "cause", err)
		}
		if s.finished(x, nil) {
			return
		}
		if ours { // we have ended it, and somebody has come just then
			continue
		}
		if time.Since(began) > steady {
			pause = firstPause
		}
		if s.finished(x, s.absent(x, pause)) {
			return
		}
		pause = min(2*pause, longPause)
	}
}

// absent waits for a while and returns those of a stream's viewers who had come before and of whom
// the server does not know any more: all or none. There are some if an on_stop was lost, if none is
// sent because the server itself ends publishers without viewers, and if the server has died.
func (s *stage) absent(x *stream, pause time.Duration) map[string]bool {
	s.mu.Lock()
	id, viewers := x.id, maps.Clone(x.viewers)
	s.mu.Unlock()
	select {
	case <-time.After(pause):
	case <-s.ctx.Done():
	}
	if s.waiting(s.ctx, id) {
		return nil
	}
	return viewers
}

// finished forgets viewers who are absent, and then the stream if that were all.
func (s *stage) finished(x *stream, absent map[string]bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range absent {
		delete(x.viewers, id)
	}
	if len(x.viewers) > 0 && s.ctx.Err() == nil {
		return false
	}
	x.stay()
	delete(s.streams, x.key)
	return true
}
