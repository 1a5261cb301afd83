//go:build !unix

package bench

import (
	"net"
	"sync"
)

// readShared is readOwn: only on Unix can a buffer wait until there is something to read.
func readShared(conn net.Conn, _ *sync.Pool, take func([]byte) error) error {
	return readOwn(conn, take)
}
