package webrtc

import (
	"cmp"
	"context"
	"slices"
	"time"

	"weir/internal/config"
	"weir/internal/format/rtp"
	"weir/internal/media"
	"weir/internal/stream"
)

const (
	// holdTime is for how long a lost packet is waited for before its frame is given up: it has been asked for again.
	holdTime = 500 * time.Millisecond
	// keyPause is the shortest time between two key frames that are asked for since something was lost.
	keyPause = int64(500 * time.Millisecond)

	halfSound  = int64(10 * time.Millisecond)  // of a frame of AAC: those that are nearer to each other overlap
	foyerTime  = int64(time.Second)            // for which what comes first waits for other tracks
	reportTime = int64(300 * time.Millisecond) // for which it waits for the sender's reports, by which sound and pictures belong together
	foyerUnits = 512                           // of what waits
	foyerBytes = 32 << 20                      // the same
)

// maker makes frames of a publisher's packets. It is for one goroutine.
type maker struct {
	// Set at construction.
	intake *intake
	rules  *config.RTC

	clock  rtp.Clock
	tracks []*made
	units  []rtp.Unit
	foyer  []waiting     // what has come before there was a layout
	bytes  int           // of it
	layout *media.Layout // nil until all tracks are known, or have been waited for
	stale  bool          // a track is another one than in layout
	ready  []*media.Frame
	opened int64 // when the first unit came
	at     int64 // when the newest packet came
	floor  int64 // the DTS of the first frame
}

// waiting is a unit that waits for its place on the timeline.
type waiting struct {
	track *made
	unit  rtp.Unit
}

// frames makes frames of the lane's packets until ctx or the publisher ends.
func (in *intake) frames(ctx context.Context, lane *stream.LaneReader) error {
	m := &maker{intake: in, rules: &in.session.rules().RTC}
	defer m.close()
	packets := make([]*media.Packet, media.MaxBatch)
	for ctx.Err() == nil {
		n, err := lane.ReadPackets(packets)
		if err != nil {
			return err
		}
		for _, p := range packets[:n] {
			m.take(p)
		}
		clear(packets[:n])
		if err := m.write(); err != nil {
			return err
		}
		m.tend(media.Now())
	}
	return ctx.Err()
}

// take takes the next packet of the lane.
func (m *maker) take(p *media.Packet) {
	m.at = p.At
	t := m.track(p.Track)
	codec, report := codecIn(p)
	if report {
		if r, ok := reportIn(p); ok {
			t.report = r
			m.report(t)
		}
		return
	}
	if codec != t.codec {
		t.begin(codec)
		m.report(t)
	}
	now := time.Duration(p.At)
	t.queue.Push(now, packetOf(p))
	for _, t := range m.tracks {
		m.pop(t, now)
	}
}

// report has the clock know of a track's newest report, once it is known how fast its times are.
func (m *maker) report(t *made) {
	if t.rate > 0 && t.report.NTPTime != 0 {
		m.clock.Report(t.index, t.rate, t.report.NTPTime, t.report.RTPTime)
	}
}

// track returns what is known of a track.
func (m *maker) track(i uint8) *made {
	for int(i) >= len(m.tracks) {
		n := len(m.tracks)
		m.tracks = append(m.tracks, &made{maker: m, index: n, id: m.intake.id(n), queue: rtp.Reorder{Hold: holdTime}})
	}
	return m.tracks[i]
}

// pop makes frames of those packets of a track whose turn it is.
func (m *maker) pop(t *made, now time.Duration) {
	for {
		p, ok := t.queue.Pop(now)
		if !ok {
			return
		}
		if t.units == nil {
			continue
		}
		if p.Lost > 0 {
			t.gaps++
		}
		m.units = t.units.Take(m.units[:0], &p)
		for i := range m.units {
			m.unit(t, &m.units[i])
		}
		clear(m.units)
	}
}

// unit takes a unit of a track: the first ones wait until it is known what tracks there are, and when they are.
func (m *maker) unit(t *made, u *rtp.Unit) {
	if u.Track != t.in {
		t.adopt(u.Track)
	}
	if m.layout != nil {
		t.make(u)
		return
	}
	if m.opened == 0 {
		m.opened = u.At
	}
	m.foyer = append(m.foyer, waiting{t, *u})
	m.bytes += len(u.Data)
}

// write writes the frames that are ready.
func (m *maker) write() error {
	if !m.finish() {
		return nil
	}
	err := m.intake.session.publisher.WriteBatch(m.ready)
	clear(m.ready)
	m.ready = m.ready[:0]
	return err
}

// finish gives the frames that are ready their layout, once it is known what tracks there are. It is false if there are none.
func (m *maker) finish() bool {
	if m.layout == nil && m.settled() {
		m.enter()
	}
	m.ready = slices.DeleteFunc(m.ready, m.early)
	if len(m.ready) == 0 {
		return false
	}
	if m.stale {
		m.layout, m.stale = m.arrange(), false
	}
	for _, f := range m.ready {
		f.Layout = m.layout
	}
	return true
}

// enter gives what has waited its place. The earliest is the first: before it there is nothing.
func (m *maker) enter() {
	m.layout, m.stale = m.arrange(), false
	for i := range m.foyer {
		m.foyer[i].track.make(&m.foyer[i].unit)
	}
	m.foyer = nil
	slices.SortStableFunc(m.ready, func(a, b *media.Frame) int { return cmp.Compare(a.DTS, b.DTS) })
	if len(m.ready) > 0 {
		m.floor = m.ready[0].DTS
	}
}

// early reports whether a frame is sound for whose time there is sound already, or from before the stream's begin: an
// encoder begins before what it is given, and clocks are corrected.
func (m *maker) early(f *media.Frame) bool {
	t := m.tracks[f.Track]
	if t.voice != nil && (f.DTS < m.floor || t.begun && f.DTS < t.last+halfSound && t.last-f.DTS < maxHeldBack) {
		return true
	}
	t.begun, t.last = true, f.DTS
	return false
}

// settled reports whether all tracks are known that the client has said it sends, or have been waited for.
func (m *maker) settled() bool {
	if len(m.foyer) == 0 {
		return false
	}
	known, told := 0, 0
	for _, t := range m.tracks {
		if t.out != nil {
			known++
		}
		if m.clock.Told(t.index) {
			told++
		}
	}
	passed := m.at - m.opened
	return known >= m.intake.due && (known == 1 || told >= known || passed > reportTime) ||
		passed > foyerTime || len(m.foyer) >= foyerUnits || m.bytes > foyerBytes
}

// arrange returns the layout in force. Tracks have the places that they have in the lane.
func (m *maker) arrange() *media.Layout {
	m.intake.mu.Lock()
	defer m.intake.mu.Unlock()
	l := &media.Layout{}
	for i, t := range m.intake.layout.Tracks {
		if i < len(m.tracks) && m.tracks[i].out != nil {
			t = m.tracks[i].out
		}
		l.Tracks = append(l.Tracks, t)
	}
	return l
}

// tend tells of what was lost, and asks for a key frame where it is time.
func (m *maker) tend(now int64) {
	var d stream.Damage
	wanted := false
	for _, t := range m.tracks {
		if t.units == nil {
			continue
		}
		h := t.units.Health()
		d.Lost, d.Damaged, d.Dropped = d.Lost+h.Lost, d.Damaged+h.Damaged, d.Dropped+h.Dropped
		d.Gaps += t.gaps
		wanted = wanted || t.units.Wanted()
	}
	in := m.intake
	in.mu.Lock()
	in.damage = d
	since := now - in.asked
	in.mu.Unlock()
	if since > int64(m.rules.PliForRtmp) || wanted && since > keyPause {
		in.wantKey()
	}
}

func (m *maker) close() {
	for _, t := range m.tracks {
		t.end()
	}
}
