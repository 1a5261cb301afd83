package rtmp

import (
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxVectors is how many pieces the system takes at once.
const maxVectors = 1024

// pen writes to sockets without waiting. It is for one goroutine, who writes to many.
type pen struct {
	burst
	written int
	err     error
	try     func(fd uintptr) bool
}

func newPen() *pen {
	p := &pen{}
	p.try = p.write
	return p
}

// rawOf returns a connection's socket, nil for one that a pen cannot write to.
func rawOf(conn net.Conn) syscall.RawConn {
	c, ok := conn.(syscall.Conn)
	if !ok || inside(conn) != conn {
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
func (p *pen) offer(raw syscall.RawConn, b *burst) (written int, err error) {
	p.burst, p.written, p.err = *b, 0, nil
	err = raw.Write(p.try)
	if err == nil {
		err = p.err
	}
	*b, p.burst = p.burst, burst{}
	return p.written, err
}

// write is called with the socket held open.
func (p *pen) write(fd uintptr) bool {
	for p.err == nil && !p.empty() {
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

// some writes with one system call.
func (p *pen) some(fd int) (n int, err error) {
	switch len(p.pieces) {
	case 0:
		n, err = p.file.send(fd, p.from, p.to)
		if err == nil {
			p.from += int64(n)
		}
		return n, err
	case 1:
		n, err = unix.Write(fd, p.pieces[0])
	default:
		n, err = unix.Writev(fd, p.pieces[:min(len(p.pieces), maxVectors)])
	}
	if err == nil {
		p.pieces = consume(p.pieces, n)
	}
	return n, err
}
