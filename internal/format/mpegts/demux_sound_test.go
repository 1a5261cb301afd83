package mpegts

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/asticode/go-astits"

	"weir/internal/codec/aac"
)

// elementaryStream writes PES packets as they are told, for what a mux does not do.
type elementaryStream struct {
	t   testing.TB
	b   bytes.Buffer
	mux *astits.Muxer
}

func newElementaryStream(t testing.TB, streams ...astits.PMTElementaryStream) *elementaryStream {
	s := &elementaryStream{t: t}
	s.mux = astits.NewMuxer(context.Background(), &s.b, astits.WithPMTPID(pidPMT), astits.MuxerOptTablesRetransmitPeriod(1<<60))
	for _, e := range streams {
		if err := s.mux.AddElementaryStream(e); err != nil {
			t.Fatal(err)
		}
	}
	s.mux.SetPCRPID(streams[0].ElementaryPID)
	return s
}

// pes writes a PES packet; a time below zero is left out.
func (s *elementaryStream) pes(pid uint16, id byte, pts int64, data []byte) {
	s.t.Helper()
	head := &astits.PESOptionalHeader{MarkerBits: 2, PTSDTSIndicator: astits.PTSDTSIndicatorOnlyPTS, PTS: &astits.ClockReference{Base: int64(wrap(pts))}}
	if pts < 0 {
		head.PTS, head.PTSDTSIndicator = nil, astits.PTSDTSIndicatorNoPTSOrDTS
	}
	_, err := s.mux.WriteData(&astits.MuxerData{PID: pid, PES: &astits.PESData{
		Header: &astits.PESHeader{OptionalHeader: head, StreamID: id}, Data: data,
	}})
	if err != nil {
		s.t.Fatal(err)
	}
}

func adtsFrame(t testing.TB, n int) []byte {
	b, ok := aac.Config{Type: aac.LC, Rate: 44100, Layout: 2}.AppendADTS(nil, n)
	if !ok {
		t.Fatal(n)
	}
	return append(b, slice(n)...)
}

// Frames of sound that lie across PES packets, packets without a time, and times that are counted.
func TestDemuxSoundInPieces(t *testing.T) {
	s := newElementaryStream(t, astits.PMTElementaryStream{ElementaryPID: 300, StreamType: astits.StreamTypeADTS})
	var all []byte
	const n = 200
	for i := range n {
		all = append(all, adtsFrame(t, 100+i)...)
	}
	r, first := all, true
	for len(r) > 0 {
		k := min(len(r), 777)
		pts := int64(-1)
		if first {
			pts = 5000
		}
		s.pes(300, idAudio, pts, r[:k])
		r, first = r[k:], false
	}
	list, h := take(t, s.b.Bytes(), DemuxOptions{})
	if len(list) != n || h.Damaged > 0 {
		t.Fatalf("%d frames, %+v", len(list), h)
	}
	for i, f := range list {
		if want := nanos(5000) + int64(i)*1024*1e9/44100; f.DTS != want && f.DTS != want-1 || len(f.Data()) != 100+i {
			t.Fatalf("frame %d: %d bytes at %d; want %d at %d", i, len(f.Data()), f.DTS, 100+i, want)
		}
	}
	for at := 8 * packetSize; at < s.b.Len(); at += packetSize { // and without any one packet
		b := append(slices.Clone(s.b.Bytes()[:at]), s.b.Bytes()[at+packetSize:]...)
		few, _ := take(t, b, DemuxOptions{})
		i := 0
		for _, f := range few {
			for i < len(list) && !bytes.Equal(list[i].Data(), f.Data()) {
				i++
			}
			if i == len(list) {
				t.Fatalf("without packet %d: a frame of %d bytes that was not sent", at/packetSize, len(f.Data()))
			}
		}
		if len(few) < n-20 {
			t.Fatalf("without packet %d: only %d frames", at/packetSize, len(few))
		}
	}
}

func TestDemuxADTSWithCheckSum(t *testing.T) {
	s := newElementaryStream(t, astits.PMTElementaryStream{ElementaryPID: 300, StreamType: astits.StreamTypeADTS})
	f := adtsFrame(t, 102)
	f[1] &^= 1 // two of the bytes are the sum
	s.pes(300, idAudio, 0, append(f, f...))
	list, h := take(t, s.b.Bytes(), DemuxOptions{})
	if len(list) != 2 || len(list[0].Data()) != 100 {
		t.Errorf("%d frames, %+v", len(list), h)
	}
}
