package mpegts

import (
	"testing"
	"time"

	"weir/internal/codec/nal"
	"weir/internal/media"
)

// second is a second of 2 Mbit/s: 25 pictures with a key picture, 43 frames of sound.
func second(l *media.Layout) []*media.Frame {
	var shots []shot
	for i := range int64(25) {
		n, first := 7800, byte(0x41)
		if i == 0 {
			n, first = 40000, 0x65
		}
		shots = append(shots, shot{0, i * 40, i * 40, i == 0, nal.Append(nil, slice(n, first))})
		for k := i * 43 / 25; k < (i+1)*43/25; k++ {
			shots = append(shots, shot{1, k * 23, k * 23, true, slice(370)})
		}
	}
	return frames(l, shots)
}

func BenchmarkSecond(b *testing.B) {
	l := &media.Layout{Tracks: []*media.Track{avcTrack(b), aacTrack()}}
	list := second(l)
	m, err := NewMux(l, both)
	if err != nil {
		b.Fatal(err)
	}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = m.AppendTables(dst[:0])
		for _, f := range list {
			dst, _ = m.AppendFrame(dst, f)
		}
	}
	b.ReportMetric(float64(len(dst)*8)/1e6, "Mbit")
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(time.Millisecond), "ms/media-s")
}

func BenchmarkDemuxSecond(b *testing.B) {
	const rounds = 16 // behind which all continuity counters are where they were
	l := &media.Layout{Tracks: []*media.Track{avcTrack(b), aacTrack()}}
	list := second(l)
	m, err := NewMux(l, both)
	if err != nil {
		b.Fatal(err)
	}
	var ts []byte
	for range rounds {
		ts, _ = m.AppendTables(ts)
		for _, f := range list {
			ts, _ = m.AppendFrame(ts, f)
			f.DTS, f.PTS = f.DTS+int64(time.Second), f.PTS+int64(time.Second)
		}
	}
	d := NewDemux(&endless{b: ts}, DemuxOptions{})
	dst := make([]*media.Frame, media.MaxBatch)
	b.SetBytes(int64(len(ts) / rounds))
	b.ReportAllocs()
	for b.Loop() {
		for n := 0; n < len(list); {
			k, err := d.ReadBatch(dst[:len(list)-n])
			if err != nil {
				b.Fatal(err)
			}
			n += k
		}
	}
	if h := d.Health(); h.Damaged+h.Lost > 0 {
		b.Fatal(h)
	}
	b.ReportMetric(float64(len(ts)*8)/rounds/1e6, "Mbit")
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(time.Millisecond), "ms/media-s")
}
