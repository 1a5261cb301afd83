//go:build unix

package rtmp

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"weir/internal/listen"
)

// socket reads a socket into an input that has no memory while it waits. It is for one
// goroutine.
type socket struct {
	raw   syscall.RawConn
	reads func(fd uintptr) bool // read
	naps  func(fd uintptr) bool // nap

	// Of what goes on.
	in    *input
	rests bool // there will be a rest after it
	slept bool
	short bool // the read has brought less than there was space for
	err   error

	quiet bool // it tells of restBytes and more, or of the end, and of nothing less
}

// openSocket returns the socket to read a connection from, and what has been read of it already;
// nil for one that is not to be read behind its back.
func openSocket(conn net.Conn) (s *socket, head []byte) {
	tcp, ok := conn.(*net.TCPConn)
	if c, is := conn.(*listen.Conn); is {
		tcp, head = c.Unwrap()
		ok = true
	}
	if !ok {
		return nil, nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, head
	}
	s = &socket{raw: raw}
	s.reads, s.naps = s.read, s.nap
	return s, head
}

// deaf reports whether doze would not wake for each byte.
func (s *socket) deaf() bool { return s.quiet }

// fill reads once, and waits if there is nothing. Rests says that doze comes next, if the socket
// has been left empty, which drained reports.
func (s *socket) fill(in *input, rests bool) (drained bool, err error) {
	s.in, s.rests, s.short, s.err = in, rests, false, nil
	if err := s.raw.Read(s.reads); err != nil {
		return false, readError(err)
	}
	return s.short, s.err
}

// doze waits until the deadline, or until there is much to read, or the end.
func (s *socket) doze() error {
	s.slept = false
	err := s.raw.Read(s.naps)
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return readError(err)
}

func (s *socket) nap(uintptr) (done bool) {
	done, s.slept = s.slept, true
	return done
}

// take is fill without the wait, and whatever the deadline is. It is not done if there was nothing.
func (s *socket) take(in *input) (done, drained bool, err error) {
	s.in, s.rests, s.short, s.err = in, true, false, nil
	err = s.raw.Control(func(fd uintptr) { done = s.read(fd) })
	if err != nil {
		return false, false, readError(err)
	}
	return done, s.short, s.err
}

// read reads what is there. It is not done if that is nothing: then the socket tells of each byte.
func (s *socket) read(fd uintptr) (done bool) {
	space := s.in.space()
	for {
		n, err := syscall.Read(int(fd), space)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN && s.quiet:
			s.hush(fd, false)
			continue // something may have come
		case err == syscall.EAGAIN:
			s.in.leave()
			return false
		case err != nil:
			s.err = os.NewSyscallError("read", err)
			s.in.leave()
		case n == 0:
			s.err = io.EOF
			s.in.leave()
		default:
			s.in.add(n)
			s.short = n < len(space)
			if s.rests != s.quiet {
				s.hush(fd, s.rests)
			}
		}
		return true
	}
}

// readError names the error of a read as everybody does.
func readError(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		op.Op = "read"
	}
	return err
}
