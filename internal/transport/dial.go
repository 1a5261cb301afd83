package transport

import (
	"context"
	"net"
	"time"

	"weir/internal/stream"
)

// Lively has a connection to another server on which nothing comes be found dead within seconds.
func Lively() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: time.Second, Interval: time.Second, Count: 3}
}

// Counted dials connections whose bytes are counted.
func Counted(dial Dial, t *stream.Traffic) Dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &countedConn{conn, t}, nil
	}
}

type countedConn struct {
	net.Conn
	traffic *stream.Traffic
}

func (c *countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.traffic.Received.Add(uint64(n))
	return n, err
}

func (c *countedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.traffic.Sent.Add(uint64(n))
	return n, err
}
