package remux

import (
	"net"
	"time"

	"weir/internal/fanout"
	"weir/internal/format/mpegts"
	"weir/internal/media"
)

const (
	tablesEvery = int64(500 * time.Millisecond) // where sound alone comes
	pureAfter   = int64(time.Second)            // without a picture sound is alone
)

// tsPackets makes packets of a transport stream. It writes the tables where somebody may enter:
// before key frames, and before sounds now and then where there are no pictures.
type tsPackets struct {
	kinds   kinds
	mux     *mpegts.Mux
	layout  *media.Layout
	room    []byte // of the packets in the pieces
	own     []byte // packets of one frame that tables go before
	tables  int64  // when they were last written
	written bool   // they have been, since the frames follow
	picture int64  // when the last came
}

func newTS(key logKey, _ *times, _ describe) fanout.Encoder { return &tsPackets{kinds: key.kinds} }

func (k kinds) ts() mpegts.Options { return mpegts.Options{Audio: !k.noAudio, Video: !k.noVideo} }

func carriesTS(l *media.Layout, k kinds) bool {
	_, err := mpegts.NewMux(l, k.ts())
	return err == nil
}

// Append appends a frame's packets.
func (e *tsPackets) Append(dst net.Buffers, f *media.Frame, follows bool) net.Buffers {
	if len(dst) == 0 {
		e.room = e.room[:0]
	}
	if !follows {
		e.written, e.picture = false, f.DTS
	}
	n := len(e.room)
	var err error
	if e.room, err = e.append(e.room, f); err != nil || len(e.room) == n {
		e.room = e.room[:n]
		return dst
	}
	return append(dst, e.room[n:len(e.room):len(e.room)])
}

func (e *tsPackets) append(dst []byte, f *media.Frame) ([]byte, error) {
	another, err := e.follow(f.Layout)
	if err != nil || !e.mux.Carries(f) {
		return dst, err
	}
	video := f.Source().Kind == media.Video
	if video {
		e.picture = f.DTS
	}
	pure := !e.mux.Video() || f.DTS-e.picture >= pureAfter
	due := !e.written || f.DTS-e.tables >= tablesEvery
	opens := video && f.Key || !video && pure && due
	if !another && !opens {
		return e.mux.AppendFrame(dst, f)
	}
	e.written, e.tables = true, f.DTS
	if e.own, err = e.mux.AppendFrame(e.own[:0], f); err != nil || len(e.own) == 0 {
		return dst, err
	}
	if !isTable(e.own) {
		if dst, err = e.mux.AppendTables(dst); err != nil {
			return dst, err
		}
	}
	return append(dst, e.own...), nil
}

// follow puts a layout in force, and reports whether tables are to come at once.
func (e *tsPackets) follow(l *media.Layout) (another bool, err error) {
	if e.mux == nil {
		e.layout = l
		e.mux, err = mpegts.NewMux(l, e.kinds.ts())
		return false, err
	}
	another, err = e.mux.Follow(l)
	e.layout = l
	return another, err
}

// beginsWithTables reports whether a frame can be understood by who has seen none before.
func beginsWithTables(f *media.Frame, own net.Buffers) bool {
	return f.Key && len(own) > 0 && isTable(own[0])
}

// isTable reports whether b begins with the packet of a PAT, which has the PID 0.
func isTable(b []byte) bool { return len(b) > 2 && b[0] == 0x47 && b[1]&0x1f == 0 && b[2] == 0 }
