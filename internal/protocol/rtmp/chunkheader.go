package rtmp

import (
	"encoding/binary"
	"fmt"
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
const extendedTime = 0xFFFFFF

// parseBasic reads a basic header; n is its length, and 0 if it is cut short.
func parseBasic(b []byte) (format uint8, id uint32, n int) {
	if len(b) == 0 {
		return 0, 0, 0
	}
	format, id = b[0]>>6, uint32(b[0]&0x3F)
	switch {
	case id > 1:
		return format, id, 1
	case id == 0 && len(b) > 1:
		return format, 64 + uint32(b[1]), 2
	case id == 1 && len(b) > 2:
		return format, 64 + uint32(b[1]) + uint32(b[2])<<8, 3
	}
	return 0, 0, 0
}

// parseHeader reads the message header of a chunk and begins a message unless one is open. It
// returns the length, -1 if it is cut short and nothing has changed.
func (r *chunkReader) parseHeader(s *chunkStream, format uint8, b []byte) (n int, err error) {
	if format == 3 {
		if n = s.repeated(b); n < 0 || s.open {
			return n, nil
		}
		s.time += s.delta
		return n, r.check(s)
	}
	if format == 0 && s.open {
		return 0, fmt.Errorf("%w: type 0 on chunk stream %d inside a message of type %d, %d of %d bytes",
			errChunkStart, s.chunk, s.kind, len(s.body), s.length)
	}
	n = [...]int{11, 7, 3}[format]
	if len(b) < n {
		return -1, nil
	}
	field := u24(b)
	if field == extendedTime {
		if len(b) < n+4 {
			return -1, nil
		}
		field = binary.BigEndian.Uint32(b[n:])
		n += 4
	}
	if format < 2 {
		length := int(u24(b[3:]))
		if s.open && length != s.length {
			return 0, fmt.Errorf("%w: chunk stream %d, type %d, %d to %d bytes",
				errMessageLength, s.chunk, s.kind, s.length, length)
		}
		if !s.open {
			s.length, s.kind = length, b[6]
		}
	}
	if format == 0 {
		s.stream = binary.LittleEndian.Uint32(b[7:])
	}
	if s.open {
		return n, nil
	}
	s.setTime(format, field)
	return n, r.check(s)
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

// repeated returns the length of the u32 time in a type 3 chunk, which may not be there; -1 if b
// is too short to tell. It asks for no byte more than that takes: a message may end in fewer
// than four.
func (s *chunkStream) repeated(b []byte) int {
	if s.field < extendedTime {
		return 0
	}
	var want [4]byte
	binary.BigEndian.PutUint32(want[:], s.field)
	for n := range want {
		switch {
		case n == len(b):
			return -1
		case b[n] != want[n]:
			return 0
		}
	}
	return len(want)
}

// u24 reads three bytes.
func u24(b []byte) uint32 {
	return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
}
