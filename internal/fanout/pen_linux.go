package fanout

import (
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// Available says that shards can write to sockets on this system.
const Available = true

// maxVectors is how many pieces the system takes at once.
const maxVectors = 1024

// pen writes to sockets without waiting. It is for one goroutine, who writes to many.
type pen struct {
	Burst
	written int
	err     error
	try     func(fd uintptr) bool
}

func newPen() *pen {
	p := &pen{}
	p.try = p.write
	return p
}

// RawOf returns a connection's socket, nil for one that shards cannot write to: over TLS, or no
// socket at all.
func RawOf(conn net.Conn) syscall.RawConn {
	c, ok := conn.(syscall.Conn)
	if _, outer := conn.(interface{ NetConn() net.Conn }); outer || !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// offer writes as much of b as the socket takes at once, and returns how many bytes. B is then
// what is left.
func (p *pen) offer(raw syscall.RawConn, b *Burst) (written int, err error) {
	p.Burst, p.written, p.err = *b, 0, nil
	err = raw.Write(p.try)
	if err == nil {
		err = p.err
	}
	*b, p.Burst = p.Burst, Burst{}
	return p.written, err
}

// write is called with the socket held open.
func (p *pen) write(fd uintptr) bool {
	for p.err == nil && !p.Empty() {
		n, err := p.some(int(fd))
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return true
		case err != nil:
			p.err = err
		default:
			p.written += n
		}
	}
	return true
}

// some writes with one system call. Pieces that a span follows leave with its first bytes.
func (p *pen) some(fd int) (n int, err error) {
	switch {
	case len(p.Pieces) == 0:
		n, err = p.file.send(fd, p.from, p.to)
		if err == nil {
			p.from += int64(n)
		}
		return n, err
	case p.from < p.to:
		n, err = unix.SendmsgBuffers(fd, p.Pieces[:min(len(p.Pieces), maxVectors)], nil, nil, unix.MSG_MORE)
	case len(p.Pieces) == 1:
		n, err = unix.Write(fd, p.Pieces[0])
	default:
		n, err = unix.Writev(fd, p.Pieces[:min(len(p.Pieces), maxVectors)])
	}
	if err == nil {
		p.Pieces = consume(p.Pieces, n)
	}
	return n, err
}
