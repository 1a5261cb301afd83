package fmp4

import (
	"github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/mp4"
)

// Sample is a frame in a fragment.
type Sample struct {
	Data     []byte // as media.Frame has it
	Duration uint32 // ticks
	Offset   int32  // ticks from its decoding to its presentation
	Key      bool
}

// Fragment returns the boxes moof and mdat of some samples, the first of which is decoded at a time in
// ticks. Seq rises from fragment to fragment of a stream, whichever the track. The data are copied.
func (t *Track) Fragment(seq uint32, at uint64, samples []Sample) ([]byte, error) {
	f, err := mp4.CreateFragment(seq, t.ID)
	if err != nil {
		return nil, err
	}
	trun := f.Moof.Traf.Trun
	trun.Samples = make([]mp4.Sample, 0, len(samples))
	f.Mdat.DataParts = make([][]byte, 0, len(samples))
	for i := range samples {
		s := &samples[i]
		flags := mp4.SyncSampleFlags
		if !s.Key {
			flags = mp4.NonSyncSampleFlags
		}
		trun.AddSample(mp4.NewSample(flags, s.Duration, uint32(len(s.Data)), s.Offset))
		f.Mdat.AddSampleDataPart(s.Data)
	}
	f.Moof.Traf.Tfdt.SetBaseMediaDecodeTime(at)
	f.Moof.Traf.Tfdt.Version = 1 // 64 bits from the first fragment on
	f.EncOptimize = mp4.OptimizeTrun
	if err := f.Moof.Traf.OptimizeTfhdTrun(); err != nil { // so that the size is that of what is written
		return nil, err
	}
	w := bits.NewFixedSliceWriter(int(f.Size()))
	if err := f.EncodeSW(w); err != nil {
		return nil, err
	}
	return w.Bytes(), nil
}
