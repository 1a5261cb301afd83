package studio

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"weir/internal/stream"
)

// Spring is another server, of which a House is an edge: it has all streams but those whose names begin with "none".
type Spring struct {
	house *House

	mu   sync.Mutex
	runs []string
}

// Brings has a house be an edge of a server; call it before Start.
func (h *House) Brings() *Spring {
	s := &Spring{house: h}
	h.Supply = &stream.Supply{
		Wanted: func(string) bool { return true }, Linger: func(string) time.Duration { return 0 }, Run: s.run,
	}
	return s
}

func (s *Spring) run(ctx context.Context, r *stream.Request) {
	s.note("+" + r.Stream)
	defer s.note("-" + r.Stream)
	if strings.HasPrefix(r.Stream, "none") {
		<-ctx.Done()
		return
	}
	p, err := s.house.Registry.Bring(&stream.Request{
		ID: stream.NewID(), Kind: "edge-pull", Vhost: r.Vhost, App: r.App, Stream: r.Stream, Name: r.Stream, Kick: func(error) {},
	})
	if err != nil {
		return
	}
	defer p.Close()
	for e := NewEncoder(p); ctx.Err() == nil; {
		e.Run(time.Second / 5)
	}
}

func (s *Spring) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs = append(s.runs, what)
}

// Runs tells which streams were begun to be brought, +, and no more, -.
func (s *Spring) Runs() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprint(s.runs)
}
