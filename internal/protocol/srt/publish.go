package srt

import (
	"context"
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
	stop, err := s.accept(ctx, req)
	if err != nil {
		return err
	}
	defer stop()
	s.log.Info("publishing", "kind", s.request.Kind, "ip", s.remote, "stream", s.url)
	return s.ingest(ctx, cancel, p)
}

// ingest takes what comes over the connection to p, and ends it. SRT does not say whether a client that goes means to.
func (s *session) ingest(ctx context.Context, cancel context.CancelCauseFunc, p *stream.Publisher) error {
	err := s.in.Publish(ctx, cancel, p, (&source{conn: s.conn}).next)
	s.notes = s.in.Notes()
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
