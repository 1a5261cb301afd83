package rtp

import (
	"encoding/binary"

	"weir/internal/codec/h265"
	"weir/internal/media"
)

// unitAssembler puts together access units of H.264 and H.265.
type unitAssembler struct {
	form *unitForm
	sets sets

	b      []byte // units behind 4-byte lengths
	open   int    // where a unit in pieces begins in b; -1: there is none
	units  int
	sliced bool
	came   [kinds][][]byte
	fresh  bool // sets came
	inBand bool // sets have come, ever: they do before key frames
	pic    picture
}

func newUnitAssembler(f *unitForm, o DepacketizerOptions) *unitAssembler {
	a := &unitAssembler{form: f, sets: sets{codec: f.codec, id: o.ID}, open: -1}
	for _, set := range setsOf(&media.Track{Codec: f.codec, Config: o.Config}) {
		a.note(f.role(set), set)
	}
	a.inBand = false
	return a
}

func (a *unitAssembler) size() int { return len(a.b) }

func (a *unitAssembler) reset() {
	a.b, a.open, a.units, a.sliced, a.fresh, a.pic = renew(a.b), -1, 0, false, false, picture{}
	for i := range a.came {
		clear(a.came[i])
		a.came[i] = a.came[i][:0]
	}
}

func (a *unitAssembler) begins(p []byte) bool {
	if len(p) <= a.form.head {
		return false
	}
	switch a.form.kind(p) {
	case a.form.aggregate:
		p = p[a.form.head:]
		return len(p) > 2+a.form.head && a.leads(p[2:])
	case a.form.fragment:
		mark := p[a.form.head]
		head := a.form.retype(p, a.pieceKind(mark))
		var u [4]byte
		n := copy(u[:], head[:a.form.head])
		n += copy(u[n:], p[a.form.head+1:])
		return mark&0x80 != 0 && a.leads(u[:n])
	}
	return a.leads(p)
}

// leads reports whether a unit stands where access units begin. A key frame begins with its parameter
// sets, where they come at all: they may be others than those before.
func (a *unitAssembler) leads(u []byte) bool {
	switch r := a.form.role(u); {
	case r == slicing:
		return a.form.first(u) && (!a.inBand || !a.form.key(u))
	case r == partVPS, r == partSPS:
		return true
	case r == extra && !a.inBand:
		return a.form.codec == media.H264 || h265.Type(u) == prefixSEI5
	}
	return a.form.kind(u) == a.form.delimiter
}

// pieceKind is the type of a unit in pieces, in the byte behind their header.
func (a *unitAssembler) pieceKind(mark byte) byte {
	if a.form.head == 1 {
		return mark & 0x1f
	}
	return mark & 0x3f
}

func (a *unitAssembler) add(p []byte) bool {
	if len(p) < a.form.head || p[0]&0x80 != 0 { // forbidden_zero_bit
		return false
	}
	kind := a.form.kind(p)
	if kind == a.form.fragment {
		return a.piece(p)
	}
	if a.open >= 0 {
		return false
	}
	if kind == a.form.aggregate {
		return a.several(p[a.form.head:])
	}
	if kind >= a.form.aggregate {
		return false // a mode of packing that nobody may use without having announced it
	}
	return a.whole(p)
}

// several takes a payload of several units.
func (a *unitAssembler) several(p []byte) bool {
	for len(p) > 0 {
		if len(p) < 2 {
			return false
		}
		n := int(binary.BigEndian.Uint16(p))
		if p = p[2:]; n > len(p) {
			return false
		}
		if n > 0 && !a.whole(p[:n]) {
			return false
		}
		p = p[n:]
	}
	return true
}

func (a *unitAssembler) whole(u []byte) bool {
	a.begin()
	a.b = append(a.b, u...)
	return a.close()
}

// begin makes room for a unit's length.
func (a *unitAssembler) begin() {
	a.open = len(a.b)
	a.b = append(a.b, 0, 0, 0, 0)
}

// piece takes a piece of a unit. The first must come first, and the last last.
func (a *unitAssembler) piece(p []byte) bool {
	if len(p) < a.form.head+1 {
		return false
	}
	mark := p[a.form.head]
	if first := mark&0x80 != 0; first != (a.open < 0) {
		return false
	}
	if a.open < 0 {
		head := a.form.retype(p, a.pieceKind(mark))
		a.begin()
		a.b = append(a.b, head[:a.form.head]...)
	}
	a.b = append(a.b, p[a.form.head+1:]...)
	return mark&0x40 == 0 || a.close()
}

// close ends a unit: the parameter sets and what nobody needs are taken out of the access unit, and the
// zeros at its end, which senders leave that cut between start codes.
func (a *unitAssembler) close() bool {
	u := a.b[a.open+4:]
	for len(u) > a.form.head && u[len(u)-1] == 0 {
		u = u[:len(u)-1]
	}
	a.b = a.b[:a.open+4+len(u)]
	binary.BigEndian.PutUint32(a.b[a.open:], uint32(len(u)))
	if a.units++; a.units > maxUnits || u[0]&0x80 != 0 || a.form.kind(u) >= a.form.aggregate {
		return false
	}
	r := a.form.role(u)
	a.note(r, u)
	switch {
	case r == filling, r.set():
		a.b = a.b[:a.open]
	case r == slicing:
		a.sliced = true
		a.look(u)
	}
	a.open = -1
	return true
}

// note keeps a copy of a parameter set.
func (a *unitAssembler) note(r part, u []byte) {
	if r.set() && len(u) <= maxSetLen && len(a.came[r-partVPS]) < maxSets {
		a.came[r-partVPS] = append(a.came[r-partVPS], append([]byte(nil), u...))
		a.fresh, a.inBand = true, true
	}
}

// look finds out what a slice says of its picture.
func (a *unitAssembler) look(u []byte) {
	a.pic.key = a.pic.key || a.form.key(u)
	if a.form.codec == media.H264 {
		return
	}
	switch h265.Type(u) {
	case raslN5, raslR5:
		a.pic.leans = true
	case h265.TypeIDRWRADL, h265.TypeIDRWRADL + 1:
	default:
		a.pic.open = a.pic.key
	}
}

func (a *unitAssembler) end() (picture, bool) {
	if a.open >= 0 {
		return picture{}, false
	}
	if a.fresh {
		a.pic.track = a.sets.take(&a.came)
	}
	if a.sliced {
		a.pic.data = a.b
	}
	return a.pic, true
}
