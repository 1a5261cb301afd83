package bench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// chunkParser reads RTMP chunks to measure them: it looks at headers and at the first bytes of
// messages and passes over the rest where it lies. The format is told at the chunk reader of
// the server (internal/protocol/rtmp/chunkreader.go). Spec: Adobe RTMP 1.0, 5.3.1.
const (
	defaultChunk = 128
	largestChunk = 1<<31 - 1

	maxChunkStreams = 128
	maxFirst        = 256     // bytes kept of audio and video
	maxCommand      = 4 << 10 // and of all else that is read
)

// The message types that are not passed on. Spec: 5.4 and 7.1.
const (
	kindChunkSize   = 1
	kindAbort       = 2
	kindAck         = 3
	kindUserControl = 4
	kindWindow      = 5
	kindAudio       = 8
	kindVideo       = 9
	kindAMF3        = 17
	kindData        = 18
	kindAMF0        = 20
)

var errChunk = errors.New("the server's chunks make no sense")

// chunkStream is what the next chunk of a stream builds on.
type chunkStream struct {
	id    uint32
	kind  uint8
	open  bool   // more of the message is to come
	time  uint32 // ms
	delta uint32 // that a type 3 chunk adds
	field uint32 // the time or delta as it was sent
	size  int    // of the message
	got   int    // bytes of it that have come
	first []byte // the first of them
}

// chunkParser is for one goroutine, and of no more use after an error.
type chunkParser struct {
	// Set at construction.
	sink    func(*message)
	command func(body []byte) error

	chunk   int // the server's chunk size
	streams []chunkStream
	current int // of streams: whose chunk this is
	left    int // bytes of that chunk to come

	cut   [longestHeader]byte // a header that has arrived in part
	saved int                 // bytes of cut

	consumed, acked uint64
	window          uint64 // the server wants an ack each so many bytes; 0 is none
	out             []byte
	told            message // lent to sink
}

// newChunkParser returns a parser that gives audio and video to sink, and the first bytes of
// AMF 0 commands to command.
func newChunkParser(sink func(*message), command func([]byte) error) *chunkParser {
	return &chunkParser{sink: sink, command: command, chunk: defaultChunk}
}

func (p *chunkParser) replies() []byte { return p.out }

func (p *chunkParser) feed(b []byte) error {
	p.consumed += uint64(len(b))
	p.out = p.out[:0]
	if err := p.read(b); err != nil {
		return err
	}
	if p.window > 0 && p.consumed-p.acked >= (p.window+1)/2 {
		p.acked = p.consumed
		p.reply(kindAck, binary.BigEndian.AppendUint32(nil, uint32(p.acked)))
	}
	return nil
}

func (p *chunkParser) read(b []byte) error {
	for len(b) > 0 {
		var n int
		var err error
		if p.left > 0 {
			n, err = p.payload(b)
		} else {
			n, err = p.header(b)
		}
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// header takes what b has of a header, and returns how many bytes these are.
func (p *chunkParser) header(b []byte) (int, error) {
	at, had := b, p.saved
	if had > 0 {
		n := copy(p.cut[had:], b)
		at = p.cut[:had+n]
	}
	h, whole := p.parse(at)
	if !whole {
		p.saved = had + copy(p.cut[had:], b)
		return p.saved - had, nil
	}
	p.saved = 0
	if err := p.begin(&h); err != nil {
		return 0, err
	}
	if h.bytes >= had {
		return h.bytes - had, nil
	}
	spare := p.cut // those of cut that only looked like an extended time
	return 0, p.read(spare[h.bytes:had])
}

// begin begins a chunk.
func (p *chunkParser) begin(h *chunkHeader) error {
	s := p.stream(h.id)
	if s == nil {
		if h.format > 1 || len(p.streams) == maxChunkStreams {
			return fmt.Errorf("%w: type %d first on chunk stream %d of %d", errChunk, h.format, h.id, len(p.streams))
		}
		p.current = len(p.streams)
		p.streams = append(p.streams, chunkStream{id: h.id})
		s = &p.streams[p.current]
	}
	if s.open {
		if h.format == 0 || h.format == 1 && h.size != s.size {
			return fmt.Errorf("%w: type %d inside a message of chunk stream %d", errChunk, h.format, h.id)
		}
	} else {
		s.start(h)
	}
	if p.left = min(p.chunk, s.size-s.got); p.left == 0 {
		return p.finish(s)
	}
	return nil
}

// start begins a message.
func (s *chunkStream) start(h *chunkHeader) {
	s.open, s.got, s.first = true, 0, s.first[:0]
	if h.format < 2 {
		s.size, s.kind = h.size, h.kind
	}
	if h.format < 3 {
		s.field, s.delta = h.field, h.field
	}
	if h.format > 0 {
		s.time += s.delta
		return
	}
	s.time = h.field
	if h.field >= extendedTime {
		s.delta = 0
	}
}

// payload takes what b has of a chunk's payload, and returns how many bytes these are.
func (p *chunkParser) payload(b []byte) (int, error) {
	s := &p.streams[p.current]
	n := min(p.left, len(b))
	if want := s.wanted(); len(s.first) < want {
		s.first = append(s.first, b[:min(n, want-len(s.first))]...)
	}
	s.got += n
	if p.left -= n; p.left == 0 && s.got == s.size {
		return n, p.finish(s)
	}
	return n, nil
}

// wanted returns how many bytes of the message are kept.
func (s *chunkStream) wanted() int {
	switch s.kind {
	case kindAudio:
		return 2
	case kindVideo:
		return min(s.size, maxFirst)
	case kindData:
		return 0
	}
	return min(s.size, maxCommand)
}

// finish deals with a message that is whole.
func (p *chunkParser) finish(s *chunkStream) error {
	s.open = false
	switch s.kind {
	case kindAudio, kindVideo:
		p.told = message{s.kind, s.time, s.size, s.first}
		p.sink(&p.told)
	case kindAMF0:
		return p.command(s.first)
	case kindAMF3:
		if len(s.first) > 0 {
			return p.command(s.first[1:])
		}
	default:
		return p.control(s)
	}
	return nil
}

// control obeys the messages about the connection.
func (p *chunkParser) control(s *chunkStream) error {
	b := s.first
	if len(b) < 4 {
		return nil
	}
	value := binary.BigEndian.Uint32(b)
	switch s.kind {
	case kindChunkSize:
		if value == 0 || value > largestChunk {
			return fmt.Errorf("%w: of %d bytes", errChunk, value)
		}
		p.chunk = int(value)
	case kindAbort:
		for i := range p.streams {
			if p.streams[i].id == value {
				p.streams[i].open = false
			}
		}
	case kindWindow:
		p.window = uint64(value)
	case kindUserControl:
		const pingRequest, pingResponse = 6, 7
		if binary.BigEndian.Uint16(b) == pingRequest && len(b) >= 6 {
			p.reply(kindUserControl, append([]byte{0, pingResponse}, b[2:6]...))
		}
	}
	return nil
}

// reply adds a short message on the control chunk stream.
func (p *chunkParser) reply(kind uint8, body []byte) {
	const controlChunk = 2
	p.out = slices.Concat(p.out, []byte{controlChunk, 0, 0, 0, 0, 0, byte(len(body)), kind, 0, 0, 0, 0}, body)
}
