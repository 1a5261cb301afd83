package flvpost

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"weir/internal/config"
	"weir/internal/fanout"
	"weir/internal/format/flv"
	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/transport"
)

// publish takes what the client sends to its end. It returns nil if that is the end of the body.
func (s *session) publish(ctx context.Context, cancel context.CancelCauseFunc) error {
	p, err := s.server.o.Registry.Publish(ctx, s.request)
	if err != nil {
		return refuseStream(err, s.request)
	}
	defer p.Close()
	if err := s.invite(); err != nil {
		p.Lost(err)
		return err
	}
	s.log.Info("publishing", "kind", s.request.Kind, "ip", s.remote, "stream", s.url)
	silence := transport.WatchSilence(func() *config.Publish { return &s.rules().Publish }, cancel)
	defer silence.Stop()
	from := newSource(s, silence)
	err = from.open()
	if err == nil {
		s.published = true
		_, err = media.Copy(p, from)
	}
	s.notes = from.notes(p)
	return s.settle(ctx, p, err)
}

// invite tells a client to send the body, if it waits for that.
func (s *session) invite() error {
	if !s.asks.ProtoAtLeast(1, 1) || !strings.EqualFold(s.asks.Header.Get("Expect"), "100-continue") {
		return nil
	}
	return s.send([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
}

// settle ends a publication, and returns why it has ended: nil where the body has.
func (s *session) settle(ctx context.Context, p *stream.Publisher, err error) error {
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, stream.ErrMute):
		err = cause
	case cause != nil: // we have ended it
		p.End(cause)
		return cause
	case errors.Is(err, flv.ErrNotFLV), errors.Is(err, flv.ErrMalformed):
		p.End(err)
		return refuseBody(err)
	case s.body.over && fanout.Left(err): // maybe inside a tag, as files that were cut off
		return p.Close()
	}
	p.Lost(err)
	return err
}

// source is the frames of a body, on the publisher's own time. It is for one goroutine.
type source struct {
	body    *body
	silence *transport.Silence
	reader  *flv.Reader
	demux   flv.Demux
	ready   media.Backlog // of one tag
}

func newSource(s *session, silence *transport.Silence) *source {
	arena := &media.Arena{}
	f := &source{body: s.body, silence: silence, reader: flv.NewReader(s.body)}
	f.reader.Alloc, f.reader.Strict = arena.Bytes, true
	f.demux = flv.Demux{Arena: arena, Log: s.log, Reading: transport.Reading(&s.rules().Publish)}
	return f
}

// open reads what comes before the first tag. A body that ends there is no FLV either.
func (f *source) open() error {
	_, _, err := f.reader.ReadHeader()
	if err != nil && f.body.over {
		return fmt.Errorf("%w: it ends within the header", flv.ErrNotFLV)
	}
	return err
}

// ReadFrame returns the next frame.
func (f *source) ReadFrame() (*media.Frame, error) {
	var one [1]*media.Frame
	_, err := f.ReadBatch(one[:])
	return one[0], err
}

// ReadBatch returns the frames of the next tag that has any.
func (f *source) ReadBatch(dst []*media.Frame) (int, error) {
	for len(f.ready) == 0 {
		if err := f.read(); err != nil {
			return 0, err
		}
	}
	return f.ready.Give(dst), nil
}

// read makes frames of the next tag.
func (f *source) read() error {
	tag, err := f.reader.ReadTag()
	if err != nil {
		return err
	}
	if f.body.wire.silence == nil { // until now it was the first that was waited for
		f.silence.Heard(media.Now())
		f.body.wire.silence = f.silence
	}
	if len(tag.Body) > 0 {
		f.ready = f.demux.Frames(f.ready, tag.Type, uint32(tag.Time.Milliseconds()), tag.Body)
	}
	return nil
}

// notes are what the log says of the publisher at its end.
func (f *source) notes(p *stream.Publisher) []any {
	n := []any{"frames", f.demux.Count()}
	if r := p.Repairs(); r != (media.Repairs{}) {
		n = append(n, "held", r.Order, "jumps", r.Jump, "skews", r.Skew)
	}
	return n
}

// refuseBody says what is wrong with a body.
func refuseBody(err error) *refusal {
	if errors.Is(err, flv.ErrNotFLV) {
		return &refusal{status: http.StatusUnsupportedMediaType, reason: "The body is not a stream in FLV.", err: err}
	}
	return &refusal{status: http.StatusBadRequest, reason: "The stream is damaged: what comes is no tag of FLV.", err: err}
}
