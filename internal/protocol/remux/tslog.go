package remux

import (
	"net"

	"weir/internal/fanout"
	"weir/internal/format/mpegts"
	"weir/internal/media"
)

// tsPackets makes packets of a transport stream.
type tsPackets struct {
	live *mpegts.Live
	room []byte // of the packets in the pieces
}

func newTS(key logKey, _ *times, _ describe) fanout.Encoder {
	return &tsPackets{live: mpegts.NewLive(key.kinds.ts())}
}

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
		e.live.Enter(f.DTS)
	}
	n := len(e.room)
	var err error
	if e.room, err = e.live.Append(e.room, f); err != nil || len(e.room) == n {
		e.room = e.room[:n]
		return dst
	}
	return append(dst, e.room[n:len(e.room):len(e.room)])
}

// beginsWithTables reports whether a frame can be understood by who has seen none before. Data may have tables before it
// too, anywhere between pictures.
func beginsWithTables(f *media.Frame, own net.Buffers) bool {
	return f.Key && f.Source().Kind != media.Data && len(own) > 0 && mpegts.IsTable(own[0])
}
