package rtmp

import (
	"cmp"
	"errors"
	"net"
	"time"

	"weir/internal/format/amf0"
)

// maxCommands is how many commands a client may send before it says what it wants.
const maxCommands = 64

// maxLength is the longest play that is cut short, in ms: a thousand years are none.
const maxLength = 1e12

var errCommands = errors.New("rtmp: client sends commands and neither publishes nor plays")

// wish is what a client wants.
type wish struct {
	publish  bool
	kind     string        // the API's name for such clients
	stream   string        // with its parameters
	length   time.Duration // of a play; 0 is without end
	announce bool          // it expects onFCPublish
}

// inquiry is what a client has said before it publishes or plays.
type inquiry struct {
	commands                 int
	connected                bool
	fmle, created, haivision bool
	name                     string // of the stream, as the commands before publish have it
}

// ask returns what the client wants, nil before it says so.
func (s *session) ask(c *command) (*wish, error) {
	if s.inquiry.connected {
		return s.identify(c)
	}
	return nil, s.accept(c)
}

// accept answers connect, which comes before all else that counts.
func (s *session) accept(c *command) (err error) {
	if c.name != "connect" {
		return nil
	}
	if s.connect, err = parseConnect(c); err != nil {
		s.part(resultError(c.tid, codeInvalidApp, "The connect command has no tcUrl."))
		return err
	}
	s.inquiry = inquiry{connected: true}
	return s.welcome()
}

// welcome answers connect with the settings of the vhost that its URL names.
func (s *session) welcome() error {
	t, err := parseLocator(s.connect.tcURL, "", "")
	if err != nil {
		s.part(resultError(s.connect.tid, codeInvalidApp, "The tcUrl cannot be understood."))
		return err
	}
	s.vhost = t.vhost
	var first []message
	chunk := s.chunk
	if v := s.rules.find(t.vhost); v != nil {
		if s.window == 0 {
			s.window = uint64(v.InAckSize)
		}
		if v.OutAckSize > 0 {
			first = append(first, controlMessage(windowAckSize, uint32(v.OutAckSize)))
		}
		chunk = v.ChunkSize
	}
	first = append(first, bandwidthMessage(peerBandwidth, limitDynamic))
	if chunk != s.chunk {
		first = append(first, controlMessage(setChunkSize, uint32(chunk)))
	}
	s.out.Queue(joinMessages(s.chunk, first...))
	s.chunk = chunk
	ip := addrOf(s.conn.LocalAddr()).String()
	return s.reply(
		connectResult(&s.connect, s.server.options.Product, s.id, ip, s.server.pid),
		commandMessage(commandChunk, 0, "onBWDone", 0, nil),
	)
}

// peerBandwidth is what everybody sends.
const peerBandwidth = 2500000

// resultError refuses a connect.
func resultError(tid float64, code, text string) message {
	return commandMessage(commandChunk, 0, "_error", tid, nil, statusInfo("error", code, text))
}

// identify returns what the client wants once it says so, nil before, and answers what it asks on
// the way.
func (s *session) identify(c *command) (*wish, error) {
	q := &s.inquiry
	switch c.name {
	case "releaseStream", "FCPublish", "FCUnpublish":
		q.haivision = q.haivision || q.created && c.name == "FCPublish"
		q.fmle = q.fmle || !q.created
		q.name = c.text(1)
		return nil, s.reply(resultMessage(0, c.tid, nil, amf0.Undefined{}))
	case "createStream":
		q.created = true
		return nil, s.reply(resultMessage(0, c.tid, nil, streamID))
	case "play":
		return &wish{
			kind: "rtmp-play", stream: c.text(1),
			length: playLength(c.number(3)),
		}, nil
	case "publish":
		w := &wish{publish: true, kind: "flash-publish", stream: cmp.Or(c.text(1), q.name)}
		if q.fmle {
			w.kind, w.announce = "fmle-publish", true
		} else if q.haivision {
			w.kind, w.announce = "haivision-publish", true
		}
		return w, nil
	}
	if q.created {
		return nil, nil
	}
	return nil, s.reply(resultMessage(0, c.tid, nil, nil))
}

// playLength makes a duration of what play asks for: no end where that is no sensible number.
func playLength(ms float64) time.Duration {
	if ms > 0 && ms < maxLength {
		return time.Duration(ms) * time.Millisecond
	}
	return 0
}

// immediate makes small writes leave at once, or lets the system gather them.
func immediate(conn net.Conn, on bool) {
	if c, ok := inside(conn).(interface{ SetNoDelay(bool) error }); ok {
		_ = c.SetNoDelay(on) // what cannot be set stays slower or dearer, and works
	}
}
