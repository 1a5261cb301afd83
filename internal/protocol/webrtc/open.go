package webrtc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/pion/webrtc/v4"

	"weir/internal/config"
	"weir/internal/format/rtp"
	"weir/internal/media"
	"weir/internal/stream"
)

const (
	gatherTime = 5 * time.Second // for which the library may look for what an answer says
	expectTime = 3 * time.Second // for which an offer waits for a stream that is brought here
)

var errGather = errors.New("webrtc: the library does not come to an end of its candidates")

// refusal is why a client is not let in, with the status that it is told.
type refusal struct {
	status int
	cause  error
}

func (r *refusal) Error() string { return r.cause.Error() }
func (r *refusal) Unwrap() error { return r.cause }

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Errorf(format, args...)}
}

// statusOf is what a client is told of an error.
func statusOf(err error) int {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.status
	}
	if d, ok := errors.AsType[*stream.Denied](err); ok {
		if d.Gate == "auth" {
			return http.StatusUnauthorized
		}
		return http.StatusForbidden
	}
	switch {
	case errors.Is(err, stream.ErrBusy):
		return http.StatusConflict
	case errors.Is(err, errOff), errors.Is(err, errFull), errors.Is(err, errEnding):
		return http.StatusServiceUnavailable
	case errors.As(err, new(*stream.Moved)):
		return http.StatusTemporaryRedirect
	}
	return http.StatusInternalServerError
}

// open asks whether a client may have what it wants, and answers its offer. The session is on from then on.
func (v *Server) open(ctx context.Context, t target, offer, host string) (s *session, answer string, err error) {
	c := v.o.Config()
	if v.udp == nil {
		return nil, "", errOff
	}
	vhost := c.Vhost(t.vhost)
	switch {
	case vhost == nil:
		return nil, "", refuse(http.StatusNotFound, "the virtual host %q is not served here: it is not in the configuration, and neither is a default one", t.vhost)
	case !vhost.Enabled:
		return nil, "", refuse(http.StatusForbidden, "the virtual host %q is switched off", vhost.Name)
	case !vhost.RTC.Enabled:
		return nil, "", refuse(http.StatusForbidden, "the virtual host %q has no WebRTC: write rtc { enabled on; } there", vhost.Name)
	case t.publish && vhost.Cluster.Remote() && !vhost.RTC.RtcToRtmp:
		return nil, "", refuse(http.StatusForbidden, "the virtual host %q is an edge, which sends streams on to its origin by RTMP: write rtc { rtc_to_rtmp on; } there", vhost.Name)
	}
	if err := t.check(); err != nil {
		return nil, "", err
	}
	if t.ufrag != "" && v.lobby.has(t.ufrag) {
		return nil, "", refuse(http.StatusConflict, "ice-ufrag %q is that of another session", t.ufrag)
	}
	offer, theirs, err := readOffer(offer, t.publish)
	if err != nil {
		return nil, "", err
	}
	s = v.newSession(t, vhost)
	s.offered = v.places(ctx, &c.RTCServer, t.candidate, host)
	s.contact.tell(s.offered.list(), theirs)
	answer, err = s.open(ctx, t.publish, vhost, offer)
	if err != nil {
		s.cancel(err)
		s.log.Warn(s.request.Kind+" refused", "ip", t.remote, "stream", s.request.URL(), "status", statusOf(err), "cause", err)
		return nil, "", err
	}
	return s, s.dress(answer, s.offered), nil
}

// open asks the gates, answers the offer, and has the session begin. A publisher takes its place only when all else is well: it
// may be another's until then.
func (s *session) open(ctx context.Context, publish bool, vhost *config.Vhost, offer string) (answer string, err error) {
	v := s.server
	if err := v.reserve(); err != nil {
		return "", err
	}
	if err := v.o.Registry.Connect(ctx, s.request); err != nil {
		v.release()
		return "", err
	}
	if publish {
		if answer, err = s.answer(ctx, vhost, offer, true); err == nil {
			err = s.claim(ctx, true)
		}
	} else if err = s.claim(ctx, false); err == nil {
		answer, err = s.answer(ctx, vhost, offer, false)
	}
	if err != nil {
		s.close(err)
		v.release()
		return "", err
	}
	s.tally.agreed(s.pc)
	s.identify(offer, answer)
	v.enter(s)
	return answer, nil
}

// newSession makes a session that has nothing yet.
func (v *Server) newSession(t target, vhost *config.Vhost) *session {
	id := stream.NewID()
	ctx, cancel := context.WithCancelCause(context.Background())
	s := &session{
		server: v, id: id, token: newToken(), tag: id, codec: t.codec, log: v.o.Log.With("cid", id), remote: t.remote, rules: config.Follow(v.o.Config, vhost),
		traffic: &stream.Traffic{}, started: time.Now(), ctx: ctx, cancel: cancel,
		tracks: make(chan beginning, maxTracks), connected: make(chan struct{}),
		ufrag: t.ufrag, pwd: t.pwd, fixed: t.ufrag != "",
	}
	s.tally = newTally(func() int { return s.rules().RTC.DropForPt })
	s.contact = &contact{strict: func() bool { return s.rules().RTC.StunStrictCheck }, left: s.hungUp}
	kind := kindPlay
	if t.publish {
		kind = kindPublish
	}
	s.request = &stream.Request{
		ID: id, Kind: kind, Remote: t.remote, Vhost: vhost.Name, App: t.app, Stream: t.stream, Name: t.stream, Param: t.param,
		TCURL: "webrtc://" + or(t.vhost, vhost.Name) + "/" + t.app, PageURL: t.page, Token: t.token,
		Viewer: !t.publish, Wait: true, Notice: true, Packets: cargo, Asks: true, Kick: cancel, Link: s.link, Transit: s.transit, Traffic: s.traffic,
	}
	if t.publish {
		s.request.Damage = s.damage
	}
	return s
}

// claim takes the place that the session is for.
func (s *session) claim(ctx context.Context, publish bool) (err error) {
	registry := s.server.o.Registry
	if !publish {
		if s.reader, err = registry.Subscribe(ctx, s.request); err == nil && registry.Supplies(s.request.Vhost) {
			s.expect(ctx)
		}
		return err
	}
	s.publisher, err = registry.Publish(ctx, s.request)
	return err
}

// expect waits for a while for a stream that is being brought here, so that its codecs are known when the offer is
// answered.
func (s *session) expect(ctx context.Context) {
	came := make(bell)
	if s.reader.Layout() != nil || !s.reader.Await(1, came) {
		return
	}
	late := time.NewTimer(expectTime)
	defer late.Stop()
	select {
	case <-came:
	case <-late.C:
	case <-ctx.Done():
	}
}

// bell is a stream.Waker for who waits for one thing.
type bell chan struct{}

// Wake is called once.
func (b bell) Wake() { close(b) }

// answer answers an offer.
func (s *session) answer(ctx context.Context, vhost *config.Vhost, offer string, publish bool) (string, error) {
	var only []media.Codec
	if publish {
		only = publishable(offer, s.codec)
	}
	var err error
	rules := vhost.RTC
	rules.DtlsRole = partFor(offer, rules.DtlsRole)
	if s.pc, err = s.server.peerFor(&rules, only, publish, s.tally, &s.burst, &buffers{end: s.cancel}, s.ufrag, s.pwd); err != nil {
		return "", err
	}
	s.watch()
	if s.reader != nil {
		if err := s.addOutlets(offer); err != nil {
			return "", err
		}
	}
	if err := s.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", refuse(http.StatusBadRequest, "the offer cannot be used: %w", err)
	}
	local, err := s.pc.CreateAnswer(nil)
	if err != nil {
		return "", refuse(http.StatusNotAcceptable, "the offer cannot be answered: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(s.pc)
	if err := s.pc.SetLocalDescription(local); err != nil {
		return "", refuse(http.StatusNotAcceptable, "the offer cannot be answered: %w", err)
	}
	select {
	case <-gathered:
	case <-time.After(gatherTime):
		return "", errGather
	case <-ctx.Done():
		return "", ctx.Err()
	}
	return s.pc.LocalDescription().SDP, nil
}

// addOutlets makes the tracks that the player is sent: one of each kind that it offers to take.
func (s *session) addOutlets(offer string) error {
	if err := s.playable(offer); err != nil {
		return err
	}
	for _, kind := range []media.Kind{media.Audio, media.Video} {
		if !strings.Contains(offer, "m="+kind.String()) {
			continue
		}
		o := newOutlet(kind, s.request.App+"/"+s.request.Stream, &s.rules().RTC)
		sender, err := s.pc.AddTrack(o)
		if err != nil {
			return fmt.Errorf("webrtc: %w", err)
		}
		o.sender = sender
		s.senders = append(s.senders, o)
	}
	return nil
}

// playable says why a player cannot play the stream that is there.
func (s *session) playable(offer string) error {
	layout := s.reader.Layout()
	if layout == nil {
		return nil // it waits for a publisher
	}
	passed := s.reader.Carried()
	if !passed && !s.rules().RTC.RtmpToRtc {
		return refuse(http.StatusForbidden, "the stream %s is not published by WebRTC, and the virtual host %q has no bridge: write rtc { rtmp_to_rtc on; } there", s.request.URL(), s.request.Vhost)
	}
	for _, kind := range []media.Kind{media.Audio, media.Video} {
		first := layout.First(kind)
		if first < 0 || !strings.Contains(offer, "m="+kind.String()) {
			continue
		}
		codec := layout.Tracks[first].Codec
		if kind == media.Audio && rtp.Rate(codec) == 0 {
			codec = media.Opus // what it is made, or was
		}
		if !offers(offer, codec) {
			return refuse(http.StatusNotAcceptable, "the offer cannot be answered: the stream's %s is %s, which the client does not offer to take", kind, codec)
		}
	}
	return nil
}
