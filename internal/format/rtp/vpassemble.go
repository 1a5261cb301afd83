package rtp

import (
	"encoding/binary"

	"weir/internal/codec/vp8"
	"weir/internal/codec/vp9"
	"weir/internal/media"
)

const maxLayers = 8 // of a picture of VP9

// piece is what a descriptor of VP8 or VP9 says of a packet.
type piece struct {
	first bool // a frame begins with it
	last  bool // it ends one; never true of VP8, which does not say
	data  []byte
}

// vpAssembler puts together frames of VP8 and VP9.
type vpAssembler struct {
	codec media.Codec
	id    int
	parse func(payload []byte) (piece, bool)

	track *media.Track
	b     []byte
	begun bool
	ended bool
	ends  []int // of the layers of VP9 in b
}

func (a *vpAssembler) size() int { return len(a.b) }

func (a *vpAssembler) reset() { a.b, a.begun, a.ended, a.ends = renew(a.b), false, false, a.ends[:0] }

func (a *vpAssembler) begins(p []byte) bool {
	d, ok := a.parse(p)
	return ok && d.first
}

func (a *vpAssembler) add(p []byte) bool {
	d, ok := a.parse(p)
	if !ok || !a.begun && !d.first || a.ended && !d.first {
		return false
	}
	a.begun, a.ended = true, d.last
	a.b = append(a.b, d.data...)
	if d.last {
		a.ends = append(a.ends, len(a.b))
	}
	return len(a.ends) <= maxLayers
}

func (a *vpAssembler) end() (picture, bool) {
	if a.codec == media.VP9 && !a.ended || len(a.b) == 0 {
		return picture{}, false
	}
	if len(a.ends) > 1 {
		a.index()
	}
	pic := picture{data: a.b}
	if a.codec == media.VP8 {
		pic.key = vp8.IsKey(a.b)
	} else {
		pic.key = keyVP9(a.b)
	}
	if pic.key {
		if pic.track = a.describe(); pic.track == nil {
			return pic, false
		}
	}
	return pic, true
}

// index makes a superframe of the layers of a picture, with their sizes at its end:
//
//	| frames | marker u8 | size u32 LE ... | marker u8 |, the marker being 6 u3, bytes of a size - 1 u2, frames - 1 u3
//
// Spec: VP9 Bitstream, annex B.
func (a *vpAssembler) index() {
	marker := 6<<5 | 3<<3 | byte(len(a.ends)-1)
	a.b = append(a.b, marker)
	from := 0
	for _, end := range a.ends {
		a.b = binary.LittleEndian.AppendUint32(a.b, uint32(end-from))
		from = end
	}
	a.b = append(a.b, marker)
}

// describe returns the track of a key frame, the one before if it is as that, nil if the frame cannot
// be read.
func (a *vpAssembler) describe() *media.Track {
	t := &media.Track{ID: a.id, Kind: media.Video, Codec: a.codec}
	c := vp9.Config{BitDepth: 8, Chroma: 1} // of all VP8
	var err error
	if a.codec == media.VP8 {
		t.Info, err = vp8.FrameInfo(a.b)
	} else if c, err = vp9.FrameConfig(a.b); err == nil {
		t.Info, err = vp9.FrameInfo(a.b)
	}
	if err != nil {
		return nil
	}
	t.Config = vp9.AppendConfig(nil, c)
	if a.track == nil || t.Info != a.track.Info || string(t.Config) != string(a.track.Config) {
		a.track = t
	}
	return a.track
}

// keyVP9 reports whether a frame says that it is a key frame:
//
//	| 2 u2 | profile low u1, high u1 | 0 u1 if both are set | show existing u1 | not key u1 |
//
// Spec: VP9 Bitstream, 6.2.
func keyVP9(b []byte) bool {
	const marker, both, shown, other = 0x80, 0x30, 0x08, 0x04
	head := b[0]
	if head&both == both {
		head = head&^0xf | head<<1&0xf
	}
	return head&0xc0 == marker && head&(shown|other) == 0
}

// parseVP8 reads a descriptor:
//
//	| more u1, 0 u1, droppable u1, start u1, 0 u1, partition u3 | piece |
//	| ... | picture u1, level u1, layer or key u1 u1, 0 u4 | picture u7 or u15 | level u8 | layer, key u8 | piece |
//
// Spec: RFC 7741, 4.2.
func parseVP8(b []byte) (d piece, ok bool) {
	r := bytesOf{b}
	head := r.next()
	d.first = head&0x10 != 0 && head&7 == 0
	if head&0x80 != 0 {
		more := r.next()
		if more&0x80 != 0 && r.next()&0x80 != 0 {
			r.next()
		}
		if more&0x40 != 0 {
			r.next()
		}
		if more&0x30 != 0 {
			r.next()
		}
	}
	d.data = r.b
	return d, len(d.data) > 0
}

// parseVP9 reads a descriptor, of the flexible mode or not. It is read past, but for where frames
// begin and end:
//
//	| I P L F B E V Z | picture u7 or u15 if I | layer u8 if L | level u8 if L, not F |
//	| (pictures back u7, another u1) ... if F and P | structure if V | piece |
//
// Spec: RFC 9628, 4.2.
func parseVP9(b []byte) (d piece, ok bool) {
	r := bytesOf{b}
	head := r.next()
	d.first, d.last = head&vp9Begin != 0, head&vp9End != 0
	if head&vp9Picture != 0 && r.next()&0x80 != 0 {
		r.next()
	}
	if head&vp9Layers != 0 {
		r.next()
		if head&vp9Flexible == 0 {
			r.next()
		}
	}
	if head&vp9Flexible != 0 && head&vp9Inter != 0 {
		for more, n := true, 0; more; n++ {
			if n == 3 { // of pictures that one may lean on
				return d, false
			}
			more = r.next()&1 != 0
		}
	}
	if head&vp9Structure != 0 {
		r.structure()
	}
	d.data = r.b
	return d, len(d.data) > 0
}

// bytesOf reads byte by byte; behind the end there are zeros.
type bytesOf struct{ b []byte }

func (r *bytesOf) next() (c byte) {
	if len(r.b) > 0 {
		c, r.b = r.b[0], r.b[1:]
	}
	return c
}

func (r *bytesOf) skip(n int) { r.b = r.b[min(n, len(r.b)):] }

// structure reads past a scalability structure of VP9:
//
//	| layers - 1 u3, sizes u1, groups u1, 0 u3 | (width u16 | height u16) ... | groups u8 |
//	| (level u3, up u1, references u2, 0 u2 | reference u8 ...) ... |
func (r *bytesOf) structure() {
	head := r.next()
	if head&0x10 != 0 {
		r.skip(4 * (int(head>>5) + 1))
	}
	if head&0x08 != 0 {
		for range r.next() {
			r.skip(int(r.next() >> 2 & 3))
		}
	}
}
