package webrtc

import (
	mch264 "github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	mch265 "github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"weir/internal/codec/h264"
	"weir/internal/codec/h265"
	"weir/internal/codec/nal"
	"weir/internal/media"
)

// maxHeldBack is by how much a time may lie before the one before it, to be moved there; more is another clock.
const maxHeldBack = int64(media.MaxBack)

// decodeOrder finds out when the pictures of a track are to be decoded: packets say only when they are shown, which is later
// where the order is another one. It is for H.264 and H.265.
type decodeOrder struct {
	sets    [][]byte
	fresh   func() func(units [][]byte, pts int64) (int64, error)
	extract func(units [][]byte, pts int64) (int64, error)
	lost    bool // extract is of no use until the next key frame
	units   [][]byte
	last    int64
}

func newDecodeOrder(t *media.Track) *decodeOrder {
	o := &decodeOrder{lost: true}
	if t.Codec == media.H264 {
		if c, err := h264.ParseConfig(t.Config); err == nil {
			o.sets = append(append(o.sets, c.SPS...), c.PPS...)
		}
		o.fresh = func() func([][]byte, int64) (int64, error) {
			var x mch264.DTSExtractor
			x.Initialize()
			return x.Extract
		}
		return o
	}
	if c, err := h265.ParseConfig(t.Config); err == nil {
		o.sets = append(append(append(o.sets, c.VPS...), c.SPS...), c.PPS...)
	}
	o.fresh = func() func([][]byte, int64) (int64, error) {
		var x mch265.DTSExtractor
		x.Initialize()
		return x.Extract
	}
	return o
}

// of returns the time at which a picture is to be decoded. It does not fall, but where the clock is another one.
func (o *decodeOrder) of(f *media.Frame) int64 {
	o.units = o.units[:0]
	if f.Key {
		o.units = append(o.units, o.sets...)
		if o.lost {
			o.extract, o.lost = o.fresh(), false
		}
	}
	dts := f.PTS
	if !o.lost {
		for unit := range nal.All(f.Data()) {
			if len(unit) > 2 {
				o.units = append(o.units, unit)
			}
		}
		at, err := o.extract(o.units, f.PTS)
		if o.lost = err != nil; !o.lost {
			dts = at
		}
	}
	if back := o.last - dts; back > 0 && back < maxHeldBack {
		dts = o.last
	}
	o.last = dts
	return dts
}
