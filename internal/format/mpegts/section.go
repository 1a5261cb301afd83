package mpegts

import "cmp"

const (
	maxSection  = 1024 // bytes of a PAT or a PMT, by their specification
	sectionHead = 3
	minSection  = 12  // bytes of one with nothing in it
	stuffing    = 255 // in place of a table id: nothing more in this packet
)

// section puts the sections of one PID together.
type section struct {
	most int // bytes of a section; 0: maxSection
	b    []byte
	open bool
}

// take takes a packet's payload and calls each with every section that ends in it, which is good
// until it returns. Sections that are damaged, or longer than a table may be, are left out:
//
//	| pointer u8 (start) | rest of a section | table u8 | syntax u1, 0 u1, 1 u2, length u12 | ... | CRC u32 | next section | ff ...
//
// Spec: ISO 13818-1, 2.4.4. They are put together here, since go-astits takes the end of the
// packet for the end of the tables.
func (s *section) take(p *packet, each func([]byte)) {
	b := p.payload
	if p.start {
		if len(b) == 0 || 1+int(b[0]) > len(b) {
			s.drop()
			return
		}
		rest := b[1 : 1+int(b[0])]
		b = b[1+len(rest):]
		if s.open {
			s.add(rest, each)
		}
		s.drop()
		s.open = true
	}
	for s.open && len(b) > 0 {
		b = s.add(b, each)
	}
}

func (s *section) drop() { s.open, s.b = false, s.b[:0] }

// add takes what belongs to the open section and returns what stands behind it.
func (s *section) add(b []byte, each func([]byte)) (rest []byte) {
	if len(s.b) == 0 && len(b) > 0 && b[0] == stuffing {
		s.drop()
		return nil
	}
	for len(s.b) < sectionHead && len(b) > 0 {
		s.b, b = append(s.b, b[0]), b[1:]
	}
	if len(s.b) < sectionHead {
		return nil
	}
	size := sectionHead + int(s.b[1]&0x0f)<<8 + int(s.b[2])
	if size > cmp.Or(s.most, maxSection) {
		s.drop()
		return nil
	}
	n := min(size-len(s.b), len(b))
	s.b, b = append(s.b, b[:n]...), b[n:]
	if len(s.b) == size {
		each(s.b)
		s.b = s.b[:0]
	}
	return b
}
