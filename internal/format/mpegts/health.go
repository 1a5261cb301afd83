package mpegts

import "slices"

// Health says how well a transport stream comes. Numbers count from its beginning.
type Health struct {
	Packets         uint64 // of 188 bytes, all PIDs
	Discontinuities uint64 // gaps in the packets of the program
	Lost            uint64 // packets that are missing there, at the least
	Corrupt         uint64 // packets and tables that are damaged, and losses of sync
	Skipped         uint64 // bytes between packets
	Scrambled       uint64 // packets that are encrypted
	Damaged         uint64 // access units that are left out because a part of them is missing or broken
	Dropped         uint64 // pictures that are whole, but lean on one that is not there
	Unknown         uint64 // units of streams that no output can carry

	Tracks  []string // the streams that are read
	Others  []string // what those are that no output can carry, such as "SCTE-35"
	Problem string   // what keeps a stream from being read, for people; empty without one
}

// once returns names with one more, unless it is there.
func once(names []string, name string) []string {
	if slices.Contains(names, name) {
		return names
	}
	return append(slices.Clip(names), name) // a copy: readers may have the old one
}
