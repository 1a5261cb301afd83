package dash

import (
	"bytes"
	"sync/atomic"
	"testing/synctest"
	"time"

	"weir/internal/codec/aac"
	"weir/internal/codec/h264"
	"weir/internal/codec/nal"
	"weir/internal/media"
	"weir/internal/stream"
)

var (
	sps = []byte("\x67\x42\xc0\x28\xd9\x00\x78\x02\x27\xe5\x84\x00\x00\x03\x00\x04\x00\x00\x03\x00\xf0\x3c\x60\xc9\x20")
	pps = []byte("\x68\xee\x3c\x80")
)

func pictures() *media.Track {
	config, err := h264.AppendConfig(nil, [][]byte{sps}, [][]byte{pps})
	if err != nil {
		panic(err)
	}
	info, _ := h264.Info(config)
	return &media.Track{Kind: media.Video, Codec: media.H264, Config: config, Info: info}
}

func sound(rate int) *media.Track {
	config := aac.AppendConfig(nil, aac.Config{Type: aac.LC, Rate: rate, Layout: 2})
	info, _ := aac.Info(config)
	return &media.Track{Kind: media.Audio, Codec: media.AAC, Config: config, Info: info}
}

// encoder publishes 25 pictures a second, with a key picture at each multiple of group, and sound.
type encoder struct {
	r      *rig
	pub    *stream.Publisher
	layout *media.Layout
	group  int
	size   int     // bytes of a picture
	speed  float64 // of its clock, by ours
	n      int64
	sounds int64
	skip   int64 // ms added to all stamps
	kicked atomic.Bool
}

func (r *rig) publish(app, name string, tracks ...*media.Track) *encoder {
	r.t.Helper()
	if len(tracks) == 0 {
		tracks = []*media.Track{pictures(), sound(44100)}
	}
	e := &encoder{r: r, layout: &media.Layout{Tracks: tracks}, group: 50, size: 400, speed: 1}
	p, err := r.registry.Publish(r.t.Context(), &stream.Request{
		ID: stream.NewID(), Kind: "test-publish", Vhost: stream.DefaultVhost, App: app, Stream: name, Name: name,
		Kick: func(error) { e.kicked.Store(true) },
	})
	if err != nil {
		r.t.Fatal(err)
	}
	e.pub = p
	return e
}

func (e *encoder) write(track int, ms int64, key bool, data []byte) {
	f := media.NewFrame(nil, data)
	f.Layout, f.Track, f.Key = e.layout, uint8(track), key
	f.DTS = (ms + e.skip) * int64(time.Millisecond)
	f.PTS, f.At = f.DTS, media.Now()
	_ = e.pub.WriteFrame(f) // it may have been ended
}

// run publishes for so long, by its own clock.
func (e *encoder) run(d time.Duration) *encoder {
	for end := e.n + int64(d/(40*time.Millisecond)); e.n < end; e.n++ {
		at := e.n * 40
		for i, t := range e.layout.Tracks {
			if t.Kind == media.Video {
				first, key := byte(0x41), e.n%int64(e.group) == 0
				if key {
					first = 0x65
				}
				e.write(i, at, key, nal.Append(nil, append([]byte{first}, bytes.Repeat([]byte{0xab}, e.size)...)))
				continue
			}
			for ; e.sounds*1024*1000/44100 < at+40; e.sounds++ {
				e.write(i, e.sounds*1024*1000/44100, true, bytes.Repeat([]byte{0xcd}, 100))
			}
		}
		time.Sleep(time.Duration(40 / e.speed * float64(time.Millisecond)))
	}
	return e
}

// another has the encoder go on with another header, from a key picture on.
func (e *encoder) another(rate int) *encoder {
	e.layout = &media.Layout{Tracks: []*media.Track{pictures(), sound(rate)}}
	left := int64(e.group) - e.n%int64(e.group)
	e.n += left
	time.Sleep(time.Duration(left) * 40 * time.Millisecond)
	return e
}

func (e *encoder) end() {
	_ = e.pub.Close()
	time.Sleep(500 * time.Millisecond)
	synctest.Wait()
}
