package remux

import (
	"net"
	"time"

	"weir/internal/fanout"
	"weir/internal/format/flv"
	"weir/internal/media"
)

const maxBody = 16<<20 - 1 // bytes of a tag, which its size can say

// describe returns the body of the script tag about a stream.
type describe func(*media.Meta) []byte

// describeBy returns the publisher's description as players get it.
func describeBy(p Product) describe {
	return func(meta *media.Meta) []byte { return flv.Announcement(meta, p.Signature, p.Version) }
}

// flvTags makes tags.
type flvTags struct {
	key      logKey
	times    *times
	describe describe
	layout   *media.Layout // that of the newest frame
	heads    []byte        // of the tags in the pieces
}

func newFLV(key logKey, t *times, d describe) fanout.Encoder {
	return &flvTags{key: key, times: t, describe: d}
}

// Append appends a frame's tag, and before the first of a layout those that say what has changed.
func (e *flvTags) Append(dst net.Buffers, f *media.Frame, follows bool) net.Buffers {
	if len(dst) == 0 {
		e.heads = e.heads[:0]
	}
	at := e.times.of(f, e.key.jitter)
	if follows {
		dst = e.turn(dst, e.layout, f.Layout, at)
	}
	e.layout = f.Layout
	kind := f.Source().Kind
	if e.key.kinds.leaves(kind) {
		return dst
	}
	return e.tag(dst, tagOf(kind), at, flv.Body(f))
}

func tagOf(kind media.Kind) flv.TagType {
	switch kind {
	case media.Audio:
		return flv.TagAudio
	case media.Video:
		return flv.TagVideo
	}
	return flv.TagScript
}

// turn appends what tells of a new layout: the description, then the headers of audio, then of
// video. Prev is nil for whoever has been told nothing.
func (e *flvTags) turn(dst net.Buffers, prev, next *media.Layout, at uint32) net.Buffers {
	if prev == next {
		return dst
	}
	change := next.Since(prev)
	if e.key.reduce && prev != nil && !change.Cut() {
		return dst
	}
	if prev == nil || change&media.ChangePublisher != 0 {
		prev = &media.Layout{}
		dst = e.tag(dst, flv.TagScript, 0, e.describe(next.Meta))
	} else if next.Meta != prev.Meta {
		dst = e.tag(dst, flv.TagScript, 0, e.describe(next.Meta))
	}
	var last []byte
	for _, kind := range []media.Kind{media.Audio, media.Video} {
		for i, t := range next.Tracks {
			if t.Kind != kind || e.key.kinds.leaves(kind) || i < len(prev.Tracks) && prev.Tracks[i] == t {
				continue
			}
			body := flv.Header(t)
			if len(body) == 0 || len(last) > 0 && &last[0] == &body[0] { // one header for several tracks
				continue
			}
			last = body
			dst = e.tag(dst, tagOf(kind), at, body)
		}
	}
	return dst
}

// tag appends a tag, in three pieces; nothing without a body.
func (e *flvTags) tag(dst net.Buffers, kind flv.TagType, at uint32, body []byte) net.Buffers {
	if len(body) == 0 || len(body) > maxBody {
		return dst
	}
	n := len(e.heads)
	e.heads = flv.AppendTagHead(e.heads, kind, time.Duration(at)*time.Millisecond, len(body))
	m := len(e.heads)
	e.heads = flv.AppendTagEnd(e.heads, len(body))
	return append(dst, e.heads[n:m:m], body, e.heads[m:len(e.heads):len(e.heads)])
}

// opening appends what a viewer is sent before a frame that it enters the log at: where it has been
// told nothing yet also the header of the file.
func (e *flvTags) opening(dst net.Buffers, f *media.Frame, told *media.Layout, audio, video bool) net.Buffers {
	if told == nil {
		dst = append(dst, flv.AppendFileHeader(nil, audio, video))
	}
	return e.turn(dst, told, f.Layout, e.times.of(f, e.key.jitter))
}
