package mpegts

import (
	"errors"

	"weir/internal/media"
)

// ErrNothing says that a layout has no track that a transport stream can carry.
var ErrNothing = errors.New("mpegts: no track that a transport stream can carry")

// Options say what of a layout is wanted.
type Options struct {
	Audio, Video bool
	// Rebuild counts samples to give AAC its times, instead of taking the frames' own: for
	// publishers whose stamps jitter. Where both come apart, the frames' own win.
	Rebuild bool
}

// Mux makes one transport stream of the frames of one stream. It is for one goroutine.
type Mux struct {
	options Options
	layout  *media.Layout
	video   *track // nil without one
	audio   *track
	data    data
	packets *packets
	unit    []byte // the elementary stream's bytes of a frame; memory for the next
	pcr     int64  // the newest one
	clocked bool   // there is one
}

// NewMux returns a mux of the first video and the first audio track of l that a transport stream
// can carry and o wants, and of data beside them. The error is ErrNothing if there is neither
// video nor audio; tracks whose configuration has not come yet count as none.
func NewMux(l *media.Layout, o Options) (*Mux, error) {
	m := &Mux{options: o, packets: newPackets()}
	_, err := m.Follow(l)
	return m, err
}

// Follow goes on with the tracks of another layout. It reports whether these need other tables
// or other decoders than those before, so that AppendTables should come next. Data comes and goes
// without: its tables come before its first frame. After ErrNothing the mux carries nothing until
// a layout with tracks is followed.
func (m *Mux) Follow(l *media.Layout) (another bool, err error) {
	if l == m.layout {
		return false, m.empty()
	}
	m.layout = l
	video := find(l, media.Video, m.options.Video)
	audio := find(l, media.Audio, m.options.Audio)
	data := m.data.place(l)
	another = m.video.replaced(video) || m.audio.replaced(audio)
	other := another || m.data.replaced(&data)
	m.video, m.audio, m.data = m.video.next(video), m.audio.next(audio), data
	if other {
		m.packets.carry(m.tracks())
	}
	if another {
		m.clocked = false
	}
	return another, m.empty()
}

// tracks returns those that are in the tables, the one with the clock first.
func (m *Mux) tracks() (list []*track) {
	for _, t := range append([]*track{m.video, m.audio}, m.data[:]...) {
		if t != nil {
			list = append(list, t)
		}
	}
	return list
}

func (m *Mux) empty() error {
	if m.video == nil && m.audio == nil {
		return ErrNothing
	}
	return nil
}

// Video reports whether the stream has pictures.
func (m *Mux) Video() bool { return m.video != nil }

// Audio reports whether the stream has sound.
func (m *Mux) Audio() bool { return m.audio != nil }

// Carries reports whether f is of a track that is in the stream.
func (m *Mux) Carries(f *media.Frame) bool { return m.of(f) != nil }

func (m *Mux) of(f *media.Frame) *track {
	for _, t := range [...]*track{m.video, m.audio} {
		if t != nil && t.index == int(f.Track) {
			return t
		}
	}
	for _, t := range m.data {
		if t != nil && t.index == int(f.Track) && m.empty() == nil {
			return t
		}
	}
	return nil
}

// AppendTables writes the PAT and the PMT: at the start, wherever somebody may join, and when
// Follow has said so.
func (m *Mux) AppendTables(dst []byte) ([]byte, error) {
	if err := m.empty(); err != nil {
		return dst, err
	}
	return m.packets.tables(dst), nil
}

// AppendFrame writes one frame: nothing if it is of a track that is not in the stream, or
// damaged. A frame of another layout is followed, with new tables where they are needed. Key
// frames of H.264 and H.265 get their parameter sets.
func (m *Mux) AppendFrame(dst []byte, f *media.Frame) ([]byte, error) {
	if f.Layout != m.layout {
		another, err := m.Follow(f.Layout)
		if err != nil {
			return dst, err
		}
		if another {
			dst = m.packets.tables(dst)
		}
	}
	t := m.of(f)
	if t == nil {
		return dst, nil
	}
	if t.kind == media.Data {
		return m.appendDatum(dst, t, f), nil
	}
	var ok bool
	if m.unit, ok = t.codec.append(m.unit[:0], f.Data(), f.Key); !ok {
		return dst, nil
	}
	u := unit{track: t, id: t.codec.streamID, pts: clock(f.PTS), dts: clock(f.DTS), bytes: m.unit}
	u.key = f.Key && t.kind == media.Video
	if t.kind == media.Audio {
		if m.options.Rebuild {
			u.pts = t.counted(u.pts)
		}
		u.dts = u.pts // sound is never reordered
	}
	if m.leads(t) && (!m.clocked || u.key || u.dts-m.pcr >= pcrEvery || u.dts < m.pcr) {
		m.clocked, m.pcr, u.clock = true, u.dts, true
	}
	if u.key {
		dst = m.packets.tables(dst)
	}
	return m.packets.unit(dst, &u), nil
}

// appendDatum writes a frame of data. The times in a section of SCTE-35 are those of its publisher's clock.
func (m *Mux) appendDatum(dst []byte, t *track, f *media.Frame) []byte {
	b, id := f.Data(), t.codec.streamID
	if t.codec.sections && !isSplice(b) {
		return dst
	}
	if cells, ok := f.Wire(Form); ok {
		b, id = cells, idMetadata
	}
	var ok bool
	if m.unit, ok = t.codec.append(m.unit[:0], b, true); !ok {
		return dst
	}
	if m.packets.stale {
		dst = m.packets.tables(dst)
	}
	if t.codec.sections {
		m.unit = appendSplice(m.unit[:0], b, clock(f.Layout.Offset))
		return m.packets.section(dst, t.pid, m.unit)
	}
	pts := clock(f.PTS)
	return m.packets.unit(dst, &unit{track: t, id: id, pts: pts, dts: pts, bytes: m.unit})
}

// leads reports whether t is the track that carries the clock.
func (m *Mux) leads(t *track) bool { return t == m.video || m.video == nil }

// Tracks returns the tracks of video and audio that are in the stream.
func (m *Mux) Tracks() (list []*media.Track) {
	for _, t := range [...]*track{m.video, m.audio} {
		if t != nil {
			list = append(list, t.source)
		}
	}
	return list
}
