package listen

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestServePanic(t *testing.T) {
	j := &journal{}
	limit := NewLimit(nil, nil, nil)
	l := local(t, Options{Log: j.log(), Limit: limit})
	stop := start(t, l, func(_ context.Context, c net.Conn) {
		word, _ := io.ReadAll(c)
		if string(word) == "bang" {
			panic("what a word")
		}
		_, _ = c.Write(word)
	})
	if got := say(t, l.Addr(), "bang"); got != "" {
		t.Errorf("after a panic: %q", got)
	}
	if got := say(t, l.Addr(), "hello"); got != "hello" {
		t.Errorf("the next connection: %q", got)
	}
	if err := stop(); err != nil {
		t.Error("Serve:", err)
	}
	if got := j.String(); !strings.Contains(got, "what a word") || !strings.Contains(got, "serve_test.go") {
		t.Error("no panic with its stack in the log:", got)
	}
	if limit.Count() != 0 {
		t.Error("connections left open:", limit.Count())
	}
}

func TestServeWaits(t *testing.T) {
	l := local(t, Options{})
	begun, ended := make(chan bool), make(chan bool, 1)
	stop := start(t, l, func(ctx context.Context, c net.Conn) {
		close(begun)
		defer context.AfterFunc(ctx, func() { _ = c.Close() })()
		_, _ = io.Copy(io.Discard, c)
		ended <- true
	})
	dial(t, l.Addr())
	<-begun
	if err := stop(); err != nil {
		t.Error(err)
	}
	select {
	case <-ended:
	default:
		t.Error("Serve has returned before its handler")
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("the listener is still open")
	}
}

// broken is a listener that fails some times, then gives one connection, then is closed.
type broken struct {
	net.Listener
	fails int
	conn  net.Conn
	at    []time.Time
}

func (b *broken) Addr() net.Addr { return &net.TCPAddr{} }
func (b *broken) Close() error   { return nil }
func (b *broken) Accept() (net.Conn, error) {
	b.at = append(b.at, time.Now())
	if b.fails--; b.fails >= 0 {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	if c := b.conn; c != nil {
		b.conn = nil
		return c, nil
	}
	return nil, net.ErrClosed
}

func TestServeBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		ours, theirs := net.Pipe()
		b := &broken{fails: 12, conn: ours}
		served := false
		err := serve(t.Context(), b, j.log(), func(context.Context, net.Conn) { served = true })
		if !errors.Is(err, net.ErrClosed) || !served {
			t.Errorf("serve: %v, served %v", err, served)
		}
		if _, err := theirs.Read([]byte{0}); !errors.Is(err, io.EOF) {
			t.Error("the connection is not closed after its handler:", err)
		}
		if got := strings.Count(j.String(), "\n"); got != 1 {
			t.Errorf("%d lines: %s", got, j)
		}
		for i := 1; i < 12; i++ {
			if pause := b.at[i].Sub(b.at[i-1]); pause < firstPause || pause > lastPause {
				t.Errorf("pause %d: %v", i, pause)
			}
		}
		if pause := b.at[12].Sub(b.at[11]); pause != lastPause {
			t.Error("the last pause:", pause)
		}
	})
}

func TestServeStopsWhileItBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- serve(ctx, &broken{fails: 1 << 30}, (&journal{}).log(), nil) }()
		time.Sleep(time.Minute)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
