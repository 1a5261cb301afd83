package webrtc

import (
	"context"
	"encoding/binary"
	"sync"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"weir/internal/config"
	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/transport"
)

// maxTracks is how many tracks of a publisher are taken.
const maxTracks = 8

// inlet is a track that a publisher sends.
type inlet struct {
	remote  *webrtc.TrackRemote
	index   uint8
	kind    media.Kind
	missing *missing // nil where nothing is sent again

	// Owned by read.
	sort  uint8 // the payload type that codec is for
	codec media.Codec
}

// intake is a publisher's tracks.
type intake struct {
	session *session
	silence *transport.Silence
	due     int // tracks that the client has said it sends

	mu     sync.Mutex // guards what follows
	layout *media.Layout
	tracks []*inlet
	lane   *stream.Lane
	damage stream.Damage
	asked  int64 // when a key frame was last asked for, as media.Now
	holed  int64 // when one was because packets are missing
}

// publish takes the client's packets until it ends.
func (s *session) publish() error {
	in := &intake{session: s, due: s.due()}
	s.intake.Store(in)
	var frames func(context.Context, *stream.LaneReader) error
	if s.rules().RTC.RtcToRtmp {
		frames = in.frames
	}
	in.lane = s.publisher.Lane(cargo, frames)
	in.silence = transport.WatchSilence(func() *config.Publish { return &s.rules().Publish }, s.cancel)
	defer in.silence.Stop()
	var all sync.WaitGroup
	defer all.Wait()
	defer s.pc.Close()
	in.run(&all, func() error { in.answer(); return nil })
	for range maxTracks {
		select {
		case t := <-s.tracks:
			in.begin(&all, t)
		case <-s.ctx.Done():
			return nil
		}
	}
	<-s.ctx.Done()
	return nil
}

// due is how many tracks the client has said it sends.
func (s *session) due() (n int) {
	for _, t := range s.pc.GetTransceivers() {
		if d := t.Direction(); d == webrtc.RTPTransceiverDirectionRecvonly || d == webrtc.RTPTransceiverDirectionSendrecv {
			n++
		}
	}
	return n
}

// begin has a track's packets and reports read.
func (in *intake) begin(all *sync.WaitGroup, b beginning) {
	t := in.add(b.remote)
	in.run(all, func() error { return in.read(t) })
	in.run(all, func() error { return in.hear(t, b.receiver) })
	if t.missing != nil {
		in.run(all, func() error { in.mend(t); return nil })
	}
}

// run runs a part of the intake, whose error ends the session.
func (in *intake) run(all *sync.WaitGroup, part func() error) {
	all.Go(func() {
		if err := stream.Guard("webrtc", part); err != nil {
			in.session.cancel(err)
		}
	})
}

// add gives a track its place in the layout.
func (in *intake) add(remote *webrtc.TrackRemote) *inlet {
	kind := media.Audio
	if remote.Kind() == webrtc.RTPCodecTypeVideo {
		kind = media.Video
	}
	next := &media.Layout{}
	in.mu.Lock()
	if in.layout != nil {
		next.Tracks = append(next.Tracks, in.layout.Tracks...)
	}
	next.Tracks = append(next.Tracks, &media.Track{Kind: kind, Codec: codecOf(remote.Codec().MimeType), ID: in.count(kind)})
	in.layout = next
	t := &inlet{remote: remote, index: uint8(len(in.tracks)), kind: kind, missing: newMissingOf(remote)}
	in.tracks = append(in.tracks, t)
	in.mu.Unlock()
	in.session.publisher.Announce(next) // not under mu: the hub asks for the damage under its own lock
	return t
}

// read passes a track's packets on.
func (in *intake) read(t *inlet) error {
	room := make([]byte, receiveMTU)
	var arena media.Arena
	for {
		n, _, err := t.remote.Read(room)
		if err != nil && in.session.over(err) {
			return nil
		}
		now := media.Now()
		in.silence.Heard(now)
		in.session.traffic.Received.Add(uint64(n))
		if err != nil || n < headLen {
			continue // of no type that has been agreed on, or too short
		}
		if t.missing != nil && !t.missing.came(binary.BigEndian.Uint16(room[2:]), now) {
			in.wantKeyAgain()
		}
		if sort := room[1] & 0x7f; t.codec == media.Unknown || sort != t.sort {
			t.sort, t.codec = sort, codecOf(t.remote.Codec().MimeType)
		}
		b := strip(&arena, room[:n], t.codec)
		if b == nil {
			continue
		}
		if err := in.lane.WritePacket(&media.Packet{Track: t.index, At: now, Data: b}); err != nil {
			return err
		}
	}
}

// hear passes on what the client says of a track's clock.
func (in *intake) hear(t *inlet, receiver *webrtc.RTPReceiver) error {
	for {
		list, _, err := receiver.ReadRTCP()
		if err != nil && in.session.over(err) {
			return nil
		}
		for _, p := range list {
			r, ok := p.(*rtcp.SenderReport)
			if !ok || r.SSRC != uint32(t.remote.SSRC()) {
				continue
			}
			b, err := (&rtcp.SenderReport{SSRC: r.SSRC, NTPTime: r.NTPTime, RTPTime: r.RTPTime}).Marshal()
			if err != nil {
				continue // of our own making: it has no bounds to break
			}
			if err := in.lane.WritePacket(&media.Packet{Track: t.index, At: media.Now(), Data: b}); err != nil {
				return err
			}
		}
	}
}

// answer tells the client what its players want, until the session ends.
func (in *intake) answer() {
	for {
		f, err := in.session.publisher.Feedback(in.session.ctx)
		if err != nil {
			return
		}
		if f.Key {
			in.wantKey()
		}
	}
}

// wantKey asks for a key frame of each track of pictures.
func (in *intake) wantKey() {
	in.mu.Lock()
	in.asked = media.Now()
	var asks []rtcp.Packet
	for _, t := range in.tracks {
		if t.kind == media.Video {
			asks = append(asks, &rtcp.PictureLossIndication{MediaSSRC: uint32(t.remote.SSRC())})
		}
	}
	in.mu.Unlock()
	if len(asks) > 0 {
		_ = in.session.pc.WriteRTCP(asks) // if it is lost, players ask again
	}
}

// id returns the media.Track.ID of a track, 0 for one that is not there.
func (in *intake) id(track int) int {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.layout == nil || track >= len(in.layout.Tracks) {
		return 0
	}
	return in.layout.Tracks[track].ID
}

// count is how many tracks of a kind there are; in.mu is held.
func (in *intake) count(kind media.Kind) (n int) {
	if in.layout == nil {
		return 0
	}
	for _, t := range in.layout.Tracks {
		if t.Kind == kind {
			n++
		}
	}
	return n
}
