package audio

import "time"

const (
	// MaxSilence is how long a gap in the input may be to be filled with silence; a longer one, or a step
	// back, is a jump in the output's times. Opus that pauses (DTX) sends something each 400 ms.
	MaxSilence = 2 * time.Second

	// An error in the time of a frame is a gap, or a frame too many, if it is most of a frame; a smaller
	// one is an encoder's rounding or drift.
	leastGap = 8 * time.Millisecond
	mostGap  = 30 * time.Millisecond

	driftMemory = time.Second      // over which errors are averaged
	driftRest   = time.Millisecond // that may remain of their mean: times are rounded to it
	driftTime   = 5 * time.Second  // in which the rest is made good
	maxPull     = 0.005            // of the rate, at most: a twelfth of a semitone
)

// gapOf returns from which error on a frame of that length does not follow what was before it.
func gapOf(length time.Duration) time.Duration {
	return min(max(length*9/10, leastGap), mostGap)
}

// drift finds out how much faster or slower sound has to be played to keep to its times, since an
// encoder's sound card and its clock are two crystals.
type drift struct {
	mean float64 // error, ns
}

// follow takes how much later than expected a frame of that length is, and returns by which part the
// output has to be longer.
func (d *drift) follow(late, length time.Duration) float64 {
	d.mean += (float64(late) - d.mean) * min(1, float64(length)/float64(driftMemory))
	off := d.mean
	switch {
	case off > float64(driftRest):
		off -= float64(driftRest)
	case off < -float64(driftRest):
		off += float64(driftRest)
	default:
		return 0
	}
	return min(max(off/float64(driftTime), -maxPull), maxPull)
}

// span returns how long so many samples of output are, in ns.
func span(samples int64) int64 {
	const third = 3 * int64(time.Second) / outRate // a sample is a third of this
	return samples * third / 3
}
