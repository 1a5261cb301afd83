package mpegts

import (
	"bytes"
	"encoding/binary"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/substructs"
)

const (
	programNumber = 1
	transportID   = 0
	tablesVersion = 31 // bits of it
)

// packets writes tables and access units as packets of 188 bytes.
type packets struct {
	pat, pmt []byte // the sections in force
	version  byte   // of the PMT
	stale    bool   // these have not been written yet
	counters map[uint16]*byte
}

func newPackets() *packets {
	program := binary.BigEndian.AppendUint16([]byte{0, programNumber}, 0xe000|pidPMT)
	return &packets{pat: newTable(tablePAT, transportID, 0, program), counters: map[uint16]*byte{}}
}

// carry puts these tracks into the tables, instead of those before. The first of them has the clock.
func (p *packets) carry(tracks []*track) {
	if len(tracks) == 0 {
		return
	}
	var info, list []byte
	for _, t := range tracks {
		c := &t.codec
		info = c.appendPointer(info)
		if c.sections && !bytes.Contains(info, registration("CUEI")) {
			info = append(info, registration("CUEI")...)
		}
		list = binary.BigEndian.AppendUint16(append(list, byte(c.streamType)), 0xe000|t.pid)
		list = append(binary.BigEndian.AppendUint16(list, 0xf000|uint16(len(c.descriptors))), c.descriptors...)
	}
	body := binary.BigEndian.AppendUint16(nil, 0xe000|tracks[0].pid)
	body = append(binary.BigEndian.AppendUint16(body, 0xf000|uint16(len(info))), info...)
	p.pmt = newTable(tablePMT, programNumber, p.version, append(body, list...))
	p.version = (p.version + 1) & tablesVersion
	p.stale = true
}

// appendPointer appends a metadata_pointer_descriptor for a coding that has a metadata_descriptor, which begins alike:
//
//	| application u16 (ffff: u32 more) | format u8 (ff: u32 more) | service u8 | 0 u1, in this stream u2, 1 u5 | program u16 |
//
// Spec: ISO 13818-1, 2.6.58 and 2.6.60.
func (c *coding) appendPointer(dst []byte) []byte {
	const tag = 0x25
	b := descriptor(c.descriptors, substructs.DescriptorTagMetadata)
	n := 4
	if len(b) > 1 && b[0] == 0xff && b[1] == 0xff {
		n += 4
	}
	if len(b) >= n && b[n-2] == 0xff {
		n += 4
	}
	if len(b) < n {
		return dst
	}
	return append(append(append(dst, tag, byte(n+3)), b[:n]...), 0x1f, 0, programNumber)
}

// descriptor returns what the first descriptor with a tag holds, or nil.
func descriptor(b []byte, tag byte) []byte {
	for len(b) > 1 && len(b)-2 >= int(b[1]) {
		if b[0] == tag {
			return b[2 : 2+b[1]]
		}
		b = b[2+b[1]:]
	}
	return nil
}

func (p *packets) tables(dst []byte) []byte {
	p.stale = false
	return p.section(p.section(dst, 0, p.pat), pidPMT, p.pmt)
}

func (p *packets) section(dst []byte, pid uint16, b []byte) []byte {
	return appendSectionFrom(dst, pid, p.counter(pid), b)
}

// counter returns the continuity counter of a PID's next packet.
func (p *packets) counter(pid uint16) *byte {
	n := p.counters[pid]
	if n == nil {
		n = new(byte)
		p.counters[pid] = n
	}
	return n
}

// unit is one access unit on its way.
type unit struct {
	track    *track
	id       byte // the stream_id
	key      bool // decoding can start here
	clock    bool // a clock reference goes with it
	pts, dts int64
	bytes    []byte
}

// appendHead writes the head of the unit's PES packet: see parcel.parse.
func (u *unit) appendHead(dst []byte) []byte {
	const aligned, onlyPTS, both, timeLen = 0x84, 0x80, 0xc0, 5
	flags, n := byte(onlyPTS), byte(timeLen)
	if u.dts != u.pts {
		flags, n = both, 2*timeLen
	}
	size := 3 + int(n) + len(u.bytes)
	if u.id == idVideo {
		size = 0
	}
	dst = append(dst, 0, 0, 1, u.id, byte(size>>8), byte(size), aligned, flags, n)
	if flags == onlyPTS {
		return appendTime(dst, 2, u.pts)
	}
	return appendTime(appendTime(dst, 3, u.pts), 1, u.dts)
}

// appendTime writes what time33 reads.
func appendTime(dst []byte, mark byte, t int64) []byte {
	n := wrap(t)
	return append(dst, mark<<4|byte(n>>29)&0x0e|1, byte(n>>22), byte(n>>14)|1, byte(n>>7), byte(n<<1)|1)
}

// appendField writes an adaptation field, behind its length: nothing if it has nothing to say.
func (u *unit) appendField(dst []byte) []byte {
	const entry, clock = 0x40, 0x10
	var flags byte
	if u.key {
		flags |= entry
	}
	if !u.clock {
		if flags == 0 {
			return dst
		}
		return append(dst, flags)
	}
	n := wrap(u.dts - pcrAhead)
	return append(dst, flags|clock, byte(n>>25), byte(n>>17), byte(n>>9), byte(n>>1), byte(n<<7)|0x7e, 0)
}

// unit writes an access unit. What is left of its last packet is filled by the adaptation field.
func (p *packets) unit(dst []byte, u *unit) []byte {
	const (
		payload, both = 0x10, 0x30
		start         = 0x40
	)
	var heads [32]byte
	var fields [8]byte
	head, field := u.appendHead(heads[:0]), u.appendField(fields[:0])
	n, data, first := p.counter(u.track.pid), u.bytes, byte(start)
	for first != 0 || len(data) > 0 {
		begin := len(dst)
		dst = append(dst, syncByte, first|byte(u.track.pid>>8), byte(u.track.pid), payload|*n)
		*n = (*n + 1) & 15
		room := packetSize - packetHead - len(head)
		if len(field) > 0 {
			room -= 1 + len(field)
		}
		if spare := room - len(data); len(field) > 0 || spare > 0 {
			dst[begin+3] |= both
			dst = appendFilled(dst, field, max(0, spare))
		}
		dst = append(dst, head...)
		k := min(begin+packetSize-len(dst), len(data))
		dst, data = append(dst, data[:k]...), data[k:]
		head, field, first = nil, nil, 0
	}
	return dst
}

// appendFilled writes an adaptation field with its length, and with so many bytes more that they fill a packet.
func appendFilled(dst, field []byte, spare int) []byte {
	if len(field) == 0 { // length and flags are of these bytes
		if spare == 1 {
			return append(dst, 0)
		}
		dst, spare = append(dst, byte(spare-1), 0), spare-2
	} else {
		dst = append(append(dst, byte(len(field)+spare)), field...)
	}
	for range spare {
		dst = append(dst, stuffing)
	}
	return dst
}
