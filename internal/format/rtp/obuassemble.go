package rtp

import (
	"encoding/binary"

	"weir/internal/codec/av1"
	"weir/internal/media"
)

// obuAssembler puts together temporal units of AV1.
type obuAssembler struct {
	id    int
	track *media.Track

	b        []byte // OBUs with sizes
	piece    []byte // an OBU as it comes
	partial  bool   // it goes on in the next packet
	units    int
	sequence bool // a sequence header came
	framed   bool
	key      bool
}

func newOBUAssembler(o DepacketizerOptions) *obuAssembler {
	a := &obuAssembler{id: o.ID}
	if sets := setsOf(&media.Track{Codec: media.AV1, Config: o.Config}); len(sets) > 0 {
		a.describe(sets[0])
	}
	return a
}

func (a *obuAssembler) size() int { return len(a.b) + len(a.piece) }

func (a *obuAssembler) reset() {
	a.b, a.piece = renew(a.b), renew(a.piece)
	a.partial, a.units, a.sequence, a.framed, a.key = false, 0, false, false, false
}

// begins is true for a packet that says it begins a sequence. Others may be of the middle of a
// temporal unit.
func (a *obuAssembler) begins(p []byte) bool {
	return p[0]&(obuContinues|obuSequence) == obuSequence
}

func (a *obuAssembler) add(p []byte) bool {
	head, elements := p[0], int(p[0]>>4&3)
	if head&obuContinues != 0 != a.partial {
		return false
	}
	p = p[1:]
	n := 0
	for len(p) > 0 {
		n++
		size := uint64(len(p))
		if elements == 0 || n < elements {
			var k int
			if size, k = binary.Uvarint(p); k <= 0 || size > uint64(len(p)-k) {
				return false
			}
			p = p[k:]
		}
		a.piece = append(a.piece, p[:size]...)
		p = p[size:]
		if a.partial = len(p) == 0 && head&obuGoesOn != 0; !a.partial && !a.close() {
			return false
		}
	}
	return n > 0 && (elements == 0 || n == elements)
}

// close ends an OBU, which gets a size.
func (a *obuAssembler) close() bool {
	u := a.piece
	a.piece = a.piece[:0]
	if len(u) == 0 {
		return true
	}
	head := 1 + int(u[0]>>2&1)
	if a.units++; len(u) < head || u[0]&0x80 != 0 || a.units > maxUnits {
		return false
	}
	body := u[head:]
	if u[0]&2 != 0 {
		size, k := binary.Uvarint(body)
		if k <= 0 || size > uint64(len(body)-k) {
			return false
		}
		body = body[k : k+int(size)]
	}
	switch av1.Type(u) {
	case av1.TypeDelimiter, obuTileList, obuPadding:
		return true
	case obuFrame, obuFrameHeader:
		a.key = a.key || !a.framed && len(body) > 0 && body[0]&0xe0 == 0 // | show existing u1 | type u2 |, 0 a key frame
		a.framed = true
	}
	at := len(a.b)
	a.b = append(append(a.b, u[0]|2), u[1:head]...)
	a.b = append(binary.AppendUvarint(a.b, uint64(len(body))), body...)
	if av1.Type(u) == av1.TypeSequence && !a.sequence {
		a.sequence = a.describe(a.b[at:])
		return a.sequence
	}
	return true
}

// describe has the track follow a sequence header, and is false if that cannot be read.
func (a *obuAssembler) describe(sequence []byte) bool {
	config, err := av1.AppendConfig(nil, sequence)
	if err != nil {
		return false
	}
	if a.track == nil || string(a.track.Config) != string(config) {
		a.track = &media.Track{ID: a.id, Kind: media.Video, Codec: media.AV1, Config: config}
		a.track.Info, _ = av1.Info(config) // as much as can be read
	}
	return true
}

func (a *obuAssembler) end() (picture, bool) {
	if a.partial {
		return picture{}, false
	}
	pic := picture{key: a.key && a.sequence}
	if a.sequence {
		pic.track = a.track
	}
	if a.framed {
		pic.data = a.b
	}
	return pic, true
}
