package mpegts

import (
	"time"

	"weir/internal/media"
)

const (
	tablesEvery = int64(500 * time.Millisecond) // where sound alone comes
	pureAfter   = int64(time.Second)            // without a picture sound is alone
)

// Live writes a transport stream that may be entered in the middle: the tables come before key frames, and
// before sounds now and then where there are no pictures. It is for one goroutine.
type Live struct {
	options Options
	mux     *Mux
	own     []byte // packets of one frame that tables go before
	tables  int64  // when they were last written
	written bool   // they have been, since the frames follow
	picture int64  // when the last came
}

// NewLive returns one of the tracks that o wants.
func NewLive(o Options) *Live { return &Live{options: o} }

// Enter says that what comes next does not follow what came before, and begins at a frame's time.
func (w *Live) Enter(dts int64) { w.written, w.picture = false, dts }

// Append writes a frame's packets: nothing if it is of a track that is not in the stream. The error is
// ErrNothing while no track can be carried.
func (w *Live) Append(dst []byte, f *media.Frame) ([]byte, error) {
	another, err := w.follow(f.Layout)
	if err != nil || !w.mux.Carries(f) {
		return dst, err
	}
	kind := f.Source().Kind
	video := kind == media.Video
	if video {
		w.picture = f.DTS
	}
	if kind == media.Data && !w.written && !another {
		return dst, nil // nobody can begin with it
	}
	pure := !w.mux.Video() || f.DTS-w.picture >= pureAfter
	due := !w.written || f.DTS-w.tables >= tablesEvery
	opens := video && f.Key || kind == media.Audio && pure && due
	if !another && !opens {
		return w.mux.AppendFrame(dst, f)
	}
	w.written, w.tables = true, f.DTS
	if w.own, err = w.mux.AppendFrame(w.own[:0], f); err != nil || len(w.own) == 0 {
		return dst, err
	}
	if !IsTable(w.own) {
		if dst, err = w.mux.AppendTables(dst); err != nil {
			return dst, err
		}
	}
	return append(dst, w.own...), nil
}

// Video reports whether the stream has pictures; false before the first frame.
func (w *Live) Video() bool { return w.mux != nil && w.mux.Video() }

// follow puts a layout in force, and reports whether tables are to come at once.
func (w *Live) follow(l *media.Layout) (another bool, err error) {
	if w.mux == nil {
		w.mux, err = NewMux(l, w.options)
		return false, err
	}
	return w.mux.Follow(l)
}

// IsTable reports whether b begins with the packet of a PAT, which has the PID 0.
func IsTable(b []byte) bool { return len(b) > 2 && b[0] == 0x47 && b[1]&0x1f == 0 && b[2] == 0 }
