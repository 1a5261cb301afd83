package webrtc

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"weir/internal/config"
	"weir/internal/stream"
)

// The kinds of sessions, in the API and callbacks.
const (
	kindPublish = "rtc-publish"
	kindPlay    = "rtc-play"
)

var (
	errLeft  = io.EOF // the client has said that it goes, or has closed its page
	errNoWay = errors.New("no connection has come about")
	errGone  = errors.New("nothing has come from the client for stun_timeout")
)

// session is one client, which publishes or plays one stream.
type session struct {
	// Set at construction.
	server  *Server
	id      string // in logs, the API and the address of the resource
	codec   string // of pictures that it asks to send; empty: any
	token   string // in that address: who knows it may end the session
	log     *slog.Logger
	remote  netip.Addr
	request *stream.Request
	rules   func() *config.Vhost
	traffic *stream.Traffic
	started time.Time
	cancel  context.CancelCauseFunc
	ctx     context.Context
	contact *contact
	burst   burst
	tally   *tally
	offered places // the candidates that the client is told
	fixed   bool   // the client has chosen the credentials of ICE

	// Set before it runs.
	ufrag, pwd string // of ICE, on this side
	name       string // of the session in the address of the resource: both ufrags
	offer      string // without its candidates
	pc         *webrtc.PeerConnection
	publisher  *stream.Publisher  // of one who publishes
	reader     *stream.Subscriber // of one who plays
	senders    []*outlet
	intake     atomic.Pointer[intake] // of one who publishes, once it runs

	tracks    chan beginning // of a publisher
	anew      atomic.Bool    // a player wants a key frame
	connected chan struct{}  // closed when media may go
	once      sync.Once

	amending sync.Mutex // guards what follows; held while ICE begins anew
	theirs   string     // the client's ufrag
	tag      string     // changes whenever ICE begins anew
	restarts int
}

// maxRestarts is how often ICE may begin anew in a session.
const maxRestarts = 1000

// newToken makes nine random letters and digits.
func newToken() string { return strings.ToLower(rand.Text()[:9]) }

// identify gives the session the name that it has in its address, and has its checks counted.
func (s *session) identify(offer, answer string) {
	s.offer, s.theirs, s.ufrag = offer, attribute(offer, "ice-ufrag"), attribute(answer, "ice-ufrag")
	s.name = s.ufrag + ":" + s.theirs
	s.server.lobby.watch(s.ufrag, s.contact)
}

// etag tells one generation of ICE from the next.
func (s *session) etag() string { return `"` + s.tag + `"` }

// hungUp ends a session whose connection over TCP has ended, where that is the one in use.
func (s *session) hungUp() {
	if c := s.describe(); strings.HasPrefix(c.Selected, "tcp") {
		s.cancel(errLeft)
	}
}

// beginning is a track of a publisher that begins.
type beginning struct {
	remote   *webrtc.TrackRemote
	receiver *webrtc.RTPReceiver
}

// over reports whether an error of reading is the end of what is read, and not of a packet that says nothing.
func (s *session) over(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) || s.ctx.Err() != nil
}

// damage tells what a publisher's packets have suffered, as far as frames are made of them.
func (s *session) damage() (d stream.Damage) {
	if in := s.intake.Load(); in != nil {
		in.mu.Lock()
		defer in.mu.Unlock()
		d = in.damage
	}
	return d
}

// watch has the session hear of its connection.
func (s *session) watch() {
	s.pc.SCTP().Transport().ICETransport().OnSelectedCandidatePairChange(s.contact.choose)
	s.pc.OnTrack(func(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		select {
		case s.tracks <- beginning{remote, receiver}:
		default: // more than are taken
		}
	})
	s.pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateConnected:
			s.once.Do(func() { close(s.connected) })
		case webrtc.PeerConnectionStateFailed:
			if closed(s.connected) {
				s.cancel(errGone)
			} else {
				s.cancel(s.stranded())
			}
		case webrtc.PeerConnectionStateClosed:
			if closed(s.connected) {
				s.cancel(errLeft)
			} else { // the library does that too
				s.cancel(s.stranded())
			}
		}
	})
}

// run serves the client to its end. The end of server is the end too.
func (s *session) run(server context.Context) {
	defer context.AfterFunc(server, func() { s.cancel(context.Cause(server)) })()
	err := stream.Guard("webrtc", s.serve)
	if cause := context.Cause(s.ctx); cause != nil {
		err = cause
	}
	last := s.describe()
	s.close(err)
	s.server.remember(s, last, err)
	s.report(err)
}

// serve waits for the connection, and has it do what it is for.
func (s *session) serve() error {
	timer := time.NewTimer(s.rules().RTC.StunTimeout)
	defer timer.Stop()
	select {
	case <-s.connected:
	case <-timer.C:
		return s.stranded()
	case <-s.ctx.Done():
		return nil
	}
	if s.publisher != nil {
		s.log.Info("publishing", "kind", kindPublish, "ip", s.remote, "stream", s.request.URL())
		return s.publish()
	}
	s.log.Info("playing", "ip", s.remote, "stream", s.request.URL())
	return s.play()
}

// close ends all that the session has.
func (s *session) close(err error) {
	s.cancel(err)
	if s.pc != nil {
		_ = s.pc.Close() // the library says why of what it does itself alone
	}
	if p := s.publisher; p != nil {
		if lost(err) {
			p.Lost(err)
		}
		p.End(unlessLeft(err))
	}
	if in := s.intake.Load(); in != nil {
		in.lane.Wait()
	}
	if r := s.reader; r != nil {
		r.End(unlessLeft(err))
	}
	s.server.o.Registry.Disconnect(s.request, time.Since(s.started), unlessLeft(err))
}

// lost reports whether a publisher may come back.
func lost(err error) bool {
	return errors.Is(err, errGone) || errors.Is(err, errLeft) || errors.Is(err, stream.ErrMute)
}

// report logs the end of the session, in one line with its cause.
func (s *session) report(err error) {
	args := []any{
		"ip", s.remote, "stream", s.request.URL(), "time", time.Since(s.started).Round(time.Millisecond),
		"received", s.traffic.Received.Load(), "sent", s.traffic.Sent.Load(),
	}
	stream.LogEnd(s.log, s.request.Kind, unlessLeft(err), stream.Quiet(err, stream.ErrReplaced), args...)
}

// unlessLeft is the cause of an end, nil where the client has gone.
func unlessLeft(err error) error {
	if errors.Is(err, errLeft) {
		return nil
	}
	return err
}
