package relay

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"weir/internal/stream"
)

// direction is what a backend has said about a publisher: its Request's Answer.
type direction struct {
	backend string
	urls    []string
	err     error // why it has not said anything
}

// direct asks the backend, if the rules have one, where the stream that somebody wants to publish is to be sent on to. The
// answer stays with the publisher.
func (v *Relay) direct(ctx context.Context, r *stream.Request) error {
	rules := v.rules(r.Vhost)
	if rules.Backend == "" {
		return nil
	}
	urls, err := v.o.Backend(ctx, rules.Backend, r)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, new(*stream.Denied)):
		return err
	case rules.BackendOnError != "allow":
		return &stream.Denied{Gate: "on_forward", Reason: err.Error()}
	}
	r.Answer = &direction{rules.Backend, urls, err}
	return nil
}

// inquiry is one more question to a backend, about a stream that is live: the first has had no answer, or the rules have
// another backend now.
type inquiry struct {
	// Set at construction.
	r       *stream.Request
	backend string
	stop    context.CancelFunc

	answer atomic.Pointer[direction] // nil until there is one
}

// said returns where a backend has said that a publication is sent on to, and nil if it has not said yet: then it is asked.
func (f *forwarding) said(ctx context.Context, r *stream.Request, backend string) *direction {
	first, _ := r.Answer.(*direction)
	failed := first != nil && first.backend == backend && first.err != nil
	if first != nil && first.backend == backend && !failed {
		f.forget()
		return first
	}
	if q := f.inquiry; q != nil && q.r == r && q.backend == backend {
		return q.answer.Load()
	}
	f.forget()
	ctx, stop := context.WithCancel(ctx)
	q := &inquiry{r: r, backend: backend, stop: stop}
	f.inquiry = q
	var cause error
	if failed {
		cause = first.err
	}
	f.all.Go(func() {
		defer stop()
		f.inquire(ctx, q, cause)
	})
	return nil
}

// forget gives up the question that is asked.
func (f *forwarding) forget() {
	if f.inquiry != nil {
		f.inquiry.stop()
		f.inquiry = nil
	}
}

// inquire asks until there is an answer, less and less often. The first question has been asked if it has a cause to have
// failed. A no does not end who publishes already.
func (f *forwarding) inquire(ctx context.Context, q *inquiry, err error) {
	log := f.relay.o.Log.With("cid", q.r.ID, "stream", q.r.URL(), "backend", stream.Veil(q.backend))
	failed := failures{log: log, next: fading}
	var rest backoff
	for began := time.Now(); ; began = time.Now() {
		var urls []string
		if err == nil {
			urls, err = f.relay.o.Backend(ctx, q.backend, q.r)
		}
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			log.Info("the backend has said where this stream is sent on to", "targets", len(urls))
			q.answer.Store(&direction{backend: q.backend, urls: urls})
			return
		}
		no := errors.As(err, new(*stream.Denied))
		if no {
			log.Warn("the backend does not have this stream sent on", "cause", err)
		}
		if no || failed.note("the backend does not say where this stream is sent on to", err) {
			f.relay.tell(stream.Event{What: stream.ForwardFailed, Request: q.r, StreamID: f.sub.Stream().ID, Cause: err})
		}
		if no {
			q.answer.Store(&direction{backend: q.backend})
			return
		}
		err = nil
		if !f.pause(ctx, max(breath, rest.next()-time.Since(began))) {
			return
		}
	}
}
