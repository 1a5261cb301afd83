package bench

import "encoding/binary"

const (
	longestHeader = 3 + 11 + 4
	extendedTime  = 0xffffff // stands for the u32 that follows
)

// chunkHeader is a chunk's header as it stands there.
type chunkHeader struct {
	bytes  int // its length
	format uint8
	id     uint32
	field  uint32
	size   int
	kind   uint8
}

// parse reads a header and changes nothing. It reports false if more is needed.
func (p *chunkParser) parse(b []byte) (h chunkHeader, whole bool) {
	h.format, h.id, h.bytes = b[0]>>6, uint32(b[0]&0x3f), 1
	if h.id < 2 {
		h.bytes += int(h.id) + 1
		if len(b) < h.bytes {
			return h, false
		}
		if h.id == 1 {
			h.id = uint32(b[2]) << 8
		}
		h.id += 64 + uint32(b[1])
	}
	if h.format == 3 {
		return p.repeated(h, b)
	}
	m := b[h.bytes:]
	h.bytes += [...]int{11, 7, 3}[h.format]
	if len(b) < h.bytes {
		return h, false
	}
	h.field = u24(m)
	if h.format < 2 {
		h.size, h.kind = int(u24(m[3:])), m[6]
	}
	if h.field == extendedTime {
		if len(b) < h.bytes+4 {
			return h, false
		}
		h.field = binary.BigEndian.Uint32(b[h.bytes:])
		h.bytes += 4
	}
	return h, true
}

// repeated looks whether a header of type 3 has the extended time again, which some senders
// leave out.
func (p *chunkParser) repeated(h chunkHeader, b []byte) (chunkHeader, bool) {
	s := p.stream(h.id)
	if s == nil || s.field < extendedTime {
		return h, true
	}
	var want [4]byte
	binary.BigEndian.PutUint32(want[:], s.field)
	rest := b[h.bytes:]
	for i, c := range want {
		if i == len(rest) {
			return h, false
		}
		if rest[i] != c {
			return h, true
		}
	}
	h.bytes += len(want)
	return h, true
}

// stream returns the chunk stream of that number, or nil.
func (p *chunkParser) stream(id uint32) *chunkStream {
	for i := range p.streams {
		if p.streams[i].id == id {
			p.current = i
			return &p.streams[i]
		}
	}
	return nil
}

// u24 reads three bytes.
func u24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }
