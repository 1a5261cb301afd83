package cmaf

import (
	"time"

	"weir/internal/format/fmp4"
	"weir/internal/media"
)

// Tracks are what the chunks of a stream consist of, for as long as no decoder must be set up anew: while
// that is so, the pointer is the same. At least one is there.
type Tracks struct {
	Video, Audio *fmp4.Track // nil without
}

// All lists the tracks that are there.
func (t *Tracks) All() (list []*fmp4.Track) {
	for _, one := range [...]*fmp4.Track{t.Video, t.Audio} {
		if one != nil {
			list = append(list, one)
		}
	}
	return list
}

// Lead returns the track that chunks are cut by: the pictures, where there are any.
func (t *Tracks) Lead() *fmp4.Track {
	if t.Video != nil {
		return t.Video
	}
	return t.Audio
}

// Sources lists the tracks as the layout has them.
func (t *Tracks) Sources() (list []*media.Track) {
	for _, one := range t.All() {
		list = append(list, one.Source)
	}
	return list
}

// same reports whether decoders for t can go on with u.
func (t *Tracks) same(u *Tracks) bool {
	return t != nil && u != nil && t.Video.Same(u.Video) && t.Audio.Same(u.Audio)
}

// Chunk is a piece of a stream. It is immutable, and its bytes are shared.
type Chunk struct {
	Tracks   *Tracks
	Key      bool          // decoding can begin here
	Last     bool          // decoding can begin with the chunk that follows: its first frame is there
	Cut      bool          // something is missing between this and the chunk before, or it is a publisher's first
	Start    int64         // ns on the stream's timeline, of its first frame's decoding
	Duration time.Duration // of its pictures, or its sound where there is nothing else
	Limit    time.Duration // that chunks like this keep to
	Wall     time.Time     // of Start; zero if not known
	At       time.Time     // when its last frame came
	Pictures int

	Video, Audio Fragment // empty without frames
}

// End returns where the next chunk begins if it follows, in ns.
func (c *Chunk) End() int64 { return c.Start + int64(c.Duration) }

// Size returns how many bytes the chunk has.
func (c *Chunk) Size() int { return len(c.Video.Data) + len(c.Audio.Data) }

// Fragment is what a chunk has of one track. Times are in ticks of that track.
type Fragment struct {
	Data     []byte // moof and mdat
	Base     uint64 // of its first frame's decoding
	First    int64  // of the presentation of its first frame, which for a key frame is the earliest
	Duration uint64 // until the next fragment's Base
}
