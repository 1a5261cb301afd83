package rtmp

import (
	"errors"
	"fmt"
	"io"
)

const (
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

// chunkReader puts messages together of the bytes that are there. It is for one goroutine, and
// of no more use after an error.
type chunkReader struct {
	// Set at construction.
	src   *input
	alloc func(n int) []byte

	// Bounds, for the owner to change between messages.
	maxMessage int // bytes of one message
	maxPending int // bytes reserved by unfinished messages

	size     int    // the peer's chunk size
	consumed uint64 // bytes taken from src
	open     int    // messages begun and not finished
	pending  int    // bytes reserved by them
	streams  []chunkStream
	inside   *chunkStream // whose chunk's payload comes next; nil is a header
	left     int          // bytes of that payload
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
// Alloc gives the memory of message bodies; nil is make. Src is read ahead unless it is an
// *input.
func newChunkReader(src io.Reader, alloc func(n int) []byte) *chunkReader {
	if alloc == nil {
		alloc = func(n int) []byte { return make([]byte, n) }
	}
	in, ok := src.(*input)
	if !ok {
		in = newInput(src)
	}
	return &chunkReader{
		src:        in,
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

// readMessage returns the next message that is whole, and waits for it. Otherwise as next and
// wait.
func (r *chunkReader) readMessage() (message, error) {
	for {
		m, ok, err := r.next()
		if ok || err != nil {
			return m, err
		}
		if err := r.wait(); err != nil {
			return message{}, err
		}
	}
}

// wait waits until more bytes have come. The error is io.EOF at a clean end,
// io.ErrUnexpectedEOF inside a message.
func (r *chunkReader) wait() error {
	err := r.src.fill()
	if err != nil && (r.open > 0 || len(r.src.unread) > 0) {
		return cut(err)
	}
	return err
}

// next returns the next message that is whole; its body may be empty, and is the caller's to
// keep. The peer's chunk size and aborts are obeyed here and not returned. It is not ok if that
// takes more bytes than have come: what there is of the message is taken.
func (r *chunkReader) next() (message, bool, error) {
	for {
		s, err := r.nextChunk()
		if s == nil || err != nil {
			return message{}, false, err
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
			return m, true, nil
		}
		if err != nil {
			return message{}, false, err
		}
	}
}

// nextChunk takes one chunk and returns its stream, which stays valid until the next; nil if it
// is not all there.
func (r *chunkReader) nextChunk() (*chunkStream, error) {
	s := r.inside
	if s == nil {
		var err error
		if s, err = r.begin(); s == nil || err != nil {
			return nil, err
		}
	}
	if whole, err := r.takePiece(s); !whole || err != nil {
		return nil, err
	}
	r.inside = nil
	if len(s.body) == s.length {
		r.finish(s)
	}
	return s, nil
}

// begin takes the header of a chunk, all of it or nothing.
func (r *chunkReader) begin() (*chunkStream, error) {
	b := r.src.unread
	format, id, n := parseBasic(b)
	if n == 0 {
		return nil, nil
	}
	s, err := r.stream(id, format)
	if err != nil {
		return nil, err
	}
	more, err := r.parseHeader(s, format, b[n:])
	if more < 0 || err != nil {
		return nil, err
	}
	r.take(n + more)
	if !s.open {
		s.open = true
		r.open++
	}
	r.inside, r.left = s, min(r.size, s.length-len(s.body))
	return s, nil
}

// take is done with n bytes.
func (r *chunkReader) take(n int) {
	r.src.skip(n)
	r.consumed += uint64(n)
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

// check holds the message that s begins against the bound.
func (r *chunkReader) check(s *chunkStream) error {
	if s.length > r.maxMessage {
		return fmt.Errorf("%w: chunk stream %d, type %d, %d bytes of at most %d",
			errTooLong, s.chunk, s.kind, s.length, r.maxMessage)
	}
	return nil
}

// takePiece takes the payload of a chunk, as far as it is there, and reports whether that is all.
func (r *chunkReader) takePiece(s *chunkStream) (whole bool, err error) {
	for r.left > 0 {
		b := r.src.unread
		if len(b) == 0 {
			return false, nil
		}
		if len(s.body) == cap(s.body) {
			if err := r.grow(s); err != nil {
				return false, err
			}
		}
		at := len(s.body)
		n := copy(s.body[at:min(cap(s.body), at+r.left)], b)
		s.body = s.body[:at+n]
		r.left -= n
		r.take(n)
	}
	return true, nil
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
