package stream

import (
	"time"

	"weir/internal/media"
)

const (
	// markEvery is how often a stream's counts are marked, healthMarks how many marks are kept: the
	// rates of a Health are over about eight seconds.
	markEvery   = int64(time.Second)
	healthMarks = 8
	// keyMarks is how many key frames the average of their intervals is over, and one.
	keyMarks = 8
	// stale is the silence of a publisher from which on its rates are nothing.
	stale = 10 * time.Second
)

// Health says how well a stream is. The rates are those of the media by the stream's own time, over
// its last seconds. They are zero while there is too little to tell, without a publisher, and with one
// that has been silent for long.
type Health struct {
	Pictures    uint64        // of the main track since the newest publisher came
	FrameRate   float64       // pictures a second
	GOP         int           // pictures from the newest key frame but one to the newest
	KeyInterval time.Duration // between these two
	KeyAverage  time.Duration // between two key frames, over the last few
	VideoRate   float64       // bits a second
	AudioRate   float64       // bits a second
	Speed       float64       // seconds of media that come in a second; zero is not known yet
	Both        bool          // there are sound and pictures
	Offset      time.Duration // then: the newest sound's time minus the newest picture's
	Reorders    bool          // pictures are shown in another order than they come in: B-frames
	Silent      time.Duration // since the newest frame came
	Repairs     media.Repairs
	Damage      *Damage // nil where packets do not get lost
	LastEnd     *End    // of the publisher that ended last; nil while none has
}

// End is how a publication ended.
type End struct {
	At     time.Time
	ID     string // of the session
	Cause  error  // nil where its encoder wanted it
	Lasted time.Duration
}

// health is what a Health is made of, of one publisher. It is guarded by the stream's lock, and noted
// for each frame.
type health struct {
	now   mark
	marks [healthMarks]mark
	count int // marks ever taken

	keys     [keyMarks]int64 // times of key frames
	keyCount int             // ever
	keyed    uint64          // pictures up to the newest key frame
	gop      int

	shown    int64 // the latest time at which a picture is shown
	reorders bool
}

// mark is what has come of a publisher up to a moment.
type mark struct {
	at           int64 // when the newest frame came
	pictures     uint64
	video, audio gauge
}

// gauge counts one kind of media.
type gauge struct {
	bytes uint64 // since the first frame, which is not counted: they are those of the time up to dts
	dts   int64  // of the newest frame
	begun bool
}

// note takes a frame into account. Main says that it is a picture of the main track, opens that
// decoding can start with it.
func (h *health) note(f *media.Frame, video, main, opens bool) {
	if h.count > 0 && f.At-h.marks[(h.count-1)%healthMarks].at >= markEvery {
		h.mark()
	}
	h.now.at = f.At
	if main {
		h.picture(f, opens)
	}
	g := &h.now.audio
	if video {
		g = &h.now.video
	}
	g.dts = f.DTS
	if !g.begun {
		g.begun = true
		h.mark()
		return
	}
	g.bytes += uint64(f.Size())
}

// picture notes what is told of the main track alone.
func (h *health) picture(f *media.Frame, opens bool) {
	h.now.pictures++
	if f.PTS < h.shown && h.now.pictures > 1 {
		h.reorders = true
	} else {
		h.shown = f.PTS
	}
	if opens {
		h.keys[h.keyCount%keyMarks] = f.DTS
		h.keyCount++
		h.gop, h.keyed = int(h.now.pictures-h.keyed), h.now.pictures
	}
}

func (h *health) mark() {
	h.marks[h.count%healthMarks] = h.now
	h.count++
}

// tell makes a Health; now is the time on the clock of Frame.At. On says that the publisher is there.
func (h *health) tell(now int64, on bool) Health {
	out := Health{Pictures: h.now.pictures, Reorders: h.reorders}
	if h.count == 0 {
		return out
	}
	out.Silent = time.Duration(max(0, now-h.now.at))
	h.tellKeys(&out)
	if !on || out.Silent >= stale {
		return out
	}
	if out.Both = h.now.video.begun && h.now.audio.begun; out.Both {
		out.Offset = time.Duration(h.now.audio.dts - h.now.video.dts)
	}
	for n := min(h.count, healthMarks); n > 0; n-- { // the oldest first
		m := &h.marks[(h.count-n)%healthMarks]
		if s := m.video.until(&h.now.video); s > 0 && out.VideoRate == 0 {
			out.FrameRate = float64(h.now.pictures-m.pictures) / s
			out.VideoRate = float64(h.now.video.bytes-m.video.bytes) * 8 / s
		}
		if s := m.audio.until(&h.now.audio); s > 0 && out.AudioRate == 0 {
			out.AudioRate = float64(h.now.audio.bytes-m.audio.bytes) * 8 / s
		}
		passed := h.now.at - m.at
		media := max(m.video.until(&h.now.video), m.audio.until(&h.now.audio))
		if out.Speed == 0 && passed >= markEvery {
			out.Speed = media / time.Duration(passed).Seconds()
		}
	}
	return out
}

func (h *health) tellKeys(out *Health) {
	if h.keyCount < 2 {
		return
	}
	key := func(back int) int64 { return h.keys[(h.keyCount-1-back)%keyMarks] }
	n := min(h.keyCount, keyMarks) - 1
	out.GOP = h.gop
	out.KeyInterval = time.Duration(key(0) - key(1))
	out.KeyAverage = time.Duration((key(0) - key(n)) / int64(n))
}

// until returns the seconds of media from one state of a gauge to a later one; zero if it had not
// begun by then.
func (g *gauge) until(later *gauge) float64 {
	if !g.begun {
		return 0
	}
	return time.Duration(later.dts - g.dts).Seconds()
}
