package fanout

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/stream"
)

func newOutbox(conn net.Conn) *Outbox {
	return &Outbox{Conn: conn, Traffic: &stream.Traffic{}}
}

// TestOutboxSlow has a peer who reads nothing: replies beside media do not wait, and are bounded.
func TestOutboxSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer b.Close()
		o := newOutbox(a)
		sent := make(chan error, 1)
		start := time.Now()
		go func() { sent <- o.Send(net.Buffers{noise(10, 1)}) }()
		synctest.Wait()
		var err error
		n := 0
		for ; err == nil && n < maxReplies; n++ {
			err = o.Reply(noise(16, 2))
		}
		if !errors.Is(err, ErrReplies) || n < maxReplies/16-1 || time.Since(start) > 0 {
			t.Errorf("after %d replies and %v: %v", n, time.Since(start), err)
		}
		if err := <-sent; !errors.Is(Late(err), ErrSlow) || time.Since(start) != WriteTimeout {
			t.Errorf("media after %v: %v", time.Since(start), err)
		}
	})
}

// TestOutboxFinish ends what a peer who reads nothing keeps waiting, and does not write behind
// half a message.
func TestOutboxFinish(t *testing.T) {
	a, b := net.Pipe()
	o := newOutbox(a)
	sent := make(chan error, 1)
	go func() {
		var err error
		for err == nil { // one write after the other, each with a new deadline
			err = o.Send(net.Buffers{noise(22, 1)})
		}
		sent <- err
	}()
	_, _ = io.ReadFull(b, make([]byte, 100)) // and no more
	o.Finish(50*time.Millisecond, []byte("reply"))
	if err := <-sent; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	a.Close()
	if rest, _ := io.ReadAll(b); len(rest) > 0 {
		t.Errorf("% x behind half a message", rest)
	}
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		o := newOutbox(a)
		o.Queue([]byte("one "))
		go func() {
			o.Finish(time.Second, []byte("two"))
			a.Close()
		}()
		if got, err := io.ReadAll(b); string(got) != "one two" {
			t.Errorf("%q, %v", got, err)
		}
	})
}
