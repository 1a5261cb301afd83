//go:build unix

package bench

import (
	"io"
	"net"
	"sync"
	"syscall"
)

// readShared gives take all that arrives, in buffers that are lent only while there is
// something to read: thousands of waiting connections hold none. It ends with take's error,
// with the connection's, or with io.EOF.
func readShared(conn net.Conn, buffers *sync.Pool, take func([]byte) error) error {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return readOwn(conn, take)
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	r := reader{buffers: buffers, take: take}
	if err := raw.Read(r.ready); r.end == nil {
		return err
	}
	return r.end
}

// reader is a connection that is read in shared buffers.
type reader struct {
	buffers *sync.Pool
	take    func([]byte) error
	end     error
}

// ready reads all there is. It reports false to be called again when there is more.
func (r *reader) ready(fd uintptr) bool {
	b, _ := r.buffers.Get().(*buffer)
	if b == nil {
		b = new(buffer)
	}
	defer r.buffers.Put(b)
	for r.end == nil {
		switch n, err := syscall.Read(int(fd), b[:]); {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return false
		case err != nil:
			r.end = err
		case n == 0:
			r.end = io.EOF
		default:
			r.end = r.take(b[:n])
		}
	}
	return true
}
