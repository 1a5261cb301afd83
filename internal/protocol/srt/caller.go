package srt

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/datarhei/gosrt"

	"weir/internal/transport"
)

// errRefused is for a peer that does not let us in.
var errRefused error = turndown("the other side refuses the connection")

// turndown is a transport.ErrRefused in words of its own.
type turndown string

func (t turndown) Error() string { return string(t) }

// Is has errors.Is know a refusal.
func (turndown) Is(target error) bool { return target == transport.ErrRefused }

// dial calls a peer. It returns when ctx ends, though the library may take longer.
func (v *Server) dial(ctx context.Context, to *peer) (srt.Conn, error) {
	type outcome struct {
		conn srt.Conn
		err  error
	}
	config, came := to.config, make(chan outcome)
	config.Logger = waker{}
	v.call(func() {
		conn, err := srt.DialWithContext(ctx, "srt", to.address, config)
		select {
		case came <- outcome{conn, err}:
		case <-ctx.Done():
			if conn != nil {
				_ = conn.Close()
			}
		}
	})
	select {
	case o := <-came:
		if o.err != nil {
			return nil, rejected(o.err)
		}
		return &called{Conn: o.conn, server: v}, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// call has the library work on a connection, which takes its time.
func (v *Server) call(work func()) {
	v.calls.Add(1)
	go func() {
		defer v.calls.Add(-1)
		work()
	}()
}

// settle waits until such work is done.
func (v *Server) settle() {
	for v.calls.Load() > 0 {
		time.Sleep(breather)
	}
}

// called is a connection that we have called for. Its Close does not wait for the library, which takes its time.
type called struct {
	srt.Conn
	server *Server
}

func (c *called) Close() error {
	c.server.call(func() { _ = c.Conn.Close() })
	return nil
}

// rejected says of a refusal what its code means. The library gives the code to base 32.
func rejected(err error) error {
	_, digits, found := strings.Cut(err.Error(), "rejected: REJECT (")
	if !found {
		return fmt.Errorf("srt: %w", err)
	}
	code, _ := strconv.ParseUint(strings.TrimSuffix(digits, ")"), 32, 32)
	meaning := map[srt.RejectionReason]string{
		srt.REJ_BADSECRET: "the passphrase is wrong", srt.REJ_UNSECURE: "one side has a passphrase and the other has none",
		srt.REJ_PEER: "it says no more", srt.REJX_BAD_REQUEST: "it does not understand the stream id", srt.REJX_UNAUTHORIZED: "it wants credentials",
		srt.REJX_OVERLOAD: "it is full", srt.REJX_FORBIDDEN: "it does not allow it", srt.REJX_NOTFOUND: "it has no such stream",
		srt.REJX_BAD_MODE: "it does not do this", srt.REJX_CONFLICT: "somebody else is publishing there", srt.REJX_ISE: "it has failed",
	}[srt.RejectionReason(code)]
	if meaning == "" {
		return fmt.Errorf("%w with code %d", errRefused, code)
	}
	return fmt.Errorf("%w with code %d: %s", errRefused, code, meaning)
}

const (
	closing = "closing socket"                     // what the library says before it does
	dozing  = 3*time.Second + 250*time.Millisecond // for which its reader sleeps at the most, and a little
)

// waker holds the library up before it closes the socket of a connection that it has called for. Its reader then sees
// that it is over and says so to a channel, while the closing one looks whether it has; without the pause it looks too
// early, and the reader stays for ever.
type waker struct{}

func (waker) Print(topic string, _ uint32, _ int, message func() string) {
	if topic == "dial" && message() == closing {
		time.Sleep(dozing)
	}
}
func (waker) HasTopic(string) bool   { return false }
func (waker) Listen() <-chan srt.Log { return nil }
func (waker) Close()                 {}
