package listen

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

// Conn is an accepted connection. A *net.TCPConn is inside, so net.Buffers and files are still
// written to it in one system call. Read, RemoteAddr and LocalAddr of a connection from a
// trusted proxy first read the PROXY header: they may block as long as proxyWait.
type Conn struct {
	*net.TCPConn

	// Set at construction.
	limit   *Limit
	log     *slog.Logger
	proxied bool
	ticket  ticket

	// Set by open, once.
	opening       sync.Once
	remote, local net.Addr // nil: the socket's
	err           error    // why nothing can be read

	head   []byte      // Owned by the reader: bytes to read before the socket's.
	handed atomic.Bool // to a Queue: Serve does not close it
}

// Read reads what was peeked at, then from the socket.
func (c *Conn) Read(p []byte) (int, error) {
	if err := c.open(); err != nil {
		return 0, err
	}
	if len(c.head) > 0 {
		n := copy(p, c.head)
		if c.head = c.head[n:]; len(c.head) == 0 {
			c.head = nil
		}
		return n, nil
	}
	return c.TCPConn.Read(p)
}

// Unwrap gives the socket, for one who reads it without this connection, and what has been read
// of it already. All else goes on through the connection. Call it where Read would not block for
// a PROXY header: Serve has seen to that.
func (c *Conn) Unwrap() (tcp *net.TCPConn, head []byte) {
	head, c.head = c.head, nil
	return c.TCPConn, head
}

// WriteTo is the fast path of io.Copy.
func (c *Conn) WriteTo(w io.Writer) (int64, error) {
	if err := c.open(); err != nil {
		return 0, err
	}
	var written int64
	if len(c.head) > 0 {
		n, err := w.Write(c.head)
		c.head, written = c.head[n:], int64(n)
		if err != nil {
			return written, err
		}
	}
	n, err := c.TCPConn.WriteTo(w)
	return written + n, err
}

// RemoteAddr is the client, who may be behind a proxy.
func (c *Conn) RemoteAddr() net.Addr {
	if c.open() == nil && c.remote != nil {
		return c.remote
	}
	return c.TCPConn.RemoteAddr()
}

// LocalAddr is the address the client has connected to, maybe that of a proxy.
func (c *Conn) LocalAddr() net.Addr {
	if c.open() == nil && c.local != nil {
		return c.local
	}
	return c.TCPConn.LocalAddr()
}

// Close may be called twice and from anywhere.
func (c *Conn) Close() error {
	c.limit.leave(&c.ticket)
	if err := c.TCPConn.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// open reads the PROXY header, if there has to be one, and counts the client it names.
func (c *Conn) open() error {
	if !c.proxied {
		return nil
	}
	c.opening.Do(func() {
		var from, to netip.AddrPort
		if from, to, c.head, c.err = readProxy(c.TCPConn); c.err != nil {
			return
		}
		if from.IsValid() {
			c.remote, c.local = net.TCPAddrFromAddrPort(from), net.TCPAddrFromAddrPort(to)
		} else {
			from = netip.AddrPortFrom(addrOf(c.TCPConn.RemoteAddr()), 0)
		}
		if !c.limit.settle(&c.ticket, from.Addr()) {
			c.err = ErrLimit
		}
	})
	return c.err
}

// rewound is a connection of another kind with bytes to read before its own.
type rewound struct {
	net.Conn
	head []byte // Owned by the reader.
}

func (r *rewound) Read(p []byte) (int, error) {
	if len(r.head) > 0 {
		n := copy(p, r.head)
		r.head = r.head[n:]
		return n, nil
	}
	return r.Conn.Read(p)
}

// NetConn gives the connection inside, as that of tls.Conn does.
func (r *rewound) NetConn() net.Conn { return r.Conn }

// unread gives c, or a connection around it, that reads head first.
func unread(c net.Conn, head []byte) net.Conn {
	if own, ok := c.(*Conn); ok {
		own.head = append(head, own.head...)
		return own
	}
	return &rewound{c, head}
}
