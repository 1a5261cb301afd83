package srt

import (
	"cmp"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/datarhei/gosrt"

	"weir/internal/config"
	"weir/internal/format/mpegts"
	"weir/internal/media"
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
	err = s.ingest(cancel, p)
	if cause := context.Cause(ctx); errors.Is(cause, stream.ErrMute) {
		err = cause
	} else if cause != nil { // we have ended it
		p.End(cause)
	}
	p.Lost(err)
	return err
}

// ingest makes frames of what comes, and passes the packets on to SRT players; these alone where the rules say so.
func (s *session) ingest(cancel context.CancelCauseFunc, p *stream.Publisher) error {
	was := s.server.o.Config().Vhost(s.vhost)
	silence := watchSilence(func() *config.Publish { return &s.rules(was).Publish }, cancel)
	defer silence.stop()
	from := &source{conn: s.conn, traffic: s.traffic, silence: silence, lane: p.Lane(nil)}
	if !was.SRT.SrtToRtmp {
		_, err := io.Copy(io.Discard, from)
		return cmp.Or(err, io.EOF)
	}
	d := mpegts.NewDemux(from, mpegts.DemuxOptions{Program: programOf(s.request.Param), DropDamaged: was.SRT.DropDamaged})
	s.demux.Store(d)
	_, err := media.Copy(p, d)
	s.notes = notes(d.Health())
	if err == nil {
		return io.EOF // the client has gone: SRT does not say whether it meant to
	}
	return err
}

// programOf returns the program that a publisher wants to have read, of several; 0 is the first.
func programOf(param string) int {
	for part := range strings.SplitSeq(param, "&") {
		if v, ok := strings.CutPrefix(part, "program="); ok {
			n, _ := strconv.ParseUint(v, 10, 16) // what is no number is none
			return int(n)
		}
	}
	return 0
}

// notes are what the log says of a publisher at its end.
func notes(h mpegts.Health) []any {
	n := []any{"packets", h.Packets}
	for _, c := range []struct {
		name  string
		count uint64
	}{{"gaps", h.Discontinuities}, {"damaged", h.Damaged}, {"dropped", h.Dropped}, {"corrupt", h.Corrupt}, {"scrambled", h.Scrambled}, {"unknown", h.Unknown}} {
		if c.count > 0 {
			n = append(n, c.name, c.count)
		}
	}
	if len(h.Others) > 0 {
		n = append(n, "not_carried", strings.Join(h.Others, ", "))
	}
	if h.Problem != "" {
		n = append(n, "problem", h.Problem)
	}
	return n
}
