package stream

// Damage is what the packets of a publisher have suffered on their way, where they may get lost. Numbers count from its
// beginning.
type Damage struct {
	Gaps    uint64   // places at which packets are missing
	Lost    uint64   // packets that are, at the least
	Damaged uint64   // pictures and sounds that are left out because a part of them is missing
	Dropped uint64   // whole ones that are left out because they lean on one of these
	Others  []string // what came that no output can carry
	Problem string   // what keeps it from being read; empty without one
}
