package rtmp

import (
	"net"
	"sync"
)

// record is room for what TLS sends in one piece. A larger one would gain nothing: each leaves
// in a system call of its own. Spec: RFC 8446, 5.1.
type record [16 << 10]byte

// writeRecords writes bufs in full records. A TLS connection would make a record, with its own
// header and signature and system call, of each piece. The room comes from the pool and goes
// back, so that idle players hold none. Bufs stay as they are.
func writeRecords(conn net.Conn, bufs net.Buffers, pool *sync.Pool) (written int64, err error) {
	room, ok := pool.Get().(*record)
	if !ok {
		room = new(record)
	}
	defer pool.Put(room)
	used := 0
	for _, b := range bufs {
		for len(b) > 0 {
			n := copy(room[used:], b)
			used, b = used+n, b[n:]
			if used < len(room) {
				continue
			}
			n, err = conn.Write(room[:])
			written, used = written+int64(n), 0
			if err != nil {
				return written, err
			}
		}
	}
	if used == 0 {
		return written, nil
	}
	n, err := conn.Write(room[:used])
	return written + int64(n), err
}

// recordWriter returns writeRecords with the rooms of a pool.
func recordWriter(pool *sync.Pool) func(net.Conn, net.Buffers) (int64, error) {
	return func(conn net.Conn, bufs net.Buffers) (int64, error) { return writeRecords(conn, bufs, pool) }
}
