package flv

import (
	"weir/internal/codec/h264"
	"weir/internal/codec/nal"
	"weir/internal/media"
)

// StartCodes is Form for a frame of H.264 whose payload is to be read as NAL units between start
// codes, though it could be read with lengths too.
var StartCodes media.Form = startCodes{}

type startCodes struct{}

func (startCodes) Data(f *media.Frame) []byte { return separated.Of(f) }

var separated = media.NewMemo(func(f *media.Frame) []byte {
	return nal.Append(nil, nal.SplitAnnexB(nil, payload(f))...)
})

// Reading is how one publisher's messages are understood. It is for one goroutine.
//
// H.264 comes with lengths, or, against the rules, with start codes. Nearly every payload can be
// read in one way only. One that can be read in both is read as the track's newest that could
// not, and before there was one as First says.
type Reading struct {
	First nal.Packing // nal.AnnexB, or any other for lengths
	Blind bool        // the configurations of video are not looked into: tracks get no Info

	known map[int]nal.Packing // by the number of the track
}

// Track is NewTrack for this publisher.
func (r *Reading) Track(p Packet, body []byte) (*media.Track, error) {
	if r.Blind && p.Kind == media.Video {
		return bare(p, body), nil
	}
	return NewTrack(p, body)
}

// Form returns the form of the frame that p is of: Form, or StartCodes.
func (r *Reading) Form(t *media.Track, p *Packet) media.Form {
	codes := nal.IsAnnexB(p.Data)
	if p.Codec != media.H264 || !codes && r.known[t.ID] == nal.Lengths {
		return Form
	}
	lengths := nal.Detect(p.Data, 4) == nal.Normal || nal.Detect(p.Data, lengthSize(t)) == nal.Lengths
	codes = codes && separable(p.Data)
	packing, known := r.known[t.ID]
	switch {
	case lengths != codes:
		packing = nal.Lengths
		if codes {
			packing = nal.AnnexB
		}
		r.learn(t.ID, packing)
		return Form // which finds them by itself
	case lengths && !known:
		packing = r.First
	}
	if lengths && packing == nal.AnnexB {
		return StartCodes
	}
	return Form
}

func (r *Reading) learn(track int, p nal.Packing) {
	if r.known == nil {
		r.known = map[int]nal.Packing{}
	}
	r.known[track] = p
}

// separable reports whether all that is between the start codes of b looks like NAL units.
func separable(b []byte) bool {
	units := nal.SplitAnnexB(nil, b)
	for _, u := range units {
		if !h264.Plausible(u) {
			return false
		}
	}
	return len(units) > 0
}
