package webrtc

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pion/webrtc/v4"

	"weir/internal/stream"
)

const (
	maxFailed  = 64               // sessions without a connection that are remembered
	failedTime = 10 * time.Minute // for so long
	maxTheirs  = 32               // candidates of a client that are told
)

// noWay is why no connection has come about.
type noWay struct{ reason, next string }

func (e *noWay) Error() string { return errNoWay.Error() + ": " + e.reason + "; " + e.next }
func (e *noWay) Unwrap() error { return errNoWay }

// describe tells how the client is reached, or why not.
func (s *session) describe() stream.Contact {
	c := stream.Contact{ID: s.id, Kind: s.request.Kind, URL: s.request.URL(), Remote: s.remote, Began: s.started}
	refused := s.contact.fill(&c)
	c.DTLS, c.State = webrtc.DTLSTransportStateNew.String(), "waiting"
	if s.pc == nil {
		return c
	}
	c.DTLS = s.pc.SCTP().Transport().State().String()
	switch {
	case closed(s.connected):
		c.State = "connected"
		return c
	case c.Selected != "":
		c.State = "handshake"
	case c.Checks > 0:
		c.State = "checking"
	}
	c.Reason, c.Next = s.server.diagnose(&c, refused)
	return c
}

// diagnose says why there is no connection, and what to do.
func (v *Server) diagnose(c *stream.Contact, refused uint64) (reason, next string) {
	switch {
	case c.Checks == 0:
		return "no STUN request has reached " + v.ports(),
			"let it through to this server, in firewalls and containers (-p), and have rtc_server.candidate name an address at which clients reach it: this one was told " + strings.Join(c.Told, ", ")
	case refused == c.Checks:
		return "STUN requests came from " + from(c) + ", of a client that takes the part of the controlled side", "switch stun_strict_check off, or mend the client: it is to be ICE-controlling, as this server is ice-lite"
	case c.Answered == 0:
		return fmt.Sprintf("%d STUN requests came from %s, and none was in order", c.Checks, from(c)), "have the client use the answer to this offer: the password in its requests is another one"
	case c.Selected == "":
		return fmt.Sprintf("%d STUN requests came from %s and were answered, but the client has not chosen that way", c.Checks, from(c)), "let what this server sends from " + v.ports() + " through to the client: the answers seem to be lost"
	case c.DTLS == webrtc.DTLSTransportStateFailed.String() || c.DTLS == webrtc.DTLSTransportStateClosed.String():
		return "the handshake of DTLS has failed over " + c.Selected, "see that the fingerprint in the offer is that of the client's certificate: somebody else has come, or packets are damaged on the way"
	case c.Shakes == 0:
		return "the client has chosen " + c.Selected + ", and sent nothing of DTLS there", "look at the client: it is to begin with DTLS, unless dtls_role is active"
	default:
		return fmt.Sprintf("the client has chosen %s, and DTLS did not finish in %d of its packets", c.Selected, c.Shakes), "look for large packets that get lost (MTU), and whether the fingerprint in the offer is that of the client's certificate"
	}
}

// ports names where checks are expected.
func (v *Server) ports() string {
	var list []string
	if c := &v.o.Config().RTCServer; c.Protocol != "tcp" || v.tcp == nil {
		list = append(list, "UDP "+strconv.Itoa(v.sockets[0].LocalAddr().(*net.UDPAddr).Port))
	}
	if v.tcp != nil {
		list = append(list, "TCP "+strconv.Itoa(v.tcp.port))
	}
	return strings.Join(list, " or ")
}

func from(c *stream.Contact) string {
	var list []string
	for _, p := range c.Paths {
		list = append(list, p.From.String()+" ("+p.Protocol+")")
	}
	return strings.Join(list, ", ")
}

// stranded is the error of a session that has found no way.
func (s *session) stranded() error {
	c := s.describe()
	return &noWay{c.Reason, c.Next}
}

// remember keeps what is known of a session that has ended without a connection, for a while.
func (v *Server) remember(s *session, last stream.Contact, err error) {
	if closed(s.connected) || unlessLeft(err) == nil && last.Checks > 0 {
		return
	}
	last.Ended, last.State = time.Now(), "failed"
	if !errors.Is(err, errNoWay) {
		last.State, last.Reason, last.Next = "ended", "the session has ended before there was a connection: "+err.Error(), ""
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.failed) >= maxFailed {
		v.failed = slices.Delete(v.failed, 0, 1)
	}
	v.failed = append(v.failed, last)
}

// Contacts tells of all clients how they are reached, and of those that were not, for some minutes. It may be called from
// anywhere.
func (v *Server) Contacts() []stream.Contact {
	v.mu.Lock()
	sessions := make([]*session, 0, len(v.sessions))
	for _, s := range v.sessions {
		sessions = append(sessions, s)
	}
	var list []stream.Contact
	for _, c := range v.failed {
		if time.Since(c.Ended) < failedTime {
			list = append(list, c)
		}
	}
	v.mu.Unlock()
	for _, s := range sessions {
		list = append(list, s.describe())
	}
	slices.SortFunc(list, func(a, b stream.Contact) int { return a.Began.Compare(b.Began) })
	return list
}
