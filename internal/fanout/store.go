package fanout

import "net"

// maxFresh is up to how many bytes a span is sent rather as pieces than out of a file: the
// kernel copies so little for less than it takes to pass pages on.
const maxFresh = 16 << 10

// Store keeps bytes at growing offsets, on the heap or in a file of memory; its zero value is an
// empty one on the heap. Bytes never change once they are there. Its user has a lock: held for
// reading while a burst of it is sent, for writing while it changes.
type Store struct {
	heap  blocks
	file  *memfile // instead of heap; nil for none
	fresh fresh
}

// fresh is what was last put in a file, in one piece.
type fresh struct {
	piece    []byte
	from, to int64
}

// NewFile returns an empty store in a file of memory, which has to be closed. The error says that
// there can be none on this system; some sandboxes forbid it, too.
func NewFile() (Store, error) {
	file, err := newMemfile()
	return Store{file: file}, err
}

// Close gives a file back.
func (s *Store) Close() {
	if s.file != nil {
		s.file.close()
	}
}

// End is the offset behind the last byte.
func (s *Store) End() int64 {
	if s.file != nil {
		return s.file.end
	}
	return s.heap.end
}

// Append copies pieces of so many bytes to the end. Single says that they are what players who do
// not pause will all ask for next.
func (s *Store) Append(pieces net.Buffers, size int64, single bool) error {
	s.fresh = fresh{}
	if s.file == nil {
		s.heap.append(pieces)
		return nil
	}
	if from := s.file.end; single && size <= maxFresh {
		s.fresh = fresh{join(pieces, int(size)), from, from + size}
	}
	return s.file.append(pieces)
}

// Drop forgets what is before an offset, or some of it.
func (s *Store) Drop(before int64) {
	if s.file != nil {
		s.file.drop(before)
		return
	}
	s.heap.drop(before)
}

// Burst makes a burst of pieces and a span of the store, all of which is there. The lock is held
// for reading until it is sent.
func (s *Store) Burst(pieces net.Buffers, from, to int64) Burst {
	switch {
	case from == to:
		return Burst{Pieces: pieces}
	case s.file == nil:
		return Burst{Pieces: s.heap.slices(pieces, from, to)}
	case from == s.fresh.from && to == s.fresh.to:
		return Burst{Pieces: append(pieces, s.fresh.piece)}
	}
	return Burst{Pieces: pieces, file: s.file, from: from, to: to}
}

// Slices appends a span of the store, all of which is there, in pieces that stay good: out of a
// file a copy.
func (s *Store) Slices(dst net.Buffers, from, to int64) (net.Buffers, error) {
	b := s.Burst(dst, from, to)
	err := b.load()
	return b.Pieces, err
}

func join(pieces net.Buffers, size int) []byte {
	b := make([]byte, 0, size)
	for _, p := range pieces {
		b = append(b, p...)
	}
	return b
}

// spill goes on on the heap at the same offset; what the file has is gone.
func (s *Store) spill() {
	end := s.file.end
	s.file.close()
	*s = Store{heap: blocks{base: end, end: end}}
}
