package remux

import (
	"time"

	"weir/internal/media"
	"weir/internal/stream"
)

const (
	guessTime = int64(500 * time.Millisecond) // of media, in which each kind that there is has come
	maxGuess  = 256                           // frames of it
)

// gather reads until it is known what the header has to say, and returns what it has read. Nothing
// is sent before.
func (v *viewer) gather() (stream.Batch, error) {
	var all stream.Batch
	for {
		b, err := v.sub.ReadNext(v.frames)
		if err != nil {
			return stream.Batch{}, err
		}
		v.skipPast(&b)
		if len(b.Frames) == 0 {
			continue
		}
		if err := v.able(&b); err != nil {
			return stream.Batch{}, err
		}
		if v.barren != 0 {
			all = stream.Batch{}
			continue
		}
		if b.Pos != all.Pos+uint64(len(all.Frames)) {
			all = stream.Batch{Pos: b.Pos}
		}
		all.Frames, all.Base = append(all.Frames, b.Frames...), b.Base
		if v.known(all.Frames) {
			return all, nil
		}
		if len(all.Frames) >= maxGuess {
			all = stream.Batch{} // nothing but data
		}
	}
}

// known sets what the header says, if frames tell it: what kinds have come. A track that is only
// announced is none. What the header does not name is left out from then on, if the rules say so.
func (v *viewer) known(frames []*media.Frame) bool {
	if v.form.sound != media.Unknown {
		return true
	}
	v.audio, v.video = v.remux.HasAudio, v.remux.HasVideo
	if v.remux.GuessHasAv {
		v.audio, v.video = false, false
		for _, f := range frames {
			switch f.Source().Kind {
			case media.Audio:
				v.audio = true
			case media.Video:
				v.video = true
			}
		}
		first, last := frames[0], frames[len(frames)-1]
		enough := last.DTS-first.DTS >= guessTime || last.At-first.At >= guessTime || len(frames) >= maxGuess
		if all := v.audio && v.video; !all && (!enough || !v.audio && !v.video) {
			return false
		}
	}
	if v.remux.DropIfNotMatch {
		v.kinds = kinds{noAudio: !v.audio, noVideo: !v.video}
	}
	return true
}
