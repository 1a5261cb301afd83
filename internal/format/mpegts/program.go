package mpegts

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/asticode/go-astits"

	"weir/internal/media"
)

const (
	maxPrograms = 64 // that are named where the wanted one is not there
	maxAbsent   = 5  // PATs in which it may be missing
	maxStreams  = 32 // of a program, of each of those that are read and those that are not
	maxData     = 8  // streams of data
)

// ErrNoProgram says that a stream does not have the program that is wanted.
var ErrNoProgram = errors.New("mpegts: the program is not there")

// program finds one program in the tables and says what is in it.
type program struct {
	wanted int // 0: the first

	number int    // the one that is read; 0: none so far
	pid    uint16 // of its map

	pats, pmts section
	patLine    line // packets of the first
	pmtLine    line
	pat        []byte // the newest section, as it came
	home       []byte // the section that names the program
	pmt        []byte // the newest one that was read
	listed     []int  // programs that the tables name
	absent     int    // sections in a row that do not name it

	streams []*astits.PMTElementaryStream
	entries [][]byte // of these, as they came
	disc    bool     // it is of a Blu-ray disc, where some stream types are others
}

// associate takes a section of the PAT. The error is ErrNoProgram.
func (p *program) associate(b []byte) error {
	h, ok := parseTableHead(b)
	if !ok || h.id != tablePAT || !h.current {
		return nil
	}
	if bytes.Equal(b, p.home) && bytes.Equal(b, p.pat) {
		p.absent = 0
		return nil // most often it says what it has said before
	}
	t, err := parsePAT(b)
	if err != nil {
		return err
	}
	p.pat = append(p.pat[:0], b...)
	if n := p.choose(t); n != nil {
		p.absent = 0
		p.home = append(p.home[:0], b...)
		if p.number != int(n.ProgramNumber) || p.pid != n.ProgramMapID {
			p.number, p.pid = int(n.ProgramNumber), n.ProgramMapID
			p.pmts, p.pmtLine, p.pmt = section{}, line{}, nil
		}
		return nil
	}
	if p.absent++; p.absent < maxAbsent {
		return nil
	}
	if p.wanted != 0 {
		return fmt.Errorf("%w: %d is wanted, there are %v", ErrNoProgram, p.wanted, p.listed)
	}
	p.number = 0
	return nil
}

// choose returns the program that is read, if a section names it. Where none is asked for by its
// number, another one takes its place if it has gone.
func (p *program) choose(t *astits.PATData) (chosen *astits.PATProgram) {
	var first *astits.PATProgram
	for _, n := range t.Programs {
		if n.ProgramNumber == 0 { // the network's own table
			continue
		}
		if first == nil {
			first = n
		}
		if len(p.listed) < maxPrograms && !slices.Contains(p.listed, int(n.ProgramNumber)) {
			p.listed = append(p.listed, int(n.ProgramNumber))
		}
		if int(n.ProgramNumber) == p.number || int(n.ProgramNumber) == p.wanted {
			chosen = n
		}
	}
	const number = 6 // where a section says which part of the table it is
	if chosen == nil && p.wanted == 0 && (p.number == 0 || p.home[number] == p.pat[number]) {
		return first
	}
	return chosen
}

// kinds tells what the streams are, in their order. Data has its entry as a configuration.
func (p *program) kinds() []kind {
	list := make([]kind, len(p.streams))
	data := 0
	for i, s := range p.streams {
		k := kindOf(s)
		switch {
		case k.media != media.Data:
		case p.disc && k.codec == media.SCTE35:
			k = kind{name: "DTS"}
		case data == maxData:
			k = kind{name: k.name}
		default:
			data++
			if i < len(p.entries) {
				k.config = string(p.entries[i])
			}
		}
		list[i] = k
	}
	return list
}

// describe takes a section of the program's map and reports whether it says what is in the
// program now, other than before or not.
func (p *program) describe(b []byte) (read bool, err error) {
	h, ok := parseTableHead(b)
	if !ok || h.id != tablePMT || !h.current || int(h.number) != p.number || string(b) == string(p.pmt) {
		return false, nil
	}
	t, err := parsePMT(p.home, p.pid, b)
	if err != nil {
		return false, err
	}
	p.pmt = append(p.pmt[:0], b...)
	p.streams, p.entries = t.ElementaryStreams, entries(b)
	p.disc = slices.ContainsFunc(t.ProgramDescriptors, func(d *astits.Descriptor) bool {
		return d.Registration != nil && d.Registration.FormatIdentifier == formatHDMV
	})
	return true, nil
}
