package rtmp

import (
	"context"
	"errors"
	"io"
	"time"

	"weir/internal/format/amf0"
	"weir/internal/format/flv"
	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/transport"
)

// publish serves a publisher until it ends. It returns nil if the client has stopped by itself
// and may start again.
func (s *session) publish(ctx context.Context, w wish, r *stream.Request) error {
	if w.announce {
		err := s.reply(commandMessage(statusChunk, streamID, "onFCPublish", 0, nil, publishStart()))
		if err != nil {
			return err
		}
	}
	p, err := s.server.options.Registry.Publish(ctx, r)
	if err != nil {
		return s.turnAwayStream(err, true, r)
	}
	defer p.Close()
	s.in.trust()
	s.src.done = ctx.Done()
	s.log.Info("publishing", "kind", r.Kind, "ip", s.remote, "stream", r.URL())
	if err := s.ingest(p); err != nil {
		if ctx.Err() != nil { // we have ended it
			p.End(context.Cause(ctx))
		}
		p.Lost(err)
		return err
	}
	s.log.Info("publisher stopped, and may start again", "stream", r.URL())
	return p.Close()
}

// ingest takes what the publisher sends. It returns nil if the publisher has stopped by itself;
// io.EOF is a connection that closed without a word.
func (s *session) ingest(p *stream.Publisher) error {
	err := s.reply(statusMessage("status", "NetStream.Publish.Start", "Started publishing stream.", asClient()))
	if err != nil {
		return err
	}
	s.settled()
	from := newIngest(s, p)
	_, err = media.Copy(p, from)
	s.notes = from.notes()
	if err == nil && !from.stopped {
		err = io.EOF
	}
	return err
}

// turnAwayStream tells the client what the registry or its gates said.
func (s *session) turnAwayStream(err error, publish bool, r *stream.Request) error {
	if moved, ok := errors.AsType[*stream.Moved](err); ok {
		s.sendTo(moved.URL)
		return err
	}
	return s.turnAway(refuseStream(err, publish, r))
}

func publishStart() amf0.Object {
	return amf0.Object{
		{Name: "code", Value: "NetStream.Publish.Start"},
		{Name: "description", Value: "Started publishing stream."},
	}
}

// liveliness is how long a publisher's frames are read as they come, before rests begin.
const liveliness = time.Second

// ingest is a publisher's media: it reads messages and gives frames, on the publisher's own
// time. It ends with io.EOF when the client stops publishing, and then stopped is set.
type ingest struct {
	// Set at construction.
	session   *session
	publisher *stream.Publisher

	// Owned by the reading goroutine.
	demux   flv.Demux
	stopped bool
	first   bool      // nothing has come yet
	since   time.Time // when the first frame came
	ready   media.Backlog
	end     error // comes behind the frames that are ready
}

func newIngest(s *session, p *stream.Publisher) *ingest {
	i := &ingest{session: s, publisher: p, first: true}
	arena := &media.Arena{}
	i.demux = flv.Demux{Arena: arena, Log: s.log, Reading: transport.Reading(&s.rules.current().Publish)}
	s.in.alloc = arena.Bytes
	s.src.until, s.src.rest = time.Time{}, i.rest
	return i
}

// rest is how long the publisher's socket may be left alone once all that came is read: for
// mr_latency if the rules want it, else for as long as nobody waits for frames.
func (i *ingest) rest() time.Duration {
	p := &i.session.rules.current().Publish
	switch {
	case i.since.IsZero():
		return 0
	case p.Mr:
		return p.MrLatency
	case time.Since(i.since) < liveliness:
		return 0
	}
	return i.publisher.Patience()
}

// ReadFrame returns the next frame.
func (i *ingest) ReadFrame() (*media.Frame, error) {
	var one [1]*media.Frame
	_, err := i.ReadBatch(one[:])
	return one[0], err
}

// ReadBatch returns the frames of all messages that have come, and waits until there are some.
func (i *ingest) ReadBatch(dst []*media.Frame) (int, error) {
	for len(i.ready) < len(dst) && i.end == nil {
		more, err := i.next()
		if i.end = err; more || err != nil {
			continue
		}
		if len(i.ready) > 0 {
			break
		}
		i.end = i.wait()
	}
	if len(i.ready) == 0 {
		return 0, i.end
	}
	return i.ready.Give(dst), nil
}

// wait waits for more bytes, for as long as the rules in force say.
func (i *ingest) wait() error {
	s := i.session
	v := s.rules.current()
	s.src.limit = v.Publish.NormalTimeout
	if i.first {
		s.src.limit = v.Publish.FirstpktTimeout
	}
	return late(s.in.wait(), "%w for %s", stream.ErrMute, s.src.limit)
}

// next takes the next message of those that have come, and reports whether there was one.
func (i *ingest) next() (bool, error) {
	m, ok, err := i.session.next()
	if !ok || err != nil {
		return false, err
	}
	i.first = false
	if m.kind == amf0Command || m.kind == amf3Command {
		return true, i.command(&m)
	}
	i.ready = i.demux.Frames(i.ready, flv.TagType(m.kind), m.time, m.body)
	if i.since.IsZero() && len(i.ready) > 0 {
		i.since = time.Now()
	}
	return true, nil
}

// command obeys what a publisher may ask.
func (i *ingest) command(m *message) error {
	c, err := parseCommand(m)
	if err != nil {
		i.demux.Once("a command that cannot be read", "cause", err)
		return nil
	}
	var unpublish bool
	switch c.name {
	case "releaseStream", "FCPublish", "FCUnpublish":
		unpublish = true
		err = i.session.reply(
			commandMessage(statusChunk, streamID, "onFCUnpublish", 0, nil, amf0.Object{
				{Name: "code", Value: codeUnpublish},
				{Name: "description", Value: "Stop publishing stream."},
			}),
			resultMessage(streamID, c.tid, nil, amf0.Undefined{}),
			statusMessage("status", codeUnpublish, "Stream is now unpublished", asClient()),
		)
	case "closeStream", "deleteStream":
		unpublish = true
	}
	if err == nil && unpublish {
		i.stopped = true
		err = io.EOF
	}
	return err
}

// notes are what the log says of the publisher at its end.
func (i *ingest) notes() []any {
	r := i.publisher.Repairs()
	n := []any{"frames", i.demux.Count()}
	if r != (media.Repairs{}) {
		n = append(n, "held", r.Order, "jumps", r.Jump, "skews", r.Skew)
	}
	return n
}
