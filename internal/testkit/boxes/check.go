package boxes

import (
	"fmt"
	"slices"

	"github.com/Eyevinn/mp4ff/mp4"
)

// checker goes through an initialization segment and what is behind it.
type checker struct {
	found    []string
	tracks   map[uint32]*Track
	order    []uint32
	sequence uint32 // of the fragment before
	begun    bool
}

// Check looks at segments in their order, each of one or many fragments, behind their initialization
// segment. It returns what is in each track, and what is wrong.
func Check(init []byte, segments [][]byte) ([]Track, []string) {
	c := &checker{}
	c.init(init)
	for i, s := range segments {
		c.segment(i, s)
	}
	return c.list(), c.found
}

func (c *checker) list() (all []Track) {
	for _, id := range c.order {
		all = append(all, *c.tracks[id])
	}
	return all
}

func (c *checker) bad(format string, args ...any) {
	c.found = append(c.found, fmt.Sprintf(format, args...))
}

// init reads the tracks.
func (c *checker) init(b []byte) {
	c.tracks = map[uint32]*Track{}
	list, err := split(b)
	if err != nil {
		c.bad("init: %v", err)
	}
	var moov *mp4.MoovBox
	for i, p := range list {
		switch x := p.Box.(type) {
		case *mp4.FtypBox:
			if i != 0 {
				c.bad("init: ftyp is not the first box")
			}
		case *mp4.MoovBox:
			if moov != nil {
				c.bad("init: two moov")
			}
			moov = x
		default:
			if t := p.Type(); t != "free" && t != "skip" && t != "uuid" && t != "styp" {
				c.bad("init: a box %s", t)
			}
		}
	}
	if len(list) == 0 || list[0].Type() != "ftyp" {
		c.bad("init: no ftyp in front")
	}
	if moov == nil {
		c.bad("init: no moov")
		return
	}
	if len(moov.Traks) == 0 {
		c.bad("init: no track")
	}
	if moov.Mvex == nil {
		c.bad("init: no mvex")
	}
	for _, t := range moov.Traks {
		c.track(moov, t)
	}
}

// track reads one of an initialization segment.
func (c *checker) track(moov *mp4.MoovBox, t *mp4.TrakBox) {
	if t.Tkhd == nil || t.Mdia == nil || t.Mdia.Mdhd == nil || t.Mdia.Hdlr == nil || t.Mdia.Minf == nil || t.Mdia.Minf.Stbl == nil || t.Mdia.Minf.Stbl.Stsd == nil {
		c.bad("init: a track lacks tkhd, mdhd, hdlr or stsd")
		return
	}
	x := &Track{ID: t.Tkhd.TrackID, Kind: t.Mdia.Hdlr.HandlerType, Timescale: t.Mdia.Mdhd.Timescale}
	if x.Timescale == 0 {
		c.bad("init: track %d has timescale 0", x.ID)
	}
	if x.ID == 0 || c.tracks[x.ID] != nil {
		c.bad("init: track %d again, or none", x.ID)
		return
	}
	entries := t.Mdia.Minf.Stbl.Stsd.Children
	if len(entries) != 1 {
		c.bad("init: track %d has %d sample entries", x.ID, len(entries))
	}
	if len(entries) > 0 {
		x.Codec = entries[0].Type()
	}
	if x.Codec == "hev1" || x.Codec == "avc3" { // headers belong into the initialization segment
		c.bad("init: track %d is %s", x.ID, x.Codec)
	}
	if s := t.Mdia.Minf.Stbl.Stsz; s != nil && s.GetNrSamples() > 0 {
		c.bad("init: track %d has %d samples", x.ID, s.GetNrSamples())
	}
	if moov.Mvex != nil {
		at := slices.IndexFunc(moov.Mvex.Trexs, func(r *mp4.TrexBox) bool { return r.TrackID == x.ID })
		if at < 0 {
			c.bad("init: track %d has no trex", x.ID)
		} else {
			x.trex = moov.Mvex.Trexs[at]
		}
	}
	c.tracks[x.ID], c.order = x, append(c.order, x.ID)
}

// before are the boxes that may be in front of a moof.
var before = []string{"styp", "prft", "emsg", "sidx", "free", "skip", "uuid"}

func (c *checker) segment(n int, b []byte) {
	list, err := split(b)
	if err != nil {
		c.bad("segment %d: %v", n, err)
	}
	first := map[uint32]bool{} // tracks that have come
	fragments := 0
	for i := 0; i < len(list); i++ {
		moof, ok := list[i].Box.(*mp4.MoofBox)
		if !ok {
			if t := list[i].Type(); !slices.Contains(before, t) || t == "styp" && i > 0 && fragments == 0 {
				c.bad("segment %d: a box %s", n, t)
			}
			continue
		}
		fragments++
		if i+1 == len(list) || list[i+1].Type() != "mdat" {
			c.bad("segment %d: a moof without its mdat", n)
			continue
		}
		f := &fragment{checker: c, where: fmt.Sprintf("segment %d, fragment %d", n, fragments), moof: moof, at: list[i].start}
		mdat := list[i+1]
		f.from, f.to = mdat.start+mdat.Box.(*mp4.MdatBox).HeaderSize(), mdat.start+mdat.size
		f.check(first)
		i++
	}
	if fragments == 0 {
		c.bad("segment %d: no fragment", n)
	}
}
