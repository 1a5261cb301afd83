package fanout

import (
	"testing"

	"golang.org/x/sys/unix"
)

// held returns the bytes of memory that the file takes.
func (m *memfile) held(t *testing.T) int64 {
	var s unix.Stat_t
	if err := unix.Fstat(m.fd, &s); err != nil {
		t.Fatal(err)
	}
	return s.Blocks * 512
}
