package fanout

import (
	"errors"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// memfile keeps bytes at growing offsets, like blocks, in a file that is only memory: the
// kernel sends from its pages and copies nothing. A page may still be on its way to a player
// when it is dropped, so written bytes never change: the file grows at its end, and holes are
// made behind.
type memfile struct {
	fd   int
	end  int64
	hole int64 // all before is gone; whole pages
}

// newMemfile returns an empty file, which is gone with its last user.
func newMemfile() (*memfile, error) {
	fd, err := unix.MemfdCreate("weir", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	return &memfile{fd: fd}, nil
}

// append writes pieces at the end.
func (m *memfile) append(pieces net.Buffers) error {
	for len(pieces) > 0 {
		n, err := unix.Pwritev(m.fd, pieces[:min(len(pieces), maxVectors)], m.end)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return os.NewSyscallError("pwritev", err)
		}
		m.end += int64(n)
		pieces = consume(pieces, n)
	}
	return nil
}

// drop gives the pages before an offset back.
func (m *memfile) drop(before int64) {
	before -= before % int64(os.Getpagesize())
	if before <= m.hole {
		return
	}
	const hole = unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE
	if unix.Fallocate(m.fd, hole, m.hole, before-m.hole) == nil {
		m.hole = before // else with the next ones
	}
}

// read returns a copy of the bytes from one offset to another.
func (m *memfile) read(from, to int64) ([]byte, error) {
	b := make([]byte, to-from)
	for got := 0; got < len(b); {
		n, err := unix.Pread(m.fd, b[got:], from+int64(got))
		if err == nil && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return nil, os.NewSyscallError("pread", err)
		}
		got += max(n, 0)
	}
	return b, nil
}

// send gives a socket the bytes from an offset on and returns how many it took.
func (m *memfile) send(socket int, from, to int64) (int, error) {
	n, err := unix.Sendfile(socket, m.fd, &from, int(min(to-from, 1<<30)))
	if err == nil && n == 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (m *memfile) close() { _ = unix.Close(m.fd) } // nothing of it is kept
