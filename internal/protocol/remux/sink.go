package remux

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"weir/internal/fanout"
	"weir/internal/stream"
)

// sink is where a viewer's bytes go. But for abort its methods are for one goroutine.
type sink interface {
	begun() bool
	begin() error            // the answer is a stream
	refuse(r *refusal)       // it is not
	write(net.Buffers) error // which is counted
	abort()                  // ends what has begun and waits for nobody; from anywhere
	end(cause error)
}

// newSink returns the sink that a request asks for.
func newSink(w http.ResponseWriter, r *http.Request, form *form, t *stream.Traffic, cancel context.CancelCauseFunc, shared bool) sink {
	a := &answer{w: w, r: r, form: form, traffic: t}
	if wantsSocket(r) {
		return &socket{answer: a, cancel: cancel, shared: shared}
	}
	return &body{answer: a, control: http.NewResponseController(w)}
}

// answer is what the sinks have in common.
type answer struct {
	w       http.ResponseWriter
	r       *http.Request
	form    *form
	traffic *stream.Traffic

	mu    sync.Mutex
	began bool
	ended bool
}

func (a *answer) begun() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.began
}

func (a *answer) refuse(r *refusal) { r.ServeHTTP(a.w, a.r) }

// body is the body of an answer.
type body struct {
	*answer
	control *http.ResponseController
}

func (b *body) begin() error {
	head(b.w.Header(), b.r, b.form)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.began = true
	return nil
}

func (b *body) write(bufs net.Buffers) error {
	if err := b.arm(); err != nil {
		return err
	}
	for _, p := range bufs {
		n, err := b.w.Write(p)
		b.traffic.Sent.Add(uint64(n))
		if err != nil {
			return err
		}
	}
	return b.control.Flush()
}

// arm limits the next write.
func (b *body) arm() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return errLeft
	}
	_ = b.control.SetWriteDeadline(time.Now().Add(fanout.WriteTimeout)) // what cannot be limited ends by itself
	return nil
}

func (b *body) abort() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.began && !b.ended {
		b.ended = true
		_ = b.control.SetWriteDeadline(time.Unix(1, 0))
	}
}

func (b *body) end(error) {}
