package webrtc

import (
	"github.com/pion/rtcp"

	"weir/internal/audio"
	"weir/internal/format/rtp"
	"weir/internal/media"
)

// made is one track of a maker.
type made struct {
	// Set at construction.
	maker *maker
	index int
	id    int // of the track in frames
	queue rtp.Reorder

	codec  media.Codec // of the packets
	rate   int64
	units  *rtp.Depacketizer // nil for a codec of which no frames are made
	gaps   uint64
	report rtcp.SenderReport // the newest

	in    *media.Track // as it comes
	out   *media.Track // as it is in frames; nil until it is known
	voice *audio.Transcoder
	alone *media.Layout // of in, for voice
	order *decodeOrder  // of pictures that may be shown in another order than they come in
	arena media.Arena
	begun bool  // a frame has been written
	last  int64 // its DTS
}

// begin begins with the packets of another codec.
func (t *made) begin(codec media.Codec) {
	t.end()
	t.codec, t.rate = codec, rtp.Rate(codec)
	t.units, _ = rtp.NewDepacketizer(rtp.DepacketizerOptions{Codec: codec, ID: t.id, DropDamaged: true, Arena: &t.arena})
	t.in, t.order = nil, nil
}

// end frees what there is for a codec.
func (t *made) end() {
	if t.voice != nil {
		t.voice.Close()
		t.voice = nil
	}
}

// make makes frames of an access unit.
func (t *made) make(u *rtp.Unit) {
	m := t.maker
	pts := m.clock.Stamp(t.index, t.rate, u.Time, u.At)
	f := t.arena.Frame(nil, u.Data)
	f.PTS, f.At, f.Key = pts, u.At, u.Key
	if t.voice == nil {
		f.Track, f.DTS = uint8(t.index), pts
		if t.order != nil {
			f.DTS = t.order.of(f)
		}
		f.PTS = max(f.PTS, f.DTS)
		m.ready = append(m.ready, f)
		return
	}
	f.DTS, f.Layout = pts, t.alone
	n := len(m.ready)
	m.ready, _ = t.voice.Append(m.ready, f) // damage is counted; what cannot be decoded at all was refused before
	for _, f := range m.ready[n:] {
		f.Track = uint8(t.index)
	}
}

// adopt takes on another configuration of the track.
func (t *made) adopt(track *media.Track) {
	t.in, t.alone = track, &media.Layout{Tracks: []*media.Track{track}}
	out := track
	switch track.Codec {
	case media.Opus:
		if t.voice == nil {
			t.voice = t.transcoder()
		}
		if t.voice != nil {
			out = t.voice.Track()
		}
	case media.H264, media.H265:
		t.order = newDecodeOrder(track)
	}
	t.out, t.maker.stale = out, true
}

// transcoder returns one that makes AAC of the track, nil where this binary has none.
func (t *made) transcoder() *audio.Transcoder {
	v, err := audio.NewTranscoder(media.AAC, audio.Options{Bitrate: t.maker.rules.AacBitrate})
	if err != nil {
		t.maker.intake.session.log.Warn("sound of WebRTC stays Opus, which few players of RTMP and HLS take", "cause", err)
		return nil
	}
	return v
}
