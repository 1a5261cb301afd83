package mpegts

import (
	"errors"
	"fmt"
	"io"

	"weir/internal/media"
)

const (
	tapBytes   = 32 << 10 // of one read
	maxGarbage = 1 << 20
	maxIdle    = 100 // reads that bring nothing
)

// ErrNoSync says that what is read is no transport stream.
var ErrNoSync = errors.New("mpegts: no packets of 188 bytes")

// tap cuts what a reader gives into packets. It finds their borders, and finds them again behind
// bytes that are none of a packet.
type tap struct {
	src   io.Reader
	at    int64 // when the newest bytes came
	clock func() int64
	torn  int // the PID of a packet that turned out to be cut after it was given out, or -1

	memory  []byte
	b       []byte // what is unread of memory
	synced  bool
	blind   bool // the newest packet was given out before what follows it was there
	pid     int  // the newest packet's
	ended   bool
	garbage int // bytes since the newest packet
	skipped uint64
	losses  uint64 // times that the borders were lost
}

func newTap(r io.Reader, clock func() int64) *tap {
	if clock == nil {
		clock = media.Now
	}
	return &tap{src: r, clock: clock, memory: make([]byte, tapBytes), torn: -1}
}

// fill reads once. After an error next goes on with what is left.
func (t *tap) fill() error {
	n := copy(t.memory, t.b)
	for range maxIdle {
		more, err := t.src.Read(t.memory[n:])
		t.b = t.memory[:n+more]
		if more > 0 {
			t.at = t.clock()
			return nil // an error comes again
		}
		if err != nil {
			t.ended = true
			return err
		}
	}
	t.ended = true
	return io.ErrNoProgress
}

// next returns the next packet, which is good until fill, or nil if there is none without reading
// more. The error is ErrNoSync.
func (t *tap) next() ([]byte, error) {
	t.torn = -1
	for len(t.b) >= packetSize {
		switch {
		case !t.synced:
			n, found := t.search()
			t.skip(n)
			if t.garbage > maxGarbage {
				return nil, fmt.Errorf("%w in %d bytes", ErrNoSync, t.garbage)
			}
			if !found {
				return nil, nil
			}
			t.synced = true
		case t.b[0] != syncByte:
			if t.blind {
				t.torn = t.pid
			}
			t.lose()
		case t.unsure():
			return nil, nil
		default:
			if n := t.cut(); n > 0 {
				t.skip(n)
				t.losses++
			}
			return t.take(), nil
		}
	}
	return nil, nil
}

func (t *tap) take() []byte {
	p := t.b[:packetSize]
	t.b = t.b[packetSize:]
	t.blind, t.garbage = len(t.b) == 0, 0
	t.pid = int(p[1]&0x1f)<<8 | int(p[2])
	return p
}

func (t *tap) skip(n int) {
	t.b = t.b[n:]
	t.garbage += n
	t.skipped += uint64(n)
}

func (t *tap) lose() {
	t.synced = false
	t.losses++
}

// search returns how many bytes stand before the next packet, and whether one is there. It asks
// for one packet behind it, and for a second one if the bytes for that are there.
func (t *tap) search() (n int, found bool) {
	for n = range t.b {
		if t.b[n] != syncByte {
			continue
		}
		switch next := n + packetSize; {
		case next < len(t.b):
			if t.opens(n) {
				return n, true
			}
		case !t.ended:
			return n, false // which cannot be told yet
		case next == len(t.b):
			return n, true
		}
	}
	return len(t.b), false
}

// opens reports whether a row of packets begins at n, by as many as two behind the first.
func (t *tap) opens(n int) bool {
	return t.b[n] == syncByte && n+packetSize < len(t.b) && t.b[n+packetSize] == syncByte &&
		(n+2*packetSize >= len(t.b) || t.b[n+2*packetSize] == syncByte)
}

// unsure reports whether a packet that no other follows cannot be looked at for a cut yet: a row of packets inside it
// shows a packet behind the first.
func (t *tap) unsure() bool {
	return !t.ended && len(t.b) > packetSize && len(t.b) < 2*packetSize && t.b[packetSize] != syncByte
}

// cut looks at a packet that no other follows: either it is whole and garbage comes behind it, or
// it is cut short and a row of packets begins inside. It returns where, or 0.
func (t *tap) cut() int {
	if len(t.b) == packetSize || t.b[packetSize] == syncByte {
		return 0
	}
	for n := 1; n < packetSize; n++ {
		if t.opens(n) {
			return n
		}
	}
	return 0
}
