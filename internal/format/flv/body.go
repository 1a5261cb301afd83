package flv

import (
	"time"

	"weir/internal/codec/flac"
	"weir/internal/media"
)

// Body returns the tag body of a frame: the one that it came in, if it was born as one, else
// one that is made once and shared. It is empty for a frame that rides on another's body, and
// for one that FLV cannot carry.
func Body(f *media.Frame) []byte {
	for _, form := range [...]media.Form{Form, StartCodes} {
		if wire, ok := f.Wire(form); ok {
			return wire
		}
	}
	return made.Of(f)
}

var made = media.NewMemo(func(f *media.Frame) []byte {
	t, data := f.Source(), f.Data()
	if len(data) == 0 {
		return nil
	}
	if t.Kind == media.Data {
		if t.Codec == media.AMF {
			return data
		}
		return nil
	}
	h := head{track: t, kind: CodedFrames, key: f.Key, data: data}
	h.offset = floor(f.PTS) - floor(f.DTS) // so that decoding time, rounded down, plus this is right
	dst := h.append(make([]byte, 0, maxBodyHead+len(data)))
	if len(dst) == 0 {
		return nil
	}
	return append(dst, data...)
})

// Header returns the body of the message that sets up a decoder for t: the publisher's own if
// it sent one in Form, else one made of t.Config. It is nil for a codec that needs none.
func Header(t *media.Track) []byte {
	if t.Form == Form && len(t.Header) > 0 {
		return t.Header
	}
	if len(t.Config) == 0 || t.Kind == media.Data {
		return nil
	}
	h := head{track: t, kind: SequenceStart, key: true}
	dst := h.append(nil)
	switch {
	case len(dst) == 0:
		return nil
	case t.Codec == media.FLAC:
		return flac.AppendMagic(dst, t.Config)
	}
	return append(dst, t.Config...)
}

// floor returns whole milliseconds of ns.
func floor(ns int64) int64 {
	ms := ns / int64(time.Millisecond)
	if ns < ms*int64(time.Millisecond) {
		ms--
	}
	return ms
}
