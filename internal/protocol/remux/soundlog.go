package remux

import (
	"net"

	"weir/internal/codec/aac"
	"weir/internal/fanout"
	"weir/internal/media"
)

// id3 is what MP3 begins with: a tag of ID3v2.3 with an empty field PRIV, without which some players do
// not take it for MP3. Spec: id3.org, ID3v2.3.0, 3.1 and 3.3.
//
//nolint:gochecknoglobals // it never changes
var id3 = []byte{'I', 'D', '3', 3, 0, 0, 0, 0, 0, 10, 'P', 'R', 'I', 'V', 0, 0, 0, 0, 0, 0}

// sounds makes frames of AAC behind ADTS headers, or of MP3.
type sounds struct {
	codec  media.Codec
	layout *media.Layout
	track  int // of it; -1 where there is none
	config aac.Config
	room   []byte
}

func soundForm(name, mime string, codec media.Codec, starts []byte) *form {
	return &form{
		name: name, mime: mime, sound: codec, starts: starts,
		encoder: func(logKey, *times, describe) fanout.Encoder { return &sounds{codec: codec} },
		carries: func(l *media.Layout, _ kinds) bool {
			s := sounds{codec: codec}
			return s.follow(l)
		},
		enters: func(_ *media.Frame, own net.Buffers) bool { return len(own) > 0 },
	}
}

// follow puts a layout in force, and reports whether it has such sound.
func (e *sounds) follow(l *media.Layout) bool {
	if e.layout == l {
		return e.track >= 0
	}
	e.layout = l
	e.track = l.First(media.Audio)
	if e.track >= 0 && l.Tracks[e.track].Codec != e.codec {
		e.track = -1
	}
	if e.track >= 0 && e.codec == media.AAC {
		var err error
		if e.config, err = aac.ParseConfig(l.Tracks[e.track].Config); err != nil {
			e.track = -1
		} else if _, ok := e.config.AppendADTS(nil, 1); !ok {
			e.track = -1
		}
	}
	return e.track >= 0
}

// Append appends a frame of the first track of sound.
func (e *sounds) Append(dst net.Buffers, f *media.Frame, _ bool) net.Buffers {
	if len(dst) == 0 {
		e.room = e.room[:0]
	}
	if !e.follow(f.Layout) || int(f.Track) != e.track {
		return dst
	}
	data := f.Data()
	if len(data) == 0 {
		return dst
	}
	if e.codec == media.AAC {
		n := len(e.room)
		var ok bool
		if e.room, ok = e.config.AppendADTS(e.room, len(data)); !ok {
			return dst
		}
		dst = append(dst, e.room[n:len(e.room):len(e.room)])
	}
	return append(dst, data)
}
