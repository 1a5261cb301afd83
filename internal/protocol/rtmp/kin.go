package rtmp

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"weir/internal/stream"
)

// codeNotFound refuses a stream that is not here.
const codeNotFound = "NetStream.Play.StreamNotFound"

// errGone ends a play by another process of this server when the publisher has ended: it would wait here for one that comes there.
var errGone = errors.New("the publisher has ended, and will not come back to this process")

// ServeKin is Serve for another process of this server, which plays what lends allows, and publishes nothing.
func (v *Server) ServeKin(ctx context.Context, conn net.Conn, lends func(*stream.Request) bool) {
	s := newSession(v, conn)
	s.lends, s.remote = lends, netip.AddrFrom4([4]byte{127, 0, 0, 1})
	v.serve(ctx, s)
}

// kin reports whether the client is another process of this server.
func (s *session) kin() bool { return s.lends != nil }

// lent is the request of another process of this server, or why it is refused.
func (s *session) lent(r *stream.Request) (*stream.Request, error) {
	r.Kin, r.Kind, r.Move = true, "upgrade", nil
	if !r.Viewer || !s.lends(r) {
		return nil, refuse(codeNotFound, "The stream %s is not published here.", r.URL())
	}
	return r, nil
}
