package listen

import (
	"context"
	"net"
	"sync"
)

// Queue is a net.Listener whose connections a Handler brings: the way from a Mux to an
// http.Server. Whoever accepts a connection closes it.
type Queue struct {
	addr  net.Addr
	ready chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// NewQueue makes a Queue that gives addr as its address.
func NewQueue(addr net.Addr) *Queue {
	return &Queue{addr: addr, ready: make(chan net.Conn), done: make(chan struct{})}
}

// Handle is a Handler: it returns when c has been accepted. A connection that nobody accepts
// before ctx or the Queue ends is closed.
func (q *Queue) Handle(ctx context.Context, c net.Conn) {
	own := inner(c)
	if own != nil {
		own.handed.Store(true)
	}
	select {
	case q.ready <- c:
		return
	case <-q.done:
	case <-ctx.Done():
	}
	_ = c.Close()
}

// Accept waits for a connection; after Close it gives net.ErrClosed.
func (q *Queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.ready:
		return c, nil
	case <-q.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept. Connections live on.
func (q *Queue) Close() error {
	q.once.Do(func() { close(q.done) })
	return nil
}

// Addr is the address given at construction.
func (q *Queue) Addr() net.Addr { return q.addr }

// inner finds our connection inside TLS and the like, or gives nil.
func inner(c net.Conn) *Conn {
	for {
		switch v := c.(type) {
		case *Conn:
			return v
		case interface{ NetConn() net.Conn }:
			c = v.NetConn()
		default:
			return nil
		}
	}
}
