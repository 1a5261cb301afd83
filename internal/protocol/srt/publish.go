package srt

import (
	"context"
	"errors"
	"io"

	"github.com/datarhei/gosrt"
	"github.com/datarhei/gosrt/packet"

	"weir/internal/stream"
)

// publish takes what the client sends until it leaves, or ctx ends.
func (s *session) publish(ctx, asking context.Context, cancel context.CancelCauseFunc, req srt.ConnRequest) error {
	p, err := s.server.o.Registry.Publish(asking, s.request)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := p.Ready(asking); err != nil {
		return err
	}
	stop, err := s.accept(ctx, req)
	if err != nil {
		return err
	}
	defer stop()
	s.log.Info("publishing", "kind", s.request.Kind, "ip", s.remote, "stream", s.url)
	return s.ingest(ctx, cancel, p)
}

// ingest takes what comes over the connection to p, and ends it.
func (s *session) ingest(ctx context.Context, cancel context.CancelCauseFunc, p *stream.Publisher) error {
	err := s.in.Run(p, (&source{conn: s.conn}).next, cancel)
	s.notes = s.in.Notes()
	if cause := context.Cause(ctx); errors.Is(cause, stream.ErrMute) {
		err = cause
	} else if cause != nil { // we have ended it
		p.End(cause)
	}
	p.Lost(err) // SRT does not say whether a client that goes means to
	return err
}

// source is the packets that a publisher sends, for one goroutine. Its end is io.EOF.
type source struct {
	conn   srt.Conn
	packet packet.Packet // the one that is being read; nil: none
}

// next returns the next packet's payload, which is valid until the next call.
func (s *source) next() ([]byte, error) {
	if s.packet != nil {
		s.packet.Decommission()
		s.packet = nil
	}
	p, err := s.conn.ReadPacket()
	if err != nil {
		return nil, io.EOF
	}
	s.packet = p
	return p.Data(), nil
}
