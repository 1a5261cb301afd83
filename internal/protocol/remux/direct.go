package remux

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"weir/internal/config"
	"weir/internal/fanout"
	"weir/internal/stream"
)

const (
	lastTime = time.Second // for the end of an answer to leave
	maxHeard = 64 << 10    // bytes that a viewer may send, which nobody reads
)

var (
	errTalks    = errors.New("client sends without end")
	errNoSocket = errors.New("the connection is no socket")
)

// direct is a viewer on a plain connection of HTTP/1.1 or 1.0 that has been taken from the HTTP
// server: a shard writes to it, out of the stream's log.
type direct struct {
	fanout.Follower

	// Set at construction.
	viewer *viewer
	conn   net.Conn
	outbox fanout.Outbox
	cancel context.CancelCauseFunc

	// Owned by whom the shard serves it with.
	head    []byte // of the answer; nil once it has been sent
	vhost   *config.Vhost
	terms   fanout.Terms
	nodelay bool
}

// mayDirect reports whether a request can be answered by a shard.
func mayDirect(w http.ResponseWriter, r *http.Request, rules *rules) bool {
	return fanout.Available && r.ProtoMajor == 1 && r.TLS == nil && !wantsSocket(r) &&
		rules.current().Play.Writer != "own" && hijackable(w)
}

// hijackable reports whether the connection under an answer can be taken from the HTTP server.
func hijackable(w http.ResponseWriter) bool {
	for {
		outer, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			_, ok = w.(http.Hijacker)
			return ok
		}
		w = outer.Unwrap()
	}
}

// release takes the viewer's connection from the HTTP server, when it can enter the log at the first
// frame of a batch. The handler returns then, and direct.serve goes on.
func (v *viewer) release(first *stream.Batch) error {
	b, ok := v.out.(*body)
	if !ok {
		return errors.ErrUnsupported
	}
	head(b.w.Header(), b.r, b.form)
	start := startOf(b.r, b.w.Header())
	conn, _, err := b.control.Hijack()
	if err != nil {
		return fmt.Errorf("remux: %w", err)
	}
	d := &direct{viewer: v, conn: conn, head: start, nodelay: true}
	d.outbox.Conn, d.outbox.Traffic = conn, b.traffic
	d.First = &stream.Batch{Frames: slices.Clone(first.Frames), Pos: first.Pos, Base: first.Base}
	v.out, v.frames, v.pieces, v.direct = nil, nil, nil, d
	return nil
}

// startOf returns the status line and the headers of an answer that is a stream.
func startOf(r *http.Request, h http.Header) []byte {
	var b bytes.Buffer
	if r.ProtoAtLeast(1, 1) {
		b.WriteString("HTTP/1.1 200 OK\r\n")
		h.Set("Transfer-Encoding", "chunked")
	} else {
		b.WriteString("HTTP/1.0 200 OK\r\n")
	}
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	_ = h.Write(&b) // never fails in memory
	b.WriteString("\r\n")
	return b.Bytes()
}

// serve is run for a goroutine of its own, until base ends.
func (d *direct) serve(ctx, base context.Context, cancel context.CancelCauseFunc) {
	defer context.AfterFunc(base, func() { cancel(context.Cause(base)) })()
	defer func() {
		if p := recover(); p != nil {
			d.viewer.log.Error("panic: this session ends", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	defer cancel(nil)
	d.run(ctx, func(cause error) {
		if first := context.Cause(base); first != nil { // the publisher has been ended for it too, and was faster
			cause = first
		}
		cancel(cause)
	})
}

// run has a shard write to the viewer until it leaves or the stream ends. Its goroutine is the one
// that sees the viewer leave, and has little on its stack meanwhile.
func (d *direct) run(ctx context.Context, cancel context.CancelCauseFunc) {
	d.cancel = cancel
	stop, err := d.begin(ctx)
	if err == nil {
		err = d.listen()
		stop()
	}
	cancel(err)
	d.finish(context.Cause(ctx))
}

// begin has a shard write to the viewer. Stop ends that ctx ends the reading.
//
//go:noinline // else whoever waits in listen has its variables on the stack
func (d *direct) begin(ctx context.Context) (stop func() bool, err error) {
	raw := fanout.RawOf(d.conn)
	if raw == nil {
		return nil, errNoSocket
	}
	sub := d.viewer.sub
	stop = context.AfterFunc(ctx, func() {
		sub.End(unlessLeft(context.Cause(ctx)))
		_ = d.conn.SetReadDeadline(time.Unix(1, 0)) // if it fails, so does the read
	})
	d.viewer.server.shards.Follow(&d.Follower, d, sub, &d.outbox, raw, d.viewer.link.log.Rank())
	return stop, nil
}

// listen reads until the viewer has left, or the connection is to end. What it says means nothing.
func (d *direct) listen() error {
	var room [64]byte
	for heard := 0; heard < maxHeard; {
		n, err := d.conn.Read(room[:])
		heard += n
		d.outbox.Traffic.Received.Add(uint64(n))
		if err != nil {
			return errLeft // unless it has been canceled, which the cause says
		}
	}
	return errTalks
}

// finish ends the answer, and what the viewer holds.
//
//go:noinline // else whoever waits in listen has its variables on the stack
func (d *direct) finish(cause error) {
	v := d.viewer
	if errors.Is(cause, io.EOF) {
		var last []byte
		if v.chunked && d.head == nil {
			last = []byte(lastChunk)
		}
		d.outbox.Finish(lastTime, last)
	}
	v.sub.End(unlessLeft(cause))
	d.conn.Close() // ends what is still being written
	if !errors.Is(cause, errNoSocket) {
		d.Stop()
	}
	v.close(cause)
	v.note(cause)
}

// Terms are the vhost's.
func (d *direct) Terms() *fanout.Terms {
	if v := d.viewer.rules.current(); v != d.vhost {
		d.vhost = v
		d.terms = fanout.Terms{Pace: d.viewer.sub.Pace(), Interval: v.Play.SendMinInterval}
	}
	return &d.terms
}

// Unpublished is not for viewers of HTTP: the end of the publisher is theirs.
func (d *direct) Unpublished() {}

// Fail ends the session; the first cause stays.
func (d *direct) Fail(err error) { d.cancel(err) }

// Deliver sends a batch.
func (d *direct) Deliver(desk *fanout.Desk, b *stream.Batch) error {
	v := d.viewer
	if err := v.pass(b); err != nil {
		return err
	}
	if on := d.vhost.TCPNodelay; d.head == nil && on != d.nodelay {
		d.nodelay = on
		immediate(d.conn, on)
	}
	ready, err := v.prepare(b)
	if !ready || err != nil {
		return err
	}
	if d.head != nil {
		desk.Pieces = append(desk.Pieces, d.head)
	}
	at := len(desk.Pieces)
	desk.Pieces = v.opened(desk.Pieces, b)
	if v.chunked {
		desk.Pieces, desk.Heads = chunk(desk.Pieces, at, desk.Heads)
	}
	ok, err := v.link.log.Send(&d.Follower, desk, b.Pos, len(b.Frames))
	if ok {
		d.head = nil
	}
	v.sent(b, ok)
	return err
}

// immediate has what is written leave at once, or in fewer packets.
func immediate(conn net.Conn, on bool) {
	if c, ok := conn.(interface{ SetNoDelay(bool) error }); ok {
		_ = c.SetNoDelay(on) // what cannot be set stays slower or dearer, and works
	}
}
