package mpegts

// Times of a transport stream are 33 bits that count 90,000 a second.
const (
	hz       = 90_000
	lead     = hz      // so that a clock that runs before a stream's first frame is not negative
	pcrEvery = hz / 25 // between two clock references; 100 ms is the most that is allowed
	pcrAhead = hz / 10 // how long before its decoding a frame has arrived at the latest
)

// clock returns ns on a stream's timeline as a time of its transport stream, not wrapped yet.
func clock(ns int64) int64 { return ticks(ns) + lead }

// ticks returns the nearest number of ticks: those of a transport stream that has come are the same again, however its
// times lie on the stream's timeline. Nothing is added up.
func ticks(ns int64) int64 {
	const num, den = 9, 100_000
	whole, part := ns/den, ns%den
	if part < 0 {
		whole, part = whole-1, part+den
	}
	return whole*num + (part*num+den/2)/den
}

// wrap cuts a time to its 33 bits.
func wrap(t int64) uint64 { return uint64(t) & (1<<33 - 1) }
