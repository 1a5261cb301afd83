package rist

import "github.com/pion/rtcp"

// run is packets in a row: first, and so many more after it.
type run struct {
	first uint16
	more  uint16
}

// appendRun adds a packet; the last run grows where it goes on.
func appendRun(runs []run, seq uint16) []run {
	if n := len(runs); n > 0 {
		last := &runs[n-1]
		if last.first+last.more+1 == seq && last.more < 1<<16-1 {
			last.more++
			return runs
		}
	}
	return append(runs, run{first: seq})
}

// runsOf gives packets in as few runs as their order allows.
func runsOf(seqs []uint16) (runs []run) {
	for _, seq := range seqs {
		runs = appendRun(runs, seq)
	}
	return runs
}

// runsOfPairs gives what a generic NACK asks for.
func runsOfPairs(pairs []rtcp.NackPair) (runs []run) {
	for i := range pairs {
		pairs[i].Range(func(seq uint16) bool {
			runs = appendRun(runs, seq)
			return true
		})
	}
	return runs
}
