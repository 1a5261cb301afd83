package transport

import (
	"cmp"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync/atomic"

	"weir/internal/config"
	"weir/internal/format/mpegts"
	"weir/internal/media"
	"weir/internal/stream"
)

// Cargo is the packets of transport streams, in a lane.
const Cargo stream.Cargo = "MPEG-TS"

// In is a transport stream that a peer sends: its packets go to the publisher's lane, for readers that take them as they
// came, and its frames to the stream. It is for one publication.
type In struct {
	// Set at construction.
	rules   func() *config.Vhost
	packets bool // and no frames
	demux   mpegts.DemuxOptions
	traffic *stream.Traffic

	reader atomic.Pointer[mpegts.Demux] // nil before Run, and where there are no frames
}

// NewIn returns a way in for the publisher that r names. Rules are those in force for its virtual host; what they say of
// frames and damage is kept from now on.
func NewIn(r *stream.Request, rules func() *config.Vhost) *In {
	v := rules()
	return &In{
		rules: rules, packets: !v.SRT.SrtToRtmp, traffic: r.Traffic,
		demux: mpegts.DemuxOptions{Program: programOf(r.Param), DropDamaged: v.SRT.DropDamaged},
	}
}

// Frames has frames made whatever the rules of SRT say: for protocols that are not SRT.
func (in *In) Frames() *In {
	in.packets = false
	return in
}

// Run takes what next gives to p until one of them ends: whole packets of a transport stream, which are valid until the
// following call. A peer that falls silent for longer than the rules allow is ended by cancel, which must end next. The
// error is io.EOF when next's was.
func (in *In) Run(p *stream.Publisher, next func() ([]byte, error), cancel context.CancelCauseFunc) error {
	silence := WatchSilence(func() *config.Publish { return &in.rules().Publish }, cancel)
	defer silence.Stop()
	from := &source{next: next, traffic: in.traffic, silence: silence, lane: p.Lane(Cargo, nil)}
	if in.packets {
		_, err := io.Copy(io.Discard, from)
		return cmp.Or(err, io.EOF)
	}
	d := mpegts.NewDemux(from, in.demux)
	in.reader.Store(d)
	_, err := media.Copy(p, d)
	return cmp.Or(err, io.EOF)
}

// Publish is Run, and then the end of p: a peer that drops out, or falls silent, is lost and may come back; what ends ctx
// ends p. It returns why it has ended, never nil.
func (in *In) Publish(ctx context.Context, cancel context.CancelCauseFunc, p *stream.Publisher, next func() ([]byte, error)) error {
	err := in.Run(p, next, cancel)
	if cause := context.Cause(ctx); cause != nil {
		if err = cause; !errors.Is(cause, stream.ErrMute) {
			p.End(cause)
		}
	}
	p.Lost(err) // without effect behind End
	return err
}

// Damage tells what the packets have suffered; it may be called from anywhere.
func (in *In) Damage() (d stream.Damage) {
	if demux := in.reader.Load(); demux != nil {
		h := demux.Health()
		d = stream.Damage{Gaps: h.Discontinuities, Lost: h.Lost, Damaged: h.Damaged, Dropped: h.Dropped, Others: h.Others, Problem: h.Problem}
	}
	return d
}

// Notes are what the log says of the stream at its end.
func (in *In) Notes() []any {
	demux := in.reader.Load()
	if demux == nil {
		return nil
	}
	h := demux.Health()
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

// programOf returns the program that a publisher wants to have read, of several; 0 is the first.
func programOf(param string) int {
	for part := range strings.SplitSeq(strings.TrimPrefix(param, "?"), "&") {
		if v, ok := strings.CutPrefix(part, "program="); ok {
			n, _ := strconv.ParseUint(v, 10, 16) // what is no number is none
			return int(n)
		}
	}
	return 0
}

// source is what a peer sends, as an io.Reader for one goroutine.
type source struct {
	next    func() ([]byte, error)
	traffic *stream.Traffic
	silence *Silence
	lane    *stream.Lane
	arena   media.Arena
	left    []byte // of the packet that is being read
}

// Read reads of what has come, and waits until there is something.
func (s *source) Read(b []byte) (n int, err error) {
	for len(s.left) == 0 {
		came, err := s.next()
		if err != nil {
			return 0, err
		}
		now := media.Now()
		s.silence.Heard(now)
		s.traffic.Received.Add(uint64(len(came)))
		s.left = s.arena.Bytes(len(came))
		copy(s.left, came)
		if err := s.lane.WritePacket(&media.Packet{At: now, Data: s.left}); err != nil {
			return 0, err
		}
	}
	n = copy(b, s.left)
	s.left = s.left[n:]
	return n, nil
}
