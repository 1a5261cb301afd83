package relay

import "time"

// attemptMost is the longest time from one attempt to the next, for who is tried less and less often.
const attemptMost = 30 * time.Second

// backoff is the time from one attempt to the next: it grows while they fail, and is less than that by some chance, so that
// many who have failed at once do not come at once.
type backoff struct{ failed int }

// next returns it for one more failure. The first time it is attemptEvery.
func (b *backoff) next() time.Duration {
	d := min(attemptEvery<<min(b.failed, 8), attemptMost)
	if b.failed++; b.failed == 1 {
		return d
	}
	return sooner(d)
}

func (b *backoff) over() { b.failed = 0 }
