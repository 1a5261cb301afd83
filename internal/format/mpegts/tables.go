package mpegts

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/asticode/go-astits"
)

// The tables that are read. Spec: ISO 13818-1, table 2-31.
const (
	tablePAT = 0x00
	tablePMT = 0x02
)

var errTable = errors.New("mpegts: a table that cannot be read")

// tableHead is what all tables begin with.
type tableHead struct {
	id      byte
	number  uint16 // of the program, in a PMT
	current bool   // it is in force, and not the next one yet
	last    byte   // sections behind the first that the table has
}

func parseTableHead(b []byte) (h tableHead, ok bool) {
	if len(b) < minSection || b[1]&0x80 == 0 {
		return h, false
	}
	return tableHead{b[0], uint16(b[3])<<8 | uint16(b[4]), b[5]&1 != 0, b[7]}, true
}

// parsePAT reads a section of the program association table.
func parsePAT(pat []byte) (*astits.PATData, error) {
	t, err := parseTables(appendSection(nil, astits.PIDPAT, pat), func(d *astits.DemuxerData) bool { return d.PAT != nil })
	if err != nil {
		return nil, err
	}
	return t.PAT, nil
}

// parsePMT reads a program map. It needs the section that names its PID.
func parsePMT(pat []byte, pid uint16, pmt []byte) (*astits.PMTData, error) {
	b := appendSection(appendSection(nil, astits.PIDPAT, pat), pid, pmt)
	t, err := parseTables(b, func(d *astits.DemuxerData) bool { return d.PMT != nil })
	if err != nil {
		return nil, err
	}
	return t.PMT, nil
}

// parseTables has go-astits read packets of tables and check their sums. It takes the lengths of
// descriptors on trust, so a panic is one more way of its not understanding them.
func parseTables(b []byte, is func(*astits.DemuxerData) bool) (d *astits.DemuxerData, err error) {
	defer func() {
		if r := recover(); r != nil {
			d, err = nil, fmt.Errorf("%w: %v", errTable, r)
		}
	}()
	dmx := astits.NewDemuxer(context.Background(), bytes.NewReader(b), astits.DemuxerOptPacketSize(packetSize))
	for {
		d, err := dmx.NextData()
		if errors.Is(err, astits.ErrNoMorePackets) || errors.Is(err, io.EOF) {
			return nil, errTable
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errTable, err)
		}
		if is(d) {
			return d, nil
		}
	}
}

// newTable makes a section that is a whole table:
//
//	| id | 1 u1, 0 u1, 3 u2, length u12 | number u16 | 3 u2, version u5, in force u1 | part u8 | last part u8 | body | CRC u32 |
func newTable(id byte, number uint16, version byte, body []byte) []byte {
	const behind = 5 + 4 // bytes that the length counts, beside the body
	b := binary.BigEndian.AppendUint16([]byte{id}, 0xb000|uint16(len(body)+behind))
	b = binary.BigEndian.AppendUint16(b, number)
	b = append(append(b, 0xc1|version<<1, 0, 0), body...)
	return binary.BigEndian.AppendUint32(b, sum(b))
}

// sum returns the CRC_32 of a section; of one that has its own at its end it is 0. Spec: ISO 13818-1, annex A.
func sum(b []byte) uint32 {
	const poly = 0x04c11db7
	n := ^uint32(0)
	for _, c := range b {
		n ^= uint32(c) << 24
		for range 8 {
			n = n<<1 ^ n>>31*poly
		}
	}
	return n
}

// entries returns what a program's map has of each stream, in its order: the stream type, and the descriptors behind it.
func entries(pmt []byte) (list [][]byte) {
	const head, sumSize = 12, 4 // bytes before the program's descriptors
	if len(pmt) < head+sumSize {
		return nil
	}
	b := pmt[:len(pmt)-sumSize]
	info := int(pmt[10]&0x0f)<<8 | int(pmt[11])
	for b = b[min(len(b), head+info):]; len(b) >= 5; {
		n := 5 + int(b[3]&0x0f)<<8 + int(b[4])
		if n > len(b) {
			return list
		}
		list = append(list, append([]byte{b[0]}, b[5:n]...))
		b = b[n:]
	}
	return list
}

// appendSection writes a section as packets of its own.
func appendSection(dst []byte, pid uint16, b []byte) []byte {
	return appendSectionFrom(dst, pid, new(byte), b)
}

// appendSectionFrom is appendSection with the continuity counter of the PID's next packet.
func appendSectionFrom(dst []byte, pid uint16, counter *byte, b []byte) []byte {
	for first := true; first || len(b) > 0; first = false {
		start := len(dst)
		dst = append(dst, syncByte, byte(pid>>8)&0x1f, byte(pid), 0x10|*counter)
		*counter = (*counter + 1) & 15
		if first {
			dst[start+1] |= 0x40
			dst = append(dst, 0) // the section begins at once
		}
		k := min(len(b), start+packetSize-len(dst))
		dst, b = append(dst, b[:k]...), b[k:]
		for len(dst) < start+packetSize {
			dst = append(dst, stuffing)
		}
	}
	return dst
}
