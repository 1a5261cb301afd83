package dash

import "time"

const (
	// maxDrift is by how much a publisher's clock and ours may come apart before the manifest follows.
	maxDrift = time.Second
	// driftEvery is how often that is looked at. Within it the chunk that came soonest counts: what is held up on
	// its way says nothing of clocks.
	driftEvery = 20 * time.Second
)

// drift finds out whether a stream's time goes faster or slower than ours.
type drift struct {
	begun, based bool
	since        time.Time
	low, base    time.Duration
}

// note takes by how much a chunk came behind its time, and returns by how much its clock has come apart from ours
// since the first time; zero while that is little.
func (d *drift) note(late time.Duration, now time.Time) time.Duration {
	if !d.begun {
		d.begun, d.since, d.low = true, now, late
	}
	d.low = min(d.low, late)
	if now.Sub(d.since) < driftEvery {
		return 0
	}
	low := d.low
	d.begun = false
	if !d.based {
		d.based, d.base = true, low
	}
	if by := low - d.base; by > maxDrift || by < -maxDrift {
		*d = drift{}
		return by
	}
	return 0
}
