package rtmp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"weir/internal/fanout"
	"weir/internal/stream"
)

const (
	// identifyTime is how long a client may take from the first byte to publish or play.
	identifyTime = 30 * time.Second
	// returnTime is how long one that has stopped may take to publish or play again.
	returnTime = 180 * time.Second
	// farewellTime is how long a client that is sent away may take to hear why.
	farewellTime = time.Second
	maxFarewell  = 4 << 20 // bytes that it may send meanwhile
	// movedTime is how long one that is sent elsewhere may take to say that it goes there.
	movedTime = 3 * time.Second
)

// errSilent ends a client that does not say what it wants.
var errSilent = errors.New("client neither publishes nor plays")

// session is one client: the handshake, the connect, and then as often as it likes a stream
// that it publishes or plays.
type session struct {
	// Set at construction.
	server  *Server
	conn    net.Conn
	id      string
	remote  netip.Addr
	log     *slog.Logger
	started time.Time
	life    life
	traffic *stream.Traffic
	src     *source
	input   *input
	in      *chunkReader
	out     fanout.Outbox
	rules   rules
	lends   func(*stream.Request) bool // for another process of this server: see ServeKin; nil for clients

	moved atomic.Bool // it has been asked to go elsewhere

	// Owned by run.
	connect  connect
	inquiry  inquiry
	playing  *playing        // nil while it does not play
	vhost    string          // as the client named it when it connected
	visit    *stream.Request // as which it is connected; nil before
	past     stream.Traffic  // of the streams before the one that traffic counts
	chunk    int             // our chunk size
	window   uint64          // the peer wants an acknowledgement each half of so many bytes
	acked    uint64          // bytes told
	what     string          // what it did, for the log
	stranger bool            // it has not said what it wants: a port scan, a browser
	url      string          // of the stream, for the log
	notes    []any           // what the log says beside, at the end
}

func newSession(v *Server, conn net.Conn) *session {
	id := stream.NewID()
	s := &session{
		server: v, conn: conn, id: id, started: time.Now(),
		log:     v.options.Log.With("cid", id),
		traffic: &stream.Traffic{},
		chunk:   defaultChunkSize,
		what:    "connection", stranger: true,
		rules: rules{get: v.options.Config},
	}
	s.life.hangUp = s.hangUp
	s.remote = addrOf(conn.RemoteAddr())
	s.src, s.input = newSource(conn, s.traffic, &v.rooms)
	s.out.Conn, s.out.Traffic = conn, s.traffic
	if inside(conn) != conn {
		s.out.Write = v.secure
	}
	return s
}

func addrOf(a net.Addr) netip.Addr {
	if a == nil {
		return netip.Addr{}
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}

// run serves the client to its end. An idle client waits here, with little on the stack.
func (s *session) run(ctx context.Context) error {
	defer s.abandon()
	err := s.greet()
	for err == nil {
		if err = s.obey(ctx); err != nil {
			break
		}
		if err = s.in.wait(); err != nil {
			err = late(err, "%w", errSilent)
		}
	}
	return s.halt(err)
}

// cancel ends the session from anywhere, for a cause; the first one stays.
func (s *session) cancel(cause error) { s.life.cancel(cause) }

// greet sees to it that the client speaks RTMP, and shakes hands.
func (s *session) greet() error {
	s.src.until = s.started.Add(identifyTime)
	_ = s.conn.SetWriteDeadline(s.src.until) // of the handshake; if it fails, so does that
	if err := s.recognize(); err != nil {
		return err
	}
	proxied, err := acceptHandshake(struct {
		io.Reader
		io.Writer
	}{s.input, s.conn})
	if err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	s.traffic.Sent.Add(1 + 2*packetSize)
	if proxied.IsValid() {
		s.log.Info("client says that it is behind a proxy", "ip", s.remote, "client", proxied)
	}
	s.in = newChunkReader(s.input, nil)
	return nil
}

// obey does what the commands ask that have come, and returns when there are no more. A client
// that publishes has all it sends taken here; one that plays is only started.
func (s *session) obey(ctx context.Context) error {
	for {
		m, ok, err := s.next()
		if !ok || err != nil {
			return err
		}
		if m.kind != amf0Command && m.kind != amf3Command {
			continue
		}
		c, err := parseCommand(&m)
		if err != nil {
			return err
		}
		if s.playing != nil {
			err = s.control(&c)
		} else {
			err = s.listen(ctx, &c)
		}
		if err != nil {
			return err
		}
	}
}

// listen takes a command of a client who neither publishes nor plays yet.
func (s *session) listen(ctx context.Context, c *command) error {
	s.inquiry.commands++
	if err := s.heed(ctx, c); err != nil {
		return err
	}
	w, err := s.ask(c)
	switch {
	case err != nil:
		return err
	case w == nil && s.inquiry.commands == maxCommands:
		return errCommands
	case w == nil:
		return nil
	}
	s.stranger = false
	if err := s.serve(ctx, *w); err != nil {
		return err
	}
	if s.playing == nil {
		s.again()
	}
	return nil
}

// again lets a client that has stopped say anew what it wants.
func (s *session) again() {
	s.inquiry = inquiry{connected: true}
	s.src.rest, s.src.limit, s.src.until = nil, 0, time.Now().Add(returnTime)
	s.recount()
}

// recount begins a new count of traffic: each stream gets its own.
func (s *session) recount() {
	s.past.Received.Add(s.traffic.Received.Load())
	s.past.Sent.Add(s.traffic.Sent.Load())
	s.traffic = &stream.Traffic{}
	s.src.traffic = s.traffic
	s.out.Count(s.traffic)
}

// serve lets the client publish, to its end, or starts to play. It returns nil if the client has
// stopped by itself and may start again.
func (s *session) serve(ctx context.Context, w wish) error {
	r, err := s.request(w)
	if err != nil {
		return s.turnAway(err)
	}
	s.what, s.url = r.Kind, r.URL()
	if err := s.arrive(ctx, r); err != nil {
		return s.turnAwayStream(err, w.publish, r)
	}
	if w.publish {
		return s.publish(ctx, w, r)
	}
	return s.play(ctx, w, r)
}

// request names the stream and the session to the registry.
func (s *session) request(w wish) (*stream.Request, error) {
	t, err := parseLocator(s.connect.tcURL, w.stream, s.vhost)
	if err != nil {
		return nil, refuse(codeInvalidApp, "The address %q cannot be understood.", s.connect.tcURL)
	}
	v := s.rules.find(t.vhost)
	if v == nil {
		return nil, refuse(codeRejected, "The virtual host %q is not served here: it is not in the configuration, and neither is a default one.", t.vhost)
	}
	if !v.Enabled {
		return nil, refuse(codeRejected, "The virtual host %q is switched off.", v.Name)
	}
	if t.stream == "" {
		code := codePlayFailed
		if w.publish {
			code = codeBadName
		}
		return nil, refuse(code, "The address has no stream name: use rtmp://server/app/stream, or enter a stream key.")
	}
	r := &stream.Request{
		ID: s.id, Kind: w.kind, Remote: s.remote,
		Vhost: v.Name, App: t.app, Stream: plain(t.stream), Name: t.stream, Param: t.param,
		TCURL: s.connect.tcURL, PageURL: s.connect.pageURL, SWFURL: s.connect.swfURL,
		Via: serversOf(s.connect.args, viaName), Laps: serversOf(s.connect.args, lapsName), Args: s.connect.args,
		Viewer: !w.publish, Wait: true, Notice: true,
		Kick: s.cancel, Move: s.mover(), Link: fanout.LinkOf(s.conn), Traffic: s.traffic,
	}
	if s.kin() {
		return s.lent(r)
	}
	return r, nil
}

// next returns the next message of those that have come; it is not ok if there is none.
// Acknowledgements and pings are answered here and not returned.
func (s *session) next() (message, bool, error) {
	for {
		m, ok, err := s.in.next()
		if !ok || err != nil {
			return message{}, false, err
		}
		if err := s.acknowledge(); err != nil {
			return message{}, false, err
		}
		switch m.kind {
		case windowAckSize:
			if v, err := parseControl(&m); err == nil && v > 0 {
				s.window = uint64(v)
			}
		case userControl:
			if e, err := parseEvent(&m); err == nil && e.kind == eventPingRequest {
				if err := s.reply(eventMessage(eventPingResponse, e.value)); err != nil {
					return message{}, false, err
				}
			}
		case ack, setPeerBandwidth, amf0SharedObject, amf3SharedObject:
		default:
			if len(m.body) > 0 {
				return m, true, nil
			}
		}
	}
}

// acknowledge tells the peer what has come, if it wants to know. Spec: Adobe RTMP 1.0, 5.4.3.
func (s *session) acknowledge() error {
	if s.window == 0 || s.in.consumed-s.acked < s.window/2 {
		return nil
	}
	s.acked = s.in.consumed
	return s.reply(controlMessage(ack, uint32(s.acked)))
}

func (s *session) reply(messages ...message) error {
	return s.out.Reply(joinMessages(s.chunk, messages...))
}

// turnAway tells the client why it is refused; the connection is closed then.
func (s *session) turnAway(err error) error {
	if r, ok := errors.AsType[*refusal](err); ok {
		s.part(r.message())
	}
	return err
}

// part sends the last reply.
func (s *session) part(m message) {
	if s.reply(m) == nil { // else it has left already
		linger(s.conn)
	}
}

// sendTo sends the client elsewhere. Some say by a call that they go; whatever it is, it is the end.
func (s *session) sendTo(to string) {
	if s.reply(movedMessage(to)) != nil {
		return // it has left already
	}
	s.src.rest, s.src.limit, s.src.until = nil, 0, time.Now().Add(movedTime)
	for end := s.in.consumed + maxFarewell; s.in.consumed < end; {
		m, ok, err := s.next()
		if err == nil && !ok {
			err = s.in.wait()
		}
		if err != nil || ok && (m.kind == amf0Command || m.kind == amf3Command) {
			break
		}
	}
	_ = closeWrite(s.conn) // it is closed next
}

// linger lets the last reply arrive: a socket closed with unread input resets the connection,
// and the peer may lose what it has not read yet.
func linger(conn net.Conn) {
	if closeWrite(conn) == nil {
		_ = conn.SetReadDeadline(time.Now().Add(farewellTime))
		_, _ = io.CopyN(io.Discard, conn, maxFarewell) // until it has closed, or long enough
	}
}

// hangUp ends the connection's reading and writing. A client that ended by itself, or whom
// nobody has anything to tell, is closed; another is told why, and is Serve's to close.
func (s *session) hangUp(cause error) {
	last := farewell(cause)
	if len(last) == 0 {
		shut(s.conn, s.out.Broken())
		return
	}
	s.src.end()
	s.out.Finish(farewellTime, joinMessages(s.chunk, last...))
}

// farewell words a session's end for the client; nil where it needs no words.
func farewell(cause error) []message {
	var r *refusal
	switch {
	case errors.Is(cause, stream.ErrKicked):
		r = refuse(codeClosed, "The operator of the server has closed this connection.")
	case errors.Is(cause, stream.ErrEnding):
		r = refuse(codeClosed, "The server is about to end: connect again.")
	case errors.Is(cause, stream.ErrReplaced):
		r = refuse(codeBadName, "Another publisher has taken over this stream.")
	case errors.Is(cause, stream.ErrIdle):
		r = refuse(codeClosed, "Nobody has been watching this stream for a while.")
	case errors.Is(cause, stream.ErrMute):
		r = refuse(codeClosed, "The server has received nothing for too long, and ends the stream.")
	case errors.Is(cause, errGone):
		return unpublishedMessages()
	case errors.Is(cause, errComplete):
		return []message{
			statusMessage("status", "NetStream.Play.Stop", "Stopped playing stream."),
			eventMessage(eventStreamEOF, streamID),
		}
	default:
		return nil
	}
	return []message{r.message()}
}

// late words a read that ran into its deadline.
func late(err error, format string, args ...any) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf(format, args...)
	}
	return err
}
