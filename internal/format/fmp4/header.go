package fmp4

import (
	"bytes"

	"github.com/Eyevinn/mp4ff/mp4"

	"weir/internal/media"
)

// Header returns what goes before the fragments of some tracks: the boxes ftyp and moov.
func Header(tracks ...*Track) ([]byte, error) {
	h := mp4.NewMP4Init()
	h.AddChild(mp4.NewFtyp("iso6", 0, []string{"iso6", "cmfc", "dash", "mp41"}))
	moov := mp4.NewMoovBox()
	h.AddChild(moov)
	moov.AddChild(mp4.CreateMvhd())
	moov.AddChild(mp4.NewMvexBox())
	for _, t := range tracks {
		kind := "audio"
		if t.Source.Kind == media.Video {
			kind = "video"
		}
		box := h.AddEmptyTrack(uint32(t.Scale), kind, "und")
		box.Tkhd.TrackID = t.ID
		moov.Mvex.Trexs[len(moov.Mvex.Trexs)-1].TrackID = t.ID
		moov.Mvhd.NextTrackID = max(moov.Mvhd.NextTrackID, t.ID+1)
		if kind == "video" {
			box.Tkhd.Width, box.Tkhd.Height = mp4.Fixed32(t.Source.Info.Width<<16), mp4.Fixed32(t.Source.Info.Height<<16)
		} else {
			box.Tkhd.AlternateGroup = 1
		}
		box.Mdia.Minf.Stbl.Stsd.AddChild(t.entry())
	}
	var b bytes.Buffer
	if err := h.Encode(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
