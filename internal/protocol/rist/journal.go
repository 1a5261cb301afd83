package rist

import (
	"time"

	"github.com/pion/rtcp"
)

// journal remembers the last sender reports, so that a report about one tells of the round trip (RFC 3550, 6.4.1).
type journal struct {
	list [16]spoken // 1.4 s of them
	n    int
}

type spoken struct {
	clock uint32 // the middle of its NTP time
	at    time.Duration
}

func (j *journal) add(clock uint64, at time.Duration) {
	j.list[j.n%len(j.list)] = spoken{middle(clock), at}
	j.n++
}

// roundTrip is the time since the report that r is about, less what r says that it took itself; 0 if that is not known.
func (j *journal) roundTrip(now time.Duration, r rtcp.ReceptionReport) time.Duration {
	for _, s := range j.list[:min(j.n, len(j.list))] {
		if s.clock == r.LastSenderReport && r.LastSenderReport != 0 {
			return now - s.at - fromSixteenths(r.Delay)
		}
	}
	return 0
}
