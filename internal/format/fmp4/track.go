package fmp4

import (
	"errors"
	"fmt"

	"github.com/Eyevinn/mp4ff/mp4"

	"weir/internal/codec"
	"weir/internal/media"
)

// ErrCodec is a track that fragmented MP4 cannot carry, or whose configuration has not come yet.
var ErrCodec = errors.New("fmp4: a track that MP4 cannot carry")

// The numbers of tracks: a track has the same one in a header of its own and in one of both.
const (
	videoID = 1
	audioID = 2
)

const videoScale = 90_000

// Track is a track of a layout in MP4. It is immutable.
type Track struct {
	Source *media.Track
	ID     uint32
	Scale  int64 // ticks in a second

	entry   func() mp4.Box          // the sample entry: what a decoder is set up with
	samples func(data []byte) int64 // ticks that a frame of sound lasts; nil: its stamps tell
}

// NewTrack returns the form of a track. The error is ErrCodec.
func NewTrack(t *media.Track) (*Track, error) {
	n := &Track{Source: t}
	var err error
	switch t.Kind {
	case media.Video:
		n.ID, n.Scale = videoID, videoScale
		n.entry, err = videoEntry(t)
	case media.Audio:
		n.ID = audioID
		err = n.sound(t)
	default:
		err = ErrCodec
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Codec, err)
	}
	return n, nil
}

// Same reports whether a decoder that is set up for one track can go on with another; either may be nil.
func (t *Track) Same(u *Track) bool {
	if t == nil || u == nil {
		return t == u
	}
	a, b := t.Source, u.Source
	return a.Codec == b.Codec && string(a.Config) == string(b.Config) && t.Scale == u.Scale &&
		a.Info.Channels == b.Info.Channels && (a.Codec != media.VP9 || a.Info == b.Info)
}

// Name returns the track's name in the codecs parameter of RFC 6381, or nothing if it is not known.
// MP3 is called by its number in MP4, which browsers know.
func (t *Track) Name() string {
	if t.Source.Codec == media.MP3 {
		return "mp4a.6B"
	}
	return codec.Name(t.Source)
}

// Ticks returns a time of the stream's timeline, in ns, as one of the track. It is exact to the tick at
// any time.
func (t *Track) Ticks(ns int64) int64 {
	const second = 1_000_000_000
	whole, part := ns/second, ns%second
	if part < 0 {
		whole, part = whole-1, part+second
	}
	return whole*t.Scale + (part*t.Scale+second/2)/second
}

// Samples returns how many ticks a frame lasts by what is in it; 0 where only the stamps tell.
func (t *Track) Samples(data []byte) int64 {
	if t.samples == nil {
		return 0
	}
	return t.samples(data)
}

// Time returns ticks of the track as ns: the other way round than Ticks.
func (t *Track) Time(ticks int64) int64 {
	const second = 1_000_000_000
	return ticks/t.Scale*second + ticks%t.Scale*second/t.Scale
}
