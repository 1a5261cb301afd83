package rtmp

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A message travels in chunks; those of different chunk streams may take turns. Each begins
// with a basic header, whose csid 0 and 1 announce one and two bytes more, little endian, with
// csid = 64 + their value:
//
//	| fmt u2 | csid u6 |   csid 2..63
//	| fmt u2 | 0 | u8 |    csid 64..319
//	| fmt u2 | 1 | u16 |   csid 64..65599
//
// fmt says how much of the message header follows; the rest is as it was on that stream:
//
//	0 | time u24, ms | length u24 | type u8 | stream id u32 LE |
//	1 | delta u24    | length u24 | type u8 |
//	2 | delta u24    |
//	3 |
//
// Spec: Adobe RTMP 1.0, 5.3.1. What it leaves open, and what senders make of it:
//
//   - A time or delta of 0xFFFFFF stands for the u32 that follows the header. Type 3 chunks
//     repeat the u32 (5.3.1.3), but some senders leave it out: the reader looks at the four
//     bytes and takes them only if they are the ones it has seen.
//   - A type 3 chunk that starts a message adds the last delta again, and after a type 0 chunk
//     it adds that chunk's time (5.3.1.2.4): ffmpeg writes so. A time too long for 24 bits is
//     never meant as a delta, and is not added.
//   - librtmp opens the ping stream with a type 1 chunk: nothing came before, so its delta is
//     the time and its stream is 0.
//   - A type 1 or 2 chunk inside a message continues it: the header was meant the first time.
const (
	extendedTime = 0xFFFFFF

	defaultChunkSize = 128
	minChunkSize     = 128 // of a peer; the spec allows less
	maxChunkSize     = 1<<31 - 1

	maxChunkStreams = 128      // that a peer may use in one connection
	maxPending      = 32 << 20 // bytes reserved by its unfinished messages
	firstPiece      = 128 << 10

	// A peer that has not said yet what it wants gets this much, for one message and for all.
	maxEarlyMessage = 64 << 10
	maxEarlyPending = 64 << 10
)

var (
	errChunkStart    = errors.New("rtmp: chunk does not fit the one before")
	errMessageLength = errors.New("rtmp: message length changed inside the message")
	errChunkSize     = errors.New("rtmp: bad chunk size")
	errTooLong       = errors.New("rtmp: message too long")
	errTooMuch       = errors.New("rtmp: too much unfinished")
)

// chunkReader puts messages together. It is for one goroutine, and of no more use after an
// error.
type chunkReader struct {
	// Set at construction.
	src   *bufio.Reader
	alloc func(n int) []byte

	// Bounds, for the owner to change between messages.
	maxMessage int // bytes of one message
	maxPending int // bytes reserved by unfinished messages

	size     int    // the peer's chunk size
	consumed uint64 // bytes taken from src
	open     int    // messages begun and not finished
	pending  int    // bytes reserved by them
	streams  []chunkStream
}

// chunkStream is what the next chunk of a stream builds on.
type chunkStream struct {
	message        // the latest; its body is what has arrived of it, in what is reserved
	length  int    // of the message
	delta   uint32 // that a type 3 chunk adds
	field   uint32 // the time or delta as it was sent
	open    bool   // more of the message is to come
}

// newChunkReader returns a reader with the bounds of a peer that has yet to say what it wants.
// Alloc gives the memory of message bodies; nil is make. Src buffers at least 16 bytes.
func newChunkReader(src *bufio.Reader, alloc func(n int) []byte) *chunkReader {
	if alloc == nil {
		alloc = func(n int) []byte { return make([]byte, n) }
	}
	return &chunkReader{
		src:        src,
		alloc:      alloc,
		maxMessage: maxEarlyMessage,
		maxPending: maxEarlyPending,
		size:       defaultChunkSize,
	}
}

// trust widens the bounds for a peer that has been let in.
func (r *chunkReader) trust() {
	r.maxMessage, r.maxPending = maxMessage, maxPending
}

// buffered returns how many bytes have arrived that are not read yet.
func (r *chunkReader) buffered() int { return r.src.Buffered() }

// readMessage returns the next message that is whole; its body may be empty, and is the
// caller's to keep. The peer's chunk size and aborts are obeyed here and not returned. The
// error is io.EOF at a clean end, io.ErrUnexpectedEOF inside a message.
func (r *chunkReader) readMessage() (message, error) {
	for {
		s, err := r.readChunk()
		if err != nil {
			return message{}, err
		}
		if s.open {
			continue
		}
		m := s.message
		s.body = nil
		switch m.kind {
		case setChunkSize:
			err = r.resize(&m)
		case abort:
			err = r.abort(&m)
		default:
			return m, nil
		}
		if err != nil {
			return message{}, err
		}
	}
}

// readChunk reads one chunk and returns its stream, which stays valid until the next.
func (r *chunkReader) readChunk() (*chunkStream, error) {
	first, err := r.src.ReadByte()
	if err != nil {
		if r.open > 0 {
			err = cut(err)
		}
		return nil, err
	}
	r.consumed++
	format, id := first>>6, uint32(first&0x3F)
	if id < 2 {
		b, err := r.take(int(id) + 1)
		if err != nil {
			return nil, err
		}
		id = 64 + uint32(b[0])
		if len(b) == 2 {
			id += uint32(b[1]) << 8
		}
	}
	s, err := r.stream(id, format)
	if err != nil {
		return nil, err
	}
	if err := r.readHeader(s, format); err != nil {
		return nil, err
	}
	if !s.open {
		s.open = true
		r.open++
	}
	return s, r.readPiece(s)
}

// take returns the next n bytes, at most 16; they stay valid until the next read.
func (r *chunkReader) take(n int) ([]byte, error) {
	b, err := r.src.Peek(n)
	if err != nil {
		return nil, cut(err)
	}
	_, _ = r.src.Discard(n) // cannot fail: they are buffered
	r.consumed += uint64(n)
	return b, nil
}

// stream returns the state of a chunk stream; a new one needs a chunk of type 0 or 1.
func (r *chunkReader) stream(id uint32, format uint8) (*chunkStream, error) {
	for i := range r.streams {
		if r.streams[i].chunk == id {
			return &r.streams[i], nil
		}
	}
	if format > 1 {
		return nil, fmt.Errorf("%w: type %d first on chunk stream %d", errChunkStart, format, id)
	}
	if len(r.streams) == maxChunkStreams {
		return nil, fmt.Errorf("%w: chunk stream %d is one more than %d", errTooMuch, id, maxChunkStreams)
	}
	r.streams = append(r.streams, chunkStream{message: message{chunk: id}})
	return &r.streams[len(r.streams)-1], nil
}

// readHeader reads the message header of a chunk and begins a message unless one is open.
func (r *chunkReader) readHeader(s *chunkStream, format uint8) error {
	if format == 3 {
		if err := r.skipRepeated(s); err != nil || s.open {
			return err
		}
		s.time += s.delta
		return r.check(s)
	}
	if format == 0 && s.open {
		return fmt.Errorf("%w: type 0 on chunk stream %d inside a message of type %d, %d of %d bytes",
			errChunkStart, s.chunk, s.kind, len(s.body), s.length)
	}
	b, err := r.take([...]int{11, 7, 3}[format])
	if err != nil {
		return err
	}
	field := u24(b)
	if format < 2 {
		length := int(u24(b[3:]))
		if s.open && length != s.length {
			return fmt.Errorf("%w: chunk stream %d, type %d, %d to %d bytes",
				errMessageLength, s.chunk, s.kind, s.length, length)
		}
		if !s.open {
			s.length, s.kind = length, b[6]
		}
	}
	if format == 0 {
		s.stream = binary.LittleEndian.Uint32(b[7:])
	}
	if field == extendedTime {
		if b, err = r.take(4); err != nil {
			return err
		}
		field = binary.BigEndian.Uint32(b)
	}
	if s.open {
		return nil
	}
	s.setTime(format, field)
	return r.check(s)
}

// setTime takes the time field of a chunk that starts a message.
func (s *chunkStream) setTime(format uint8, field uint32) {
	s.field, s.delta = field, field
	if format > 0 {
		s.time += field
		return
	}
	s.time = field
	if field >= extendedTime {
		s.delta = 0
	}
}

// skipRepeated skips the u32 time in a type 3 chunk, if it is there. It asks for no byte more
// than it takes to know: a message may end in fewer than four.
func (r *chunkReader) skipRepeated(s *chunkStream) error {
	if s.field < extendedTime {
		return nil
	}
	var want [4]byte
	binary.BigEndian.PutUint32(want[:], s.field)
	for n := range want {
		b, err := r.src.Peek(n + 1)
		if err != nil {
			return cut(err)
		}
		if b[n] != want[n] {
			return nil
		}
	}
	_, err := r.take(len(want))
	return err
}

// check holds the message that s begins against the bound.
func (r *chunkReader) check(s *chunkStream) error {
	if s.length > r.maxMessage {
		return fmt.Errorf("%w: chunk stream %d, type %d, %d bytes of at most %d",
			errTooLong, s.chunk, s.kind, s.length, r.maxMessage)
	}
	return nil
}

// readPiece reads the payload of a chunk, straight into the message's body.
func (r *chunkReader) readPiece(s *chunkStream) error {
	for left := min(r.size, s.length-len(s.body)); left > 0; {
		if len(s.body) == cap(s.body) {
			if err := r.grow(s); err != nil {
				return err
			}
		}
		at := len(s.body)
		n := min(left, cap(s.body)-at)
		got, err := io.ReadFull(r.src, s.body[at:at+n])
		s.body = s.body[:at+got]
		r.consumed += uint64(got)
		if err != nil {
			return cut(err)
		}
		left -= n
	}
	if len(s.body) == s.length {
		r.finish(s)
	}
	return nil
}

// grow makes room for more of a message than has arrived: all of a short one, as much again of
// a long one. So nobody reserves much by announcing much.
func (r *chunkReader) grow(s *chunkStream) error {
	had := cap(s.body)
	want := min(s.length, max(firstPiece, 2*had))
	if r.pending+want-had > r.maxPending {
		return fmt.Errorf("%w: %d bytes, and %d more of chunk stream %d, type %d, %d of %d bytes",
			errTooMuch, r.pending, want-had, s.chunk, s.kind, len(s.body), s.length)
	}
	r.pending += want - had
	body := r.alloc(want)[:want:want]
	s.body = body[:copy(body, s.body)]
	return nil
}

// finish ends the open message of a stream.
func (r *chunkReader) finish(s *chunkStream) {
	s.open = false
	r.open--
	r.pending -= cap(s.body)
}

// resize obeys a set chunk size message.
func (r *chunkReader) resize(m *message) error {
	size, err := parseControl(m)
	if err != nil {
		return err
	}
	if size < minChunkSize || size > maxChunkSize {
		return fmt.Errorf("%w: %d", errChunkSize, size)
	}
	r.size = int(size)
	return nil
}

// abort forgets the open message of a chunk stream.
func (r *chunkReader) abort(m *message) error {
	id, err := parseControl(m)
	if err != nil {
		return err
	}
	for i := range r.streams {
		if s := &r.streams[i]; s.chunk == id && s.open {
			r.finish(s)
			s.body = nil
		}
	}
	return nil
}

// u24 reads three bytes.
func u24(b []byte) uint32 {
	return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
}
