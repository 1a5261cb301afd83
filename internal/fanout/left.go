package fanout

import (
	"io"
	"net"
	"syscall"

	"weir/internal/stream"
)

// Broken reports whether err is of a connection that is not there any more.
func Broken(err error) bool {
	return stream.IsAny(err, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE, syscall.ETIMEDOUT)
}

// Left reports whether err, of reading from a connection or writing to it, is what a client's leaving looks like; nil is one
// that has done all it wanted.
func Left(err error) bool {
	return err == nil || Broken(err) || stream.IsAny(err, io.EOF, io.ErrUnexpectedEOF)
}

// UnlessLeft is the cause of an end, nil where the client has left.
func UnlessLeft(err error) error {
	if Left(err) {
		return nil
	}
	return err
}
