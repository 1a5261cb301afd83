package webrtc

import (
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
	missing *missing // nil where nothing is sent again
}

// intake is a publisher's tracks.
type intake struct {
	session *session
	silence *transport.Silence

	mu     sync.Mutex // guards what follows
	layout *media.Layout
	tracks []*inlet
	lane   *stream.Lane
	holed  int64 // when a key frame was asked for because packets are missing, as media.Now
}

// publish takes the client's packets until it ends.
func (s *session) publish() error {
	in := &intake{session: s, lane: s.publisher.Lane(nil)}
	in.silence = transport.WatchSilence(func() *config.Publish { return &s.rules().Publish }, s.cancel)
	defer in.silence.Stop()
	var all sync.WaitGroup
	defer all.Wait()
	defer s.pc.Close()
	all.Go(func() { in.answer() })
	for range maxTracks {
		select {
		case remote := <-s.tracks:
			t := in.add(remote)
			if t.missing != nil {
				all.Go(func() { in.mend(t) })
			}
			all.Go(func() {
				if err := guard(func() error { return in.read(t) }); err != nil {
					s.cancel(err)
				}
			})
		case <-s.ctx.Done():
			return nil
		}
	}
	<-s.ctx.Done()
	return nil
}

// add gives a track its place in the layout.
func (in *intake) add(remote *webrtc.TrackRemote) *inlet {
	in.mu.Lock()
	defer in.mu.Unlock()
	kind := media.Audio
	if remote.Kind() == webrtc.RTPCodecTypeVideo {
		kind = media.Video
	}
	next := &media.Layout{}
	if in.layout != nil {
		next.Tracks = append(next.Tracks, in.layout.Tracks...)
	}
	next.Tracks = append(next.Tracks, &media.Track{Kind: kind, Codec: codecOf(remote.Codec().MimeType), ID: in.count(kind)})
	in.layout = next
	t := &inlet{remote: remote, index: uint8(len(in.tracks)), missing: newMissingOf(remote)}
	in.tracks = append(in.tracks, t)
	in.session.publisher.Announce(next)
	return t
}

// read passes a track's packets on.
func (in *intake) read(t *inlet) error {
	room := make([]byte, receiveMTU)
	var arena media.Arena
	for {
		n, _, err := t.remote.Read(room)
		if err != nil {
			return nil //nolint:nilerr // the connection knows why
		}
		now := media.Now()
		in.silence.Heard(now)
		in.session.traffic.Received.Add(uint64(n))
		if n >= 4 && t.missing != nil && !t.missing.came(binary.BigEndian.Uint16(room[2:]), now) {
			in.wantKeyAgain()
		}
		b := arena.Bytes(n)
		copy(b, room)
		if err := in.lane.WritePacket(&media.Packet{Track: t.index, At: now, Data: b}); err != nil {
			return err
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
	defer in.mu.Unlock()
	var asks []rtcp.Packet
	for _, t := range in.tracks {
		if t.remote.Kind() == webrtc.RTPCodecTypeVideo {
			asks = append(asks, &rtcp.PictureLossIndication{MediaSSRC: uint32(t.remote.SSRC())})
		}
	}
	if len(asks) > 0 {
		_ = in.session.pc.WriteRTCP(asks) // if it is lost, players ask again
	}
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
