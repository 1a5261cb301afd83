package stream

import "time"

const (
	// patience is for how long frames may be held back where nobody waits for them.
	patience = 50 * time.Millisecond
	// calmPause is the pause between batches from which on a reader does not wait for a frame.
	calmPause = 4 * patience
)

// Patience returns for how long the publisher may gather frames before it writes them: zero if
// a reader wants each as it comes.
func (p *Publisher) Patience() time.Duration {
	s := p.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hasty > 0 {
		return 0
	}
	return patience
}

// Pace returns the request's Pace as it is now, and tells the stream if it is another kind.
func (r *Subscriber) Pace() Pace {
	if r.request.Pace == nil {
		return Pace{}
	}
	pace := r.request.Pace()
	if calm := pace.Latency >= calmPause; calm != r.calm || pace.Latency != r.pause {
		s := r.stream
		s.mu.Lock()
		defer s.mu.Unlock()
		r.pause = pace.Latency
		if r.reads && calm != r.calm {
			s.hurry(!calm)
		}
		r.calm = calm
	}
	return pace
}

// hurry counts one hasty reader more or less.
func (s *Stream) hurry(more bool) {
	if more {
		s.hasty++
	} else {
		s.hasty--
	}
}
