package rtmp

import (
	"io"
	"sync"
)

const (
	roomBytes  = 64 << 10 // that one read of a socket brings at most
	plainBytes = 4 << 10  // the same, of what is no plain socket
	keptBytes  = 32       // unread, that a waiting connection keeps: more than any chunk's header
)

// room is memory that a read fills. Connections share rooms: only one with unread bytes has one.
type room [roomBytes]byte

// filler brings an input's next bytes: it blocks until there are some, and puts them into the
// input's memory by space and add.
type filler interface {
	fill(in *input) error
}

// input is what has come from a peer and is not read yet. It is for one goroutine.
type input struct {
	// Set at construction.
	from  filler
	rooms *sync.Pool // of *room; nil is memory of its own

	unread []byte // in memory, or in kept
	memory []byte // of a room; none while it waits
	kept   [keptBytes]byte
}

// newInput returns the input of a reader, which is read ahead.
func newInput(r io.Reader) *input { return &input{from: ahead{r}} }

// fill waits for more bytes, behind those unread. No more than keptBytes may be unread.
func (in *input) fill() error { return in.from.fill(in) }

// skip is done with n bytes.
func (in *input) skip(n int) {
	in.unread = in.unread[n:]
	if len(in.unread) == 0 {
		in.leave()
	}
}

// Read waits only if nothing is unread.
func (in *input) Read(b []byte) (int, error) {
	if len(in.unread) == 0 {
		if err := in.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(b, in.unread)
	in.skip(n)
	return n, nil
}

// space returns the memory behind the unread bytes.
func (in *input) space() []byte {
	if in.memory == nil {
		in.memory = in.borrow()
	}
	n := copy(in.memory, in.unread)
	in.unread = in.memory[:n]
	return in.memory[n:]
}

// add says that so many bytes have come into the space.
func (in *input) add(n int) { in.unread = in.memory[:len(in.unread)+n] }

// leave gives the memory back, and keeps what is unread, before a wait that may be long.
func (in *input) leave() {
	if in.memory == nil || in.rooms == nil || len(in.unread) > keptBytes {
		return
	}
	in.unread = in.kept[:copy(in.kept[:], in.unread)]
	in.rooms.Put((*room)(in.memory))
	in.memory = nil
}

func (in *input) borrow() []byte {
	if in.rooms == nil {
		return make([]byte, plainBytes)
	}
	if r, ok := in.rooms.Get().(*room); ok {
		return r[:]
	}
	return new(room)[:]
}

// ahead is the filler of a reader.
type ahead struct{ io.Reader }

func (a ahead) fill(in *input) error {
	space := in.space()
	for {
		n, err := a.Read(space)
		if n > 0 {
			in.add(n)
			return nil // an error comes again
		}
		if err != nil {
			return err
		}
	}
}
