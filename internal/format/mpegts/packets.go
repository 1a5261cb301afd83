package mpegts

import (
	"context"
	"reflect"

	"github.com/asticode/go-astits"

	"weir/internal/media"
)

// packets writes tables and access units as packets of 188 bytes.
type packets struct {
	mux    *astits.Muxer
	out    sink
	there  map[uint16]astits.PMTElementaryStream // by PID
	broken map[uint16]bool                       // the continuity counter starts anew with the next packet
}

// sink takes what a muxer writes into memory of the caller.
type sink struct{ b []byte }

func (s *sink) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), nil
}

// never is a period after which tables come again by themselves: there are key frames for that.
const never = 1 << 60

func newPackets() *packets {
	p := &packets{there: map[uint16]astits.PMTElementaryStream{}, broken: map[uint16]bool{}}
	p.mux = astits.NewMuxer(context.Background(), &p.out, astits.WithPMTPID(pidPMT), astits.MuxerOptTablesRetransmitPeriod(never))
	return p
}

// carry puts these tracks into the tables, instead of those before.
func (p *packets) carry(video, audio *track) {
	wanted := map[uint16]astits.PMTElementaryStream{}
	for _, t := range [...]*track{video, audio} {
		if t != nil {
			wanted[t.pid] = t.codec.stream(t.pid)
		}
	}
	for _, pid := range [...]uint16{pidVideo, pidAudio} {
		was, had := p.there[pid]
		is, has := wanted[pid]
		if had == has && reflect.DeepEqual(was, is) {
			continue
		}
		if had {
			_ = p.mux.RemoveElementaryStream(pid) // it is there
			p.broken[pid] = true
		}
		if has {
			_ = p.mux.AddElementaryStream(is) // it is not
		}
	}
	p.there = wanted
	if video != nil {
		p.mux.SetPCRPID(pidVideo)
	} else {
		p.mux.SetPCRPID(pidAudio)
	}
}

func (p *packets) tables(dst []byte) ([]byte, error) {
	p.out.b = dst
	_, err := p.mux.WriteTables()
	return p.taken(), err
}

// unit is one access unit on its way.
type unit struct {
	track    *track
	key      bool // of video: tables go before it
	clock    bool // a clock reference goes with it
	pts, dts int64
	bytes    []byte
}

func (p *packets) unit(dst []byte, u *unit) ([]byte, error) {
	p.out.b = dst
	head := &astits.PESOptionalHeader{
		MarkerBits: 2, PTSDTSIndicator: astits.PTSDTSIndicatorOnlyPTS, PTS: reference(u.pts),
		DataAlignmentIndicator: true,
	}
	if u.dts != u.pts {
		head.PTSDTSIndicator, head.DTS = astits.PTSDTSIndicatorBothPresent, reference(u.dts)
	}
	_, err := p.mux.WriteData(&astits.MuxerData{
		PID: u.track.pid, AdaptationField: p.adaptation(u),
		PES: &astits.PESData{Header: &astits.PESHeader{OptionalHeader: head, StreamID: u.track.codec.streamID}, Data: u.bytes},
	})
	return p.taken(), err
}

func (p *packets) adaptation(u *unit) *astits.PacketAdaptationField {
	pid := u.track.pid
	key := u.key && u.track.kind == media.Video
	if !key && !u.clock && !p.broken[pid] {
		return nil
	}
	a := &astits.PacketAdaptationField{RandomAccessIndicator: key, DiscontinuityIndicator: p.broken[pid]}
	delete(p.broken, pid)
	if u.clock {
		a.HasPCR, a.PCR = true, reference(u.dts-pcrAhead)
	}
	return a
}

// taken returns what has been written, which is the caller's.
func (p *packets) taken() []byte {
	b := p.out.b
	p.out.b = nil
	return b
}

func reference(t int64) *astits.ClockReference { return &astits.ClockReference{Base: int64(wrap(t))} }
