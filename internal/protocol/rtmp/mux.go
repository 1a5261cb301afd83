package rtmp

import (
	"weir/internal/format/flv"
	"weir/internal/media"
)

// mux makes messages of frames, and before the first frame of a layout those that say what has
// changed: the description, then the headers of audio, then of video. It is for one goroutine.
type mux struct {
	describe func(*media.Meta) message // the description's message
	layout   *media.Layout
	undated  bool // the description goes out at time zero; ffmpeg takes another for a subtitle
}

// append appends the messages of a frame at the given time, in ms. With reduce, headers and a
// description that only come again are left out.
func (x *mux) append(dst []message, f *media.Frame, time uint32, reduce bool) []message {
	dst = x.turn(dst, f.Layout, time, reduce)
	if m := frameMessage(f); len(m.body) > 0 {
		m.time = time
		dst = append(dst, m)
	}
	return dst
}

// turn puts a layout in force and appends the messages that tell of it.
func (x *mux) turn(dst []message, l *media.Layout, time uint32, reduce bool) []message {
	prev := x.layout
	if l == prev {
		return dst
	}
	x.layout = l
	change := l.Since(prev)
	if reduce && prev != nil && !change.Cut() {
		return dst
	}
	if prev == nil || change&media.ChangePublisher != 0 {
		prev = &media.Layout{}
	}
	if l.Meta != prev.Meta {
		m := x.describe(l.Meta)
		if !x.undated {
			m.time = time
		}
		dst = append(dst, m)
	}
	for _, kind := range []media.Kind{media.Audio, media.Video} {
		for i, t := range l.Tracks {
			if t.Kind != kind || i < len(prev.Tracks) && prev.Tracks[i] == t {
				continue
			}
			body := flv.Header(t)
			if n := len(dst); n > 0 && len(body) > 0 && len(dst[n-1].body) > 0 && &dst[n-1].body[0] == &body[0] {
				continue // one message for several tracks
			}
			if len(body) > 0 {
				m := mediaMessage(kind, body)
				m.time = time
				dst = append(dst, m)
			}
		}
	}
	return dst
}

// frameMessage returns the message of a frame; its body is empty where there is none.
func frameMessage(f *media.Frame) message {
	t := f.Source()
	if t.Kind != media.Data {
		return mediaMessage(t.Kind, flv.Body(f))
	}
	if wire, ok := f.Wire(flv.Side); ok {
		return mediaMessage(media.Video, wire)
	}
	return message{kind: amf0Data, chunk: dataChunk, stream: streamID, body: flv.Body(f)}
}

func mediaMessage(kind media.Kind, body []byte) message {
	if kind == media.Audio {
		return message{kind: audio, chunk: audioChunk, stream: streamID, body: body}
	}
	return message{kind: video, chunk: videoChunk, stream: streamID, body: body}
}

// metaMessage returns the publisher's description of its stream, as players get it.
func metaMessage(meta *media.Meta, p Product) message {
	return message{kind: amf0Data, chunk: dataChunk, stream: streamID, body: flv.Announcement(meta, p.Signature, p.Version)}
}
