package rtp

import (
	"encoding/binary"

	"weir/internal/codec/nal"
	"weir/internal/media"
)

// unitPacker cuts access units of H.264 and H.265. Before a key frame stand the parameter sets,
// together in one payload.
type unitPacker struct {
	// Set at construction.
	form    *unitForm
	dropSEI bool

	sets [][]byte // of the configuration
	came [][]byte // sets that an access unit brings
	kept [][]byte
}

func (v *unitPacker) setup(t *media.Track) { v.sets = setsOf(t) }

func (v *unitPacker) pack(b *builder, data []byte, key bool) {
	if !v.sort(data, key) {
		return
	}
	payloads, size := len(v.came), 1
	for _, u := range v.came {
		size += 4 + len(u)
	}
	for _, u := range v.kept {
		payloads++
		if len(u) > b.mtu {
			n := len(u)/(b.mtu-3) + 1
			payloads += n
			size += len(u) + 3*n
		}
	}
	b.room(payloads, size)
	v.together(b, v.came)
	for _, u := range v.kept {
		v.unit(b, u)
	}
}

// sort finds the units to be sent, and is false if there is no picture among them. An access unit
// that has a sequence parameter set has brought its own sets.
func (v *unitPacker) sort(data []byte, key bool) (picture bool) {
	v.came, v.kept = v.came[:0], v.kept[:0]
	own := false
	for u := range nal.All(data) {
		switch r := v.form.role(u); {
		case r.set():
			v.came = append(v.came, u)
			own = own || r == partSPS
		case r == filling, r == extra && v.dropSEI:
		default:
			picture = picture || r == slicing
			v.kept = append(v.kept, u)
		}
	}
	if key && !own {
		n := len(v.came)
		for _, set := range v.sets {
			if !contains(v.came[:n], set) {
				v.came = append(v.came, set)
			}
		}
		rotate(v.came, n) // those that came build on the others
	}
	return picture
}

// rotate moves the first n behind the others.
func rotate(list [][]byte, n int) {
	if n > 0 && n < len(list) {
		head := append([][]byte(nil), list[:n]...)
		copy(list[copy(list, list[n:]):], head)
	}
}

// together puts units into one payload, if they fit and are several:
//
//	| header, of type STAP-A or AP | (size u16 | unit) ... |
//
// Spec: RFC 6184, 5.7.1; RFC 7798, 4.4.2.
func (v *unitPacker) together(b *builder, units [][]byte) {
	size := v.form.head
	for _, u := range units {
		size += 2 + len(u)
	}
	if len(units) < 2 || size > b.mtu {
		for _, u := range units {
			v.unit(b, u)
		}
		return
	}
	head := v.form.retype(units[0], v.form.aggregate)
	if v.form.head == 1 {
		for _, u := range units { // as important as the most important one
			head[0] = head[0]&0x9f | max(head[0]&0x60, u[0]&0x60)
		}
	}
	b.open(head[:v.form.head]...)
	for _, u := range units {
		b.b = append(binary.BigEndian.AppendUint16(b.b, uint16(len(u))), u...)
	}
	b.close()
}

// unit adds a unit as it is, or in pieces:
//
//	| header, of type FU | start u1, end u1, type of the unit u5 or u6 | piece, the first without the unit's header |
//
// Spec: RFC 6184, 5.8 (with a reserved bit before the type); RFC 7798, 4.4.3.
func (v *unitPacker) unit(b *builder, u []byte) {
	if len(u) <= b.mtu {
		b.whole(u)
		return
	}
	head := v.form.retype(u, v.form.fragment)
	kind, mark := v.form.kind(u), byte(0x80)
	u = u[v.form.head:]
	for len(u) > 0 {
		n := min(len(u), b.mtu-v.form.head-1)
		if n == len(u) {
			mark |= 0x40
		}
		b.open(head[:v.form.head]...)
		b.b = append(append(b.b, mark|kind), u[:n]...)
		b.close()
		u, mark = u[n:], 0
	}
}
