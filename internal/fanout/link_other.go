//go:build !linux

package fanout

import (
	"net"

	"weir/internal/stream"
)

// LinkOf returns a function that knows nothing of the network behind a connection: this system does
// not tell.
func LinkOf(net.Conn) func() (stream.Link, bool) {
	return func() (stream.Link, bool) { return stream.Link{}, false }
}
