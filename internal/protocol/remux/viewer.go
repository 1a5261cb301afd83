package remux

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"time"

	"weir/internal/config"
	"weir/internal/fanout"
	"weir/internal/media"
	"weir/internal/stream"
)

// errLeft ends a viewer whose WebSocket has been closed at its end.
var errLeft = errors.New("client left")

// viewer is somebody who is sent a stream.
type viewer struct {
	// Set at construction.
	server  *Server
	request *stream.Request
	form    *form
	remux   config.HTTPRemux // as it was when the viewer came
	log     *slog.Logger
	out     sink
	frames  []*media.Frame // the memory of a batch

	// Set by run.
	started time.Time
	sub     *stream.Subscriber
	behind  uint64      // frames that were there when it came
	waiting *time.Timer // nil: without end

	// Owned by run's goroutine.
	rules  rules
	kinds  kinds // which it is not sent
	audio  bool  // the header says that there is sound
	video  bool  // and pictures
	link   link
	told   *media.Layout // what it has been told of; nil before it has begun
	inside bool          // it is sent the log's bytes since the frame before next
	next   uint64        // position behind the last batch
	cached []*media.Frame
	cut    uint64 // position before which a listener is sent nothing
	placed bool   // cut is set
	barren int64  // since when there has been nothing that the form can carry; 0 is not so
	broken int64  // since when frames are lost, and it looks for a key frame; 0 is not so
	pieces net.Buffers
	count  uint64 // frames
	missed uint64 // frames before the first

	shard   bool    // is to write to it; set at construction
	chunked bool    // what the shard writes; set at construction
	direct  *direct // what became of it
}

// run serves the viewer to its end. An error before anything was sent is a *refusal, or says that
// the client has gone.
func (v *viewer) run(ctx context.Context, cancel context.CancelCauseFunc) (err error) {
	v.started = time.Now()
	defer stream.Recovered("remux", &err)
	if v.sub, err = v.server.options.Registry.Subscribe(ctx, v.request); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return refuseStream(err, v.request)
	}
	defer func() {
		if v.direct == nil {
			v.close(err)
		}
	}()
	v.behind = uint64(v.sub.Behind())
	started := "playing"
	if v.sub.Layout() == nil {
		started = "playing, once somebody publishes"
	}
	v.log.Info(started, "ip", v.request.Remote, "stream", v.request.URL())
	if d := v.remux.WaitTimeout; d > 0 {
		v.waiting = time.AfterFunc(d, func() {
			if v.sub.Layout() != nil {
				cancel(errSilent)
			}
			cancel(errAbsent)
		})
	}
	stopped, out := make(chan struct{}), v.out // which release takes away
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		v.sub.End(unlessLeft(context.Cause(ctx)))
		out.abort()
	})
	defer func() {
		if !stop() {
			<-stopped // it must not touch the connection any more
		}
	}()
	err = v.play()
	if v.direct != nil {
		return nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	switch {
	case v.out.begun():
	case errors.Is(err, io.EOF):
		err = errEnded
	case errors.Is(err, stream.ErrKicked):
		err = errKicked
	case errors.Is(err, stream.ErrEnding):
		err = errEnding
	}
	return err
}

// close gives back what the viewer holds, at its end.
func (v *viewer) close(cause error) {
	v.sub.End(unlessLeft(cause))
	if v.waiting != nil {
		v.waiting.Stop()
	}
	v.link.close()
}

// report ends the answer and logs the session's end, in one line with its cause.
func (v *viewer) report(err error) {
	refusal, refused := errors.AsType[*refusal](err)
	if !v.out.begun() && err != nil {
		if !refused {
			refusal = refuse(500, "The server cannot send this stream now.")
		}
		v.out.refuse(refusal)
	}
	v.out.end(err)
	v.note(err)
}

// note logs the session's end.
func (v *viewer) note(err error) {
	_, refused := errors.AsType[*refusal](err)
	r := v.request
	args := []any{
		"ip", r.Remote, "stream", r.URL(), "time", time.Since(v.started).Round(time.Millisecond),
		"received", r.Traffic.Received.Load(), "sent", r.Traffic.Sent.Load(), "frames", v.count,
	}
	if v.sub != nil {
		args = append(args, "lost", v.sub.Lost()+v.missed)
	}
	switch quiet := stream.Quiet(err, io.EOF, fanout.ErrSlow, errAbsent, errSilent, errEnded); {
	case refused && quiet:
		stream.LogEnd(v.log, r.Kind, err, true, args...)
	case refused:
		v.log.Warn(r.Kind+" refused", append(args, "cause", err)...)
	default:
		stream.LogEnd(v.log, r.Kind, unlessLeft(err), quiet, args...)
	}
}

// left reports whether err is what a client's leaving looks like.
func left(err error) bool {
	if err == context.Canceled { //nolint:errorlint // it is net/http's own; the server's stop wraps it
		return true
	}
	return fanout.Broken(err) || errors.Is(err, errLeft)
}

// unlessLeft is the cause of an end, nil where it is the client's own.
func unlessLeft(cause error) error {
	if left(cause) {
		return nil
	}
	return cause
}
