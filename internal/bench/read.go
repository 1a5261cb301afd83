package bench

import (
	"context"
	"net"
	"sync"
	"time"
)

// A buffer is what is read at once: of many connections that share them, and of one that has
// its own.
type (
	buffer    [64 << 10]byte
	ownBuffer [16 << 10]byte
)

// readOwn gives take all that arrives.
func readOwn(conn net.Conn, take func([]byte) error) error {
	var b ownBuffer
	for {
		n, err := conn.Read(b[:])
		if n > 0 {
			if err := take(b[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

// listen reads a line until it ends, and closes it. p counts what comes, and what has come
// while it was dialled.
func (l *line) listen(ctx context.Context, buffers *sync.Pool, p *player) error {
	defer l.conn.Close()
	defer context.AfterFunc(ctx, func() { l.conn.Close() })()
	take := func(b []byte) error {
		p.tally.mu.Lock()
		p.arrived(len(b), time.Now())
		err := l.in.feed(b)
		p.tally.mu.Unlock()
		if out := l.in.replies(); err == nil && len(out) > 0 {
			_, err = l.conn.Write(out)
		}
		return err
	}
	if len(l.rest) > 0 {
		rest := l.rest
		l.rest = nil
		if err := take(rest); err != nil {
			return err
		}
	}
	return readShared(l.conn, buffers, take)
}
