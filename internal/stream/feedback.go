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
		wants, wait := p.told(time.Now())
		if wants != (Feedback{}) {
			return wants, nil
		}
		var due <-chan time.Time
		if wait > 0 {
			due = time.After(wait)
		}
		select {
		case <-p.feedback:
		case <-due:
		case <-ctx.Done():
			return Feedback{}, ctx.Err()
		}
	}
}

// told takes what may be told now. A key frame that is wanted too soon stays a wish, for
// another wait.
func (p *Publisher) told(now time.Time) (wants Feedback, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wants, p.wants = p.wants, Feedback{}
	if !wants.Key {
		return wants, 0
	}
	if wait = keyEvery - now.Sub(p.keyTold); wait > 0 {
		wants.Key, p.wants.Key = false, true
		return wants, wait
	}
	p.keyTold = now
	return wants, 0
}

func (p *Publisher) ask(f Feedback) {
	p.mu.Lock()
	defer p.mu.Unlock()
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
