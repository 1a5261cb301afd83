package rtmp

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// maxKept bounds what a client keeps of a server that does not come to its answer.
const maxKept = 16 << 20

var errKept = errors.New("rtmp: too much before the answer")

// Connect connects to the app and has a message stream made, and asks for nothing more.
// Otherwise as Publish does.
func (c *Client) Connect(ctx context.Context) error {
	return c.start(ctx, func() error {
		if err := c.connect(c.version("LNX 9,0,124,2")); err != nil {
			return err
		}
		return c.createStream()
	})
}

// Release gives the connection away, after Play or Connect, with all that has arrived since the
// handshake: the new owner reads chunks from the very first. The options must say Keep. Nothing
// can be done with c afterwards, and its Close closes nothing.
func (c *Client) Release() (net.Conn, []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	conn, kept := c.conn, c.kept
	c.closed, c.conn, c.in = true, nil, nil
	if kept == nil {
		return conn, nil
	}
	return conn, kept.bytes[kept.handshake:]
}

// keeper is the connection of a client that is to be released: it keeps what is read.
type keeper struct {
	net.Conn
	bytes     []byte
	handshake int // bytes that it took
}

func (k *keeper) Read(b []byte) (int, error) {
	if len(k.bytes) > maxKept {
		return 0, fmt.Errorf("%w: %d bytes", errKept, len(k.bytes))
	}
	n, err := k.Conn.Read(b)
	k.bytes = append(k.bytes, b[:n]...)
	return n, err
}
