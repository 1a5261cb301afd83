package web

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"runtime/debug"
	"time"
)

const (
	// writeTimeout is how long a client may take for what is written to it at once.
	writeTimeout = 30 * time.Second
	// stride is how much of a file is written at once: who takes less than that in writeTimeout,
	// which is 4 KiB a second, does not play it.
	stride = 128 << 10
)

// patient is the answer to a client that may stop reading at any time: each write has its own
// deadline, so that a long answer may take as long as it likes.
type patient struct {
	http.ResponseWriter
	control *http.ResponseController
	taken   bool // the connection is its handler's
}

func newPatient(w http.ResponseWriter) *patient {
	p := &patient{ResponseWriter: w, control: http.NewResponseController(w)}
	p.rest() // from the request before it on this connection
	return p
}

// Unwrap is for http.ResponseController.
func (p *patient) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// wait sets the deadline of one write, rest takes it away. A writer that has none goes without.
func (p *patient) wait() { _ = p.control.SetWriteDeadline(time.Now().Add(writeTimeout)) }
func (p *patient) rest() { _ = p.control.SetWriteDeadline(time.Time{}) }

func (p *patient) Write(b []byte) (int, error) {
	p.wait()
	defer p.rest()
	return p.ResponseWriter.Write(b)
}

// Flush is for those who ask for an http.Flusher.
func (p *patient) Flush() { _ = p.FlushError() }

// FlushError sends what has been written.
func (p *patient) FlushError() error {
	p.wait()
	defer p.rest()
	return p.control.Flush()
}

// ReadFrom sends a file without its bytes passing through here, where the system can.
func (p *patient) ReadFrom(src io.Reader) (int64, error) {
	left := int64(math.MaxInt64)
	outer, limited := src.(*io.LimitedReader)
	if limited { // the socket looks behind one of these, and not behind two
		src, left = outer.R, outer.N
	}
	defer p.rest()
	var sent int64
	for left > 0 {
		part := &io.LimitedReader{R: src, N: min(left, stride)}
		p.wait()
		n, err := io.Copy(p.ResponseWriter, part)
		sent, left = sent+n, left-n
		if limited {
			outer.N = left
		}
		if err != nil || part.N > 0 {
			return sent, err
		}
	}
	return sent, nil
}

// Hijack gives the connection to the handler, who minds the deadlines from now on.
func (p *patient) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buf, err := p.control.Hijack()
	p.taken = p.taken || err == nil
	return conn, buf, err
}

// done leaves a deadline for what is sent when the handler has returned.
func (p *patient) done() {
	if !p.taken {
		p.wait()
	}
}

// guard is deferred: a panic ends its request alone, and the log has it as it has others.
func guard(log *slog.Logger, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if err, ok := cause.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
		log.Error("panic: this request ends", "remote", r.RemoteAddr, "path", r.URL.Path, "panic", cause, "stack", string(debug.Stack()))
	}
	panic(http.ErrAbortHandler) // the connection ends too: half an answer may have been sent
}
