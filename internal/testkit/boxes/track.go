// Package boxes looks into fragmented MP4: an initialization segment and the media segments behind it,
// as ISO/IEC 14496-12 and CMAF (ISO/IEC 23000-19) want them of a live packager. It is for tests.
package boxes

import (
	"errors"
	"fmt"
	"time"

	"github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/mp4"
)

// Track is what was found of one. Times are decode times in units of its timescale.
type Track struct {
	ID        uint32
	Kind      string // vide or soun
	Codec     string // the name of its sample entry: avc1, mp4a
	Timescale uint32
	Samples   int
	First     uint64 // of the first sample
	Last      uint64 // of the last one
	End       uint64 // behind the last one

	trex  *mp4.TrexBox
	short bool // it has times of 32 bits
}

// Seconds returns a time of the track.
func (t *Track) Seconds(units uint64) time.Duration {
	return time.Duration(float64(units) / float64(max(1, t.Timescale)) * 1e9)
}

// errCut is of a box that is longer than what it is in.
var errCut = errors.New("boxes: cut")

// piece is a box on the top floor.
type piece struct {
	mp4.Box
	start, size uint64
}

// split reads the boxes on the top floor. With an error it returns those before it.
func split(b []byte) (list []piece, err error) {
	for at := 0; at < len(b); {
		rest := b[at:]
		h, err := mp4.DecodeHeaderSR(bits.NewFixedSliceReader(rest))
		if err != nil {
			return list, err
		}
		if h.Size > uint64(len(rest)) {
			return list, fmt.Errorf("%w: %s of %d bytes at %d, and there are %d", errCut, h.Name, h.Size, at, len(rest))
		}
		box, err := mp4.DecodeBoxSR(uint64(at), bits.NewFixedSliceReader(rest[:h.Size]))
		if err != nil {
			return list, err
		}
		list = append(list, piece{box, uint64(at), h.Size})
		at += int(h.Size)
	}
	return list, nil
}

// Tracks returns the tracks of an initialization segment, without samples, and what is wrong with it.
func Tracks(init []byte) ([]Track, []string) {
	c := &checker{}
	c.init(init)
	return c.list(), c.found
}

// Whole returns how many bytes at the beginning of a piece of media are whole fragments, with what is
// in front of each.
func Whole(media []byte) (n int) {
	for at := 0; ; {
		h, err := mp4.DecodeHeaderSR(bits.NewFixedSliceReader(media[at:]))
		if err != nil || h.Size > uint64(len(media)-at) {
			return n
		}
		if at += int(h.Size); h.Name == "mdat" {
			n = at
		}
	}
}

// Samples counts the samples of each track in a piece of media, which may be cut anywhere: fragments
// that are not whole do not count.
func Samples(media []byte) map[uint32]int {
	n := map[uint32]int{}
	list, _ := split(media)
	for i, p := range list {
		moof, ok := p.Box.(*mp4.MoofBox)
		if !ok || i+1 == len(list) { // its samples have not come
			continue
		}
		for _, traf := range moof.Trafs {
			if traf.Tfhd == nil {
				continue
			}
			for _, trun := range traf.Truns {
				n[traf.Tfhd.TrackID] += int(trun.SampleCount())
			}
		}
	}
	return n
}
