package studio

import (
	"bytes"
	"sync/atomic"
	"testing/synctest"
	"time"

	"weir/internal/media"
	"weir/internal/stream"
)

// Encoder publishes pictures and sound.
type Encoder struct {
	Publisher *stream.Publisher
	Layout    *media.Layout
	Group     int           // a key picture is at each multiple of it
	Size      int           // bytes of a picture
	Frames    float64       // pictures in a second
	Speed     float64       // of its clock, by ours
	Dark      bool          // sends no pictures, whatever the layout says
	Mute      bool          // sends no sound
	Next      int64         // the number of the next picture
	Skip      time.Duration // added to all stamps
	Kicked    atomic.Bool

	sounds int64
}

// NewEncoder returns an encoder of 25 pictures a second, two seconds a group, with sound unless other tracks are given.
func NewEncoder(p *stream.Publisher, tracks ...*media.Track) *Encoder {
	if len(tracks) == 0 {
		tracks = []*media.Track{Pictures(), Sound(44100)}
	}
	return &Encoder{Publisher: p, Layout: &media.Layout{Tracks: tracks}, Group: 50, Size: 400, Frames: 25, Speed: 1}
}

// Write publishes a frame with a stamp in milliseconds.
func (e *Encoder) Write(track int, ms int64, key bool, data []byte) {
	f := media.NewFrame(nil, data)
	f.Layout, f.Track, f.Key = e.Layout, uint8(track), key
	f.DTS = ms*int64(time.Millisecond) + int64(e.Skip)
	f.PTS, f.At = f.DTS, media.Now()
	_ = e.Publisher.WriteFrame(f) // it may have been ended
}

// Run publishes for so long, by its own clock; the last pause lets all be read.
func (e *Encoder) Run(d time.Duration) *Encoder {
	step := time.Duration(float64(time.Second) / e.Frames)
	for end := e.Next + int64(d/step); e.Next < end; e.Next++ {
		at := (time.Duration(e.Next) * step).Milliseconds()
		for i, t := range e.Layout.Tracks {
			if t.Kind == media.Video {
				if key := e.Next%int64(e.Group) == 0; !e.Dark {
					e.Write(i, at, key, Picture(key, e.Size, 0xab))
				}
				continue
			}
			if t.Kind != media.Audio || e.Mute { // data is written by who has some
				continue
			}
			for ; e.sounds*1024*1000/44100 < at+step.Milliseconds(); e.sounds++ {
				e.Write(i, e.sounds*1024*1000/44100, true, bytes.Repeat([]byte{0xcd}, 100))
			}
		}
		time.Sleep(time.Duration(float64(step) / e.Speed))
	}
	return e
}

// Another has the encoder go on with another header, from a key picture on.
func (e *Encoder) Another(rate int) *Encoder {
	e.Layout = &media.Layout{Tracks: []*media.Track{Pictures(), Sound(rate)}}
	left := int64(e.Group) - e.Next%int64(e.Group)
	e.Next += left
	time.Sleep(time.Duration(left) * 40 * time.Millisecond)
	return e
}

// End ends the stream, and waits until all that was read of it is done.
func (e *Encoder) End() {
	_ = e.Publisher.Close()
	time.Sleep(500 * time.Millisecond)
	synctest.Wait()
}
