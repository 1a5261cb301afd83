package flv

import (
	"cmp"
	"encoding/binary"
	"log/slog"
	"slices"

	"weir/internal/media"
)

const (
	maxTracks  = 64       // of one publisher
	maxSetup   = 64 << 10 // bytes of a message of headers; tracks keep them
	maxInside  = 1 << 10  // messages in one aggregate
	maxOddLogs = 8        // different oddities of one publisher that are logged
)

// Demux makes frames of a publisher's tags, or of its messages of RTMP, which have the same types
// and bodies: it keeps the layout in force, and tells each frame's track, time and key frames. It is
// for one goroutine.
type Demux struct {
	// Set by its maker.
	Arena   *media.Arena // of the publisher
	Log     *slog.Logger // is told of each oddity once
	Reading Reading

	layout  *media.Layout
	shelf   map[int]*media.Track // by index, those with headers that frames of another codec replaced
	stamps  [3]stamp             // of audio, video, data
	packets []Packet
	odd     []string // what has been logged
	count   uint64   // frames
}

// message is a tag, or a message of RTMP.
type message struct {
	kind TagType
	time uint32 // ms
	body []byte
}

// Side is the form of video tags that carry no picture: colours, seeking. Such a tag is a frame
// of a data track, so that who reads pictures need not know of it.
var Side media.Form = side{}

type side struct{}

func (side) Data(*media.Frame) []byte { return nil }

// Frames appends to dst the frames of a tag, whose time is in milliseconds and wraps. They share
// its body, which must not be empty and is theirs from then on. What cannot be understood is logged
// once and skipped: it is no reason to close a publisher.
func (d *Demux) Frames(dst []*media.Frame, kind TagType, time uint32, body []byte) []*media.Frame {
	return d.frames(dst, &message{kind, time, body})
}

// Count returns how many frames there have been.
func (d *Demux) Count() uint64 { return d.count }

func (d *Demux) frames(dst []*media.Frame, m *message) []*media.Frame {
	switch m.kind {
	case TagAudio, TagVideo:
		return d.media(dst, m)
	case TagScript, MessageScript3:
		return d.data(dst, m)
	case MessageAggregate:
		return d.aggregate(dst, m)
	}
	d.Once("a message of a kind that nobody knows", "kind", m.kind)
	return dst
}

func (d *Demux) media(dst []*media.Frame, m *message) []*media.Frame {
	var err error
	at := &d.stamps[0]
	if m.kind == TagAudio {
		d.packets, err = ParseAudio(d.packets[:0], m.body)
	} else {
		at = &d.stamps[1]
		d.packets, err = ParseVideo(d.packets[:0], m.body)
	}
	if err != nil {
		d.Once("a media message that cannot be read", "kind", m.kind, "cause", err)
		return dst
	}
	from := len(dst)
	var dts int64
	for i := range d.packets {
		if f := d.frame(&d.packets[i], m); f != nil {
			if len(dst) == from { // not for headers: many carry a time of zero
				dts = int64(at.next(m.time))
			}
			f.DTS, f.PTS = dts, dts+int64(d.packets[i].CompositionTime+d.packets[i].Nano)
			f.At = media.Now()
			dst = append(dst, f)
			d.count++
		}
	}
	d.settle(dst[from:])
	return dst
}

// settle gives the frames of one message the layout in force after all of it. The first track's
// goes first and has the message: who starts at its key frame gets the others with it.
func (d *Demux) settle(frames []*media.Frame) {
	if len(frames) > 1 {
		slices.SortStableFunc(frames, func(a, b *media.Frame) int { return cmp.Compare(a.Track, b.Track) })
	}
	for i, f := range frames {
		f.Layout = d.layout
		if i > 0 {
			f.Ride()
		}
	}
}

// frame makes a frame of a packet, or a track of its headers.
func (d *Demux) frame(p *Packet, m *message) *media.Frame {
	switch p.Type {
	case SequenceStart, TSSequenceStart:
		d.header(p, m)
		return nil
	case SequenceEnd:
		return nil
	case CodedFrames:
		n := d.track(p, m)
		if n < 0 {
			return nil
		}
		f := d.Arena.Frame(d.Reading.Form(d.layout.Tracks[n], p), m.body)
		f.Track, f.Key = uint8(n), p.Key
		return f
	}
	if m.kind != TagVideo {
		d.Once("an audio packet of an unknown type", "type", p.Type)
		return nil
	}
	n := d.side()
	if n < 0 {
		return nil
	}
	f := d.Arena.Frame(Side, m.body)
	f.Track, f.Key = uint8(n), true
	return f
}

// header puts a track with the headers of p in force.
func (d *Demux) header(p *Packet, m *message) {
	if len(m.body) > maxSetup {
		d.Once("a message of headers that is too long", "bytes", len(m.body), "most", maxSetup)
		return
	}
	t, err := d.Reading.Track(*p, m.body)
	if err != nil {
		d.Once("headers that cannot be read; they are passed on as they are", "cause", err)
	}
	n := d.find(p)
	switch {
	case n < 0:
		d.add(t)
	case len(t.Config) == 0 && p.Codec == d.layout.Tracks[n].Codec || p.Codec == media.Unknown && d.known(n):
		d.Once("headers that say nothing, after others", "kind", p.Kind)
	default:
		delete(d.shelf, n)
		d.replace(n, t)
	}
}

// known reports whether somebody here knows the codec of a track.
func (d *Demux) known(n int) bool { return d.layout.Tracks[n].Codec != media.Unknown }

// track returns the index of p's track, which is added if it is new: MP3 sends no headers, and
// others come late. It is -1 where a publisher has too many.
func (d *Demux) track(p *Packet, m *message) int {
	if n := d.find(p); n >= 0 {
		return d.recode(n, p, m)
	}
	t, err := d.Reading.Track(*p, m.body)
	switch {
	case p.Codec == media.Unknown:
		d.Once("a codec that nobody here knows; it is passed on as it is", "kind", p.Kind, "fourcc", fourCC(p.FourCC))
	case err != nil:
		d.Once("a first frame that tells nothing of its track; it is passed on as it is", "codec", p.Codec, "cause", err)
	}
	return d.add(t)
}

// recode returns n, the index of p's track, which is replaced if p is of another codec, or -1 if
// p is garbage between the track's frames. If the codec comes back its headers still hold.
func (d *Demux) recode(n int, p *Packet, m *message) int {
	switch before := d.layout.Tracks[n]; {
	case before.Codec == p.Codec:
		return n
	case p.Codec == media.Unknown:
		d.Once("frames of a codec that nobody here knows, between others", "kind", p.Kind, "fourcc", fourCC(p.FourCC))
		return -1
	case d.shelf[n] != nil && d.shelf[n].Codec == p.Codec:
		d.replace(n, d.shelf[n])
		return n
	case len(before.Header) > 0:
		if d.shelf == nil {
			d.shelf = map[int]*media.Track{}
		}
		d.shelf[n] = before
	}
	t, _ := d.Reading.Track(*p, m.body) // headers may follow
	d.replace(n, t)
	return n
}

func (d *Demux) find(p *Packet) int {
	return d.index(func(t *media.Track) bool {
		return t.Kind == p.Kind && t.ID == p.Track
	})
}

// side returns the index of the track of video messages without a picture.
func (d *Demux) side() int {
	n := d.index(func(t *media.Track) bool { return t.Form == Side })
	if n < 0 {
		n = d.add(&media.Track{Kind: media.Data, Form: Side})
	}
	return n
}

func (d *Demux) index(is func(*media.Track) bool) int {
	if d.layout == nil {
		return -1
	}
	return slices.IndexFunc(d.layout.Tracks, is)
}

// change puts a copy of the layout in force that edit has changed.
func (d *Demux) change(edit func(*media.Layout)) {
	next := media.Layout{}
	if d.layout != nil {
		next = *d.layout
		next.Tracks = slices.Clone(next.Tracks)
	}
	edit(&next)
	d.layout = &next
}

func (d *Demux) replace(n int, t *media.Track) {
	d.change(func(l *media.Layout) { l.Tracks[n] = t })
}

func (d *Demux) add(t *media.Track) int {
	if d.layout != nil && len(d.layout.Tracks) == maxTracks {
		d.Once("more tracks than are carried", "most", maxTracks)
		return -1
	}
	d.change(func(l *media.Layout) { l.Tracks = append(l.Tracks, t) })
	return len(d.layout.Tracks) - 1
}

// data takes a data message: the publisher's description of the stream, or a frame of the
// data track.
func (d *Demux) data(dst []*media.Frame, m *message) []*media.Frame {
	body := m.body
	if m.kind == MessageScript3 && len(body) > 1 && body[0] == 0 && body[1] == amfString {
		body = body[1:]
	}
	if len(body) == 4 && body[0] == 0 {
		return dst // ffmpeg's time code
	}
	if len(body) > maxSetup {
		d.Once("a data message that is too long", "bytes", len(body), "most", maxSetup)
		return dst
	}
	name, values, err := ParseScript(body)
	if name == "" {
		d.Once("a data message that cannot be read", "cause", err)
		return dst
	}
	if name == sampleAccess || name == "onStatus" {
		return dst // between a server and its player, where the publisher is a server
	}
	if name == OnMetaData {
		if meta := NewMeta(values); meta != nil {
			d.change(func(l *media.Layout) { l.Meta = meta })
		}
		return dst
	}
	if body[0] == amfString && string(body[3:min(len(body), 3+len(setDataFrame))]) == setDataFrame {
		body = body[3+len(setDataFrame):]
	}
	n := d.index(func(t *media.Track) bool { return t.Codec == media.AMF })
	if n < 0 {
		n = d.add(&media.Track{Kind: media.Data, Codec: media.AMF, Form: Form})
	}
	if n < 0 {
		return dst
	}
	f := d.Arena.Frame(Form, body)
	f.Track, f.Key, f.Layout, f.At = uint8(n), true, d.layout, media.Now()
	f.DTS = int64(d.stamps[2].next(m.time))
	f.PTS = f.DTS
	d.count++
	return append(dst, f)
}

const (
	amfString    = 2 // AMF0's marker
	sampleAccess = "|RtmpSampleAccess"
)

// aggregate takes a message that holds several, as FLV tags whose times count from the first:
//
//	| type u8 | size u24 | time u24 | time's high byte u8 | stream u24 | body | size u32 | …
//
// Spec: Adobe RTMP 1.0, 7.1.6.
func (d *Demux) aggregate(dst []*media.Frame, m *message) []*media.Frame {
	var base uint32
	for b, n := m.body, 0; len(b) > 0; n++ {
		if n == maxInside {
			d.Once("an aggregate message of too many", "most", maxInside)
			return dst
		}
		if len(b) < 11 || len(b) < 11+int(u24(b[1:])) {
			d.Once("an aggregate message that is cut short", "bytes", len(m.body))
			return dst
		}
		size := int(u24(b[1:]))
		time := u24(b[4:]) | uint32(b[7])<<24
		if n == 0 {
			base = time
		}
		sub := message{kind: TagType(b[0]), time: m.time + time - base}
		if sub.kind != MessageAggregate && size > 0 {
			sub.body = d.Arena.Bytes(size) // a frame is not to hold the others' memory
			copy(sub.body, b[11:])
			dst = d.frames(dst, &sub)
		}
		b = b[min(len(b), 11+size+4):]
	}
	return dst
}

// Once logs an oddity of the publisher the first time it is seen, behind "publisher sends".
func (d *Demux) Once(what string, args ...any) {
	if slices.Contains(d.odd, what) || len(d.odd) == maxOddLogs {
		return
	}
	d.odd = append(d.odd, what)
	d.Log.Warn("publisher sends "+what, args...)
}

// fourCC returns a codec's code as text.
func fourCC(code uint32) string {
	if code == 0 {
		return ""
	}
	return string(binary.BigEndian.AppendUint32(nil, code))
}
