package boxes

import (
	"slices"

	"github.com/Eyevinn/mp4ff/mp4"
)

// fragment is a moof and its mdat. Positions are counted from the segment's first byte.
type fragment struct {
	*checker
	where    string
	moof     *mp4.MoofBox
	at       uint64
	from, to uint64 // the inside of the mdat
	runs     []span
}

type span struct{ from, to uint64 }

func (f *fragment) tell(format string, args ...any) {
	f.bad("%s: "+format, append([]any{f.where}, args...)...)
}

// check looks at one; first are the tracks that have been in its segment.
func (f *fragment) check(first map[uint32]bool) {
	if f.moof.Mfhd == nil {
		f.tell("no mfhd")
	} else {
		if n := f.moof.Mfhd.SequenceNumber; f.begun && n <= f.sequence {
			f.tell("sequence number %d behind %d", n, f.sequence)
		}
		f.sequence, f.begun = f.moof.Mfhd.SequenceNumber, true
	}
	if len(f.moof.Trafs) == 0 {
		f.tell("no traf")
	}
	seen := map[uint32]bool{}
	for _, traf := range f.moof.Trafs {
		if traf.Tfhd == nil || traf.Tfdt == nil {
			f.tell("a traf without tfhd or tfdt")
			continue
		}
		id := traf.Tfhd.TrackID
		t := f.tracks[id]
		if t == nil {
			f.tell("track %d is not in the initialization segment", id)
			continue
		}
		if seen[id] {
			f.tell("track %d has two traf", id)
		}
		seen[id] = true
		f.traf(t, traf, !first[id])
		first[id] = true
	}
	f.data()
}

func (f *fragment) traf(t *Track, traf *mp4.TrafBox, first bool) {
	if !traf.Tfhd.DefaultBaseIfMoof() || traf.Tfhd.HasBaseDataOffset() {
		f.tell("track %d: offsets are not from the moof", t.ID)
	}
	if traf.Tfdt.Version != 1 && !t.short {
		t.short = true // said once
		f.tell("track %d: tfdt of version %d", t.ID, traf.Tfdt.Version)
	}
	at := traf.Tfdt.BaseMediaDecodeTime()
	if t.Samples > 0 && at != t.End {
		f.tell("track %d: starts at %d, and the fragment before ends at %d", t.ID, at, t.End)
	}
	if t.Samples == 0 {
		t.First = at
	}
	count := 0
	for i, trun := range traf.Truns {
		trun.AddSampleDefaultValues(traf.Tfhd, t.trex)
		if i == 0 && len(trun.Samples) > 0 && first && t.Kind == "vide" && !mp4.IsSyncSampleFlags(trun.Samples[0].Flags) {
			f.tell("track %d: the segment does not begin with a sync sample", t.ID)
		}
		var size uint64
		for j := range trun.Samples {
			s := &trun.Samples[j]
			if s.Dur == 0 {
				f.tell("track %d: sample %d has no duration", t.ID, count+j)
			}
			t.Last, at = at, at+uint64(s.Dur)
			size += uint64(s.Size)
		}
		count += len(trun.Samples)
		f.run(t, trun, size)
	}
	if count == 0 {
		f.tell("track %d: no samples", t.ID)
	}
	t.Samples += count
	t.End = at
}

// run notes where the samples of a trun are.
func (f *fragment) run(t *Track, trun *mp4.TrunBox, size uint64) {
	if !trun.HasDataOffset() {
		f.tell("track %d: a trun without data offset", t.ID)
		return
	}
	from := f.at + uint64(int64(trun.DataOffset))
	if from < f.from || from+size > f.to || from+size < from {
		f.tell("track %d: samples from %d to %d, and the mdat is from %d to %d", t.ID, from, from+size, f.from, f.to)
	}
	f.runs = append(f.runs, span{from, from + size})
}

// data checks that the samples fill the mdat.
func (f *fragment) data() {
	slices.SortFunc(f.runs, func(a, b span) int { return int(int64(a.from - b.from)) })
	at := f.from
	for _, r := range f.runs {
		if r.from != at {
			f.tell("samples end at %d and the next begin at %d", at, r.from)
		}
		at = r.to
	}
	if at != f.to {
		f.tell("samples end at %d, and the mdat at %d", at, f.to)
	}
}
