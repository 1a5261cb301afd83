package audio

import "time"

const (
	// MaxSilence is how long a gap in the input may be to be filled with silence; a longer one, or a step
	// back, is a jump in the output's times. Opus that pauses (DTX) sends something each 400 ms.
	MaxSilence = 2 * time.Second

	// A frame that is late by most of its length follows a gap; by less, an encoder has rounded or drifts.
	leastGap = 8 * time.Millisecond
	mostGap  = 30 * time.Millisecond

	// A frame that is early by this much has been sent before. By less, some encoders give several frames
	// one time.
	overlap = 60 * time.Millisecond

	driftMemory = time.Second      // over which errors are averaged
	peakMemory  = 5 * time.Second  // over which the latest frame is remembered
	driftRest   = time.Millisecond // that may remain of the mean: times are rounded to it
	driftTime   = 5 * time.Second  // in which the rest is made good
	maxPull     = 0.005            // of the rate, at most: a twelfth of a semitone
)

// gapOf returns how much of a frame of that length has to be missing for a gap.
func gapOf(length time.Duration) time.Duration {
	return min(max(length*9/10, leastGap), mostGap)
}

// drift finds out how much faster or slower sound has to be played to keep to its times, since an
// encoder's sound card and its clock are two crystals. Errors are in ns, and positive for frames that
// are later than expected.
type drift struct {
	mean float64
	peak float64 // the greatest of late
}

// missing returns how much sound is missing before a frame of that length, 0 if there is no gap. Being
// as late as others were is none.
func (d *drift) missing(late, length time.Duration) time.Duration {
	if m := late - time.Duration(max(d.peak, 0)); m >= gapOf(length) {
		return m
	}
	return 0
}

// follow takes the error of a frame of that length, and returns by which part the output has to be
// longer.
func (d *drift) follow(late, length time.Duration) float64 {
	d.mean += (float64(late) - d.mean) * min(1, float64(length)/float64(driftMemory))
	d.peak -= (d.peak - d.mean) * min(1, float64(length)/float64(peakMemory))
	d.peak = max(d.peak, float64(late))
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
