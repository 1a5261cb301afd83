package listen

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"
)

// The pauses after a failed accept double from the first to the last.
const (
	firstPause = 5 * time.Millisecond
	lastPause  = time.Second
)

// Handler takes care of one connection and ends with it, or soon after ctx. Ties of ctx and
// connection are the handler's: `defer context.AfterFunc(ctx, func() { c.Close() })()`.
type Handler func(ctx context.Context, c net.Conn)

// Serve calls handle for every connection of ln, each in a goroutine of its own, and closes
// the connection after it. It closes ln when ctx ends, waits for all handlers and returns
// nil; a listener that somebody else has closed is net.ErrClosed. A panic in handle ends its
// connection alone.
func Serve(ctx context.Context, ln *Listener, handle Handler) error {
	return serve(ctx, ln, ln.log, handle)
}

func serve(ctx context.Context, ln net.Listener, log *slog.Logger, handle Handler) error {
	var running sync.WaitGroup
	defer running.Wait()
	defer context.AfterFunc(ctx, func() { _ = ln.Close() })()
	var pause time.Duration
	for {
		c, err := ln.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = c.Close()
			}
			return nil
		case err == nil:
			pause = 0
			running.Go(func() { serveOne(ctx, c, log, handle) })
			continue
		case errors.Is(err, net.ErrClosed):
			return err
		}
		if pause == 0 { // a line per trouble, not per attempt
			log.Error("cannot accept connections, trying again until it works", "listen", ln.Addr(), "err", err)
		}
		pause = min(max(firstPause, 2*pause), lastPause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// serveOne keeps its frame small: it is on the stack of every connection that waits.
func serveOne(ctx context.Context, c net.Conn, log *slog.Logger, handle Handler) {
	defer release(c, log)
	if opened(ctx, c, log) {
		handle(ctx, c)
	}
}

// opened reads the PROXY header of a connection that has to have one.
func opened(ctx context.Context, c net.Conn, log *slog.Logger) bool {
	own, _ := c.(*Conn)
	if own == nil || !own.proxied {
		return true
	}
	stop := context.AfterFunc(ctx, func() { _ = own.TCPConn.Close() })
	err := own.open()
	stop()
	if err != nil && ctx.Err() == nil && !errors.Is(err, ErrLimit) {
		log.Warn("connection refused", "err", err)
	}
	return err == nil
}

// release closes a connection that its handler is done with, or has panicked over.
func release(c net.Conn, log *slog.Logger) {
	cause := recover()
	if cause != nil {
		log.Error("panic: this connection ends", "remote", c.RemoteAddr(), "panic", cause, "stack", string(debug.Stack()))
		_ = c.Close()
	}
	if own, _ := c.(*Conn); own == nil || !own.handed.Load() {
		_ = c.Close()
	}
}
