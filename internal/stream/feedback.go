package stream

import (
	"context"
	"time"
)

// keyEvery is the shortest time between two key frames asked of a publisher.
const keyEvery = 500 * time.Millisecond

// Feedback is what readers ask of a publisher. One who cannot act on it ignores it.
type Feedback struct {
	Key     bool    // a key frame, please
	Loss    float64 // the worst share of packets lost on the way to a reader, 0 to 1
	Bitrate int     // bits per second that the slowest asking reader can take; 0 is no wish
}

// merge adds what another reader asks for.
func (f *Feedback) merge(g Feedback) {
	f.Key = f.Key || g.Key
	f.Loss = max(f.Loss, g.Loss)
	if g.Bitrate > 0 && (f.Bitrate == 0 || g.Bitrate < f.Bitrate) {
		f.Bitrate = g.Bitrate
	}
}

// Feedback blocks until readers ask for something, and returns all that they have asked since
// the last call as one: a thousand readers who want a key frame are one wish, and that is told
// twice a second at most. The error is the context's.
func (p *Publisher) Feedback(ctx context.Context) (Feedback, error) {
	for {
		select {
		case <-p.feedback:
		case <-ctx.Done():
			return Feedback{}, ctx.Err()
		}
		p.mu.Lock()
		wants := p.wants
		p.wants = Feedback{}
		p.mu.Unlock()
		if wants != (Feedback{}) {
			return wants, nil
		}
	}
}

func (p *Publisher) ask(f Feedback) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.Key {
		now := time.Now()
		if now.Sub(p.keyAsked) < keyEvery {
			f.Key = false
		} else {
			p.keyAsked = now
		}
	}
	p.wants.merge(f)
	select {
	case p.feedback <- struct{}{}:
	default:
	}
}

// Ask sends feedback to the stream's publisher, if there is one.
func (r *Subscriber) Ask(f Feedback) {
	r.stream.mu.Lock()
	p := r.stream.publisher
	r.stream.mu.Unlock()
	if p != nil {
		p.ask(f)
	}
}
