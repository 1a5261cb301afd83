package relay

// Count is what became of the packets of one direction. A packet that came in is, in the
// end, one of Passed, Lost, Filtered or Overflowed; the other fields say more of the passed.
type Count struct {
	Passed     Tally // sent on, copies included
	Lost       Tally
	Filtered   Tally // dropped by the rule of the test
	Overflowed Tally // dropped because Queue was full
	Reordered  Tally // overtaken by a later one
	Duplicated Tally // second copies
	Corrupted  Tally
}

// Tally is a number of packets and the bytes of payload in them.
type Tally struct {
	Packets, Bytes int
}

func (t *Tally) add(size int) {
	t.Packets++
	t.Bytes += size
}
