package mpegts

import (
	"bytes"
	"context"
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

// appendSection writes a section as packets of its own.
func appendSection(dst []byte, pid uint16, b []byte) []byte {
	for n := 0; n == 0 || len(b) > 0; n++ {
		start := len(dst)
		dst = append(dst, syncByte, byte(pid>>8)&0x1f, byte(pid), 0x10|byte(n)&15)
		if n == 0 {
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
