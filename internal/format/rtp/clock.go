package rtp

import "time"

// How a Clock follows.
const (
	bucket     = int64(time.Second / 2)        // of arrivals, of which the earliest counts
	settleTime = int64(2 * time.Second)        // of a stream, in which tracks are brought together faster
	settleRate = 20                            // the inverse: 50 ms a second
	slewRate   = 200                           // 5 ms a second
	maxError   = int64(200 * time.Millisecond) // that is not slewed, but corrected at once
	slack      = int64(10 * time.Millisecond)  // by which arrivals may differ
	maxLeap    = int64(5 * time.Second)        // of times against arrivals; more is another clock
	maxAway    = int64(5 * time.Second)        // without a packet of the track that leads
	maxDelay   = int64(10 * time.Second)       // between tracks, that a report may tell
	maxWander  = int64(100 * time.Millisecond) // of wall clock and RTP clock between two reports
	trustAfter = 2                             // reports, behind one that told of another clock
)

// Clock puts the RTP times of several tracks on one timeline in ns. The first track leads: its own
// clock is that of the stream. The others follow, by their packets' arrivals first, and by the
// sender's reports as soon as both have one; they are slewed, so that no step is seen. A zero Clock is
// ready. It starts near the arrival of the first packet.
type Clock struct {
	tracks  []rtpClock
	lead    int
	led     bool
	started int64 // arrival of the first packet

	Corrections uint64 // errors that were too long to be slewed
	Resets      uint64 // clocks of a track that began anew
}

type rtpClock struct {
	rate   int64
	begun  bool  // a packet has come
	known  bool  // ticks is set
	ticks  int64 // unwrapped, of the newest packet
	last   int64 // the same in ns
	at     int64 // when it arrived
	offset int64 // the stream's time minus the track's
	slewed int64 // the newest time up to which offset has been slewed

	opened     int64 // when the newest bucket began
	early, ago int64 // the least arrival minus time, of the newest bucket and of the one before

	told     bool  // relation is set
	relation int64 // the sender's wall clock minus the track's time
	doubt    int   // reports to come until it is trusted again
}

// Stamp returns the time on the timeline of a packet of a track, which has a rate in Hz and arrived
// at. Times of one track fall where the RTP times do, which are those of display, and by corrections.
func (c *Clock) Stamp(track int, rate int64, rtpTime uint32, at int64) int64 {
	t := c.track(track, rate)
	t.unwrap(rtpTime)
	now := nanos(t.ticks, rate)
	leap := now - t.last - (at - t.at)
	switch {
	case !t.begun:
		c.anchor(t, now, at)
	case leap > maxLeap || leap < -maxLeap:
		c.Resets++
		t.told, t.doubt = false, 0
		c.anchor(t, now, at)
	}
	t.begun, t.last, t.at = true, now, at
	t.arrive(at-now, at)
	c.follow(track, t, now, at)
	return now + t.offset
}

// Report takes a sender report of a track: at an NTP time, its RTP clock was at rtpTime.
func (c *Clock) Report(track int, rate int64, ntp uint64, rtpTime uint32) {
	if ntp == 0 {
		return
	}
	t := c.track(track, rate)
	var ticks int64
	if t.known {
		ticks = t.ticks + int64(int32(rtpTime-uint32(t.ticks)))
	} else {
		ticks = int64(rtpTime)
		t.ticks, t.known = ticks, true
	}
	relation := fromNTP(ntp) - nanos(ticks, rate)
	switch wander := relation - t.relation; {
	case !t.told:
	case wander > maxWander || wander < -maxWander:
		t.doubt = trustAfter
	case t.doubt > 0:
		t.doubt--
	}
	t.told, t.relation = true, relation
}

// Reported reports whether a track's place on the timeline comes from reports: it leads, or both it
// and the track that leads have told.
func (c *Clock) Reported(track int) bool {
	if track >= len(c.tracks) || !c.led {
		return false
	}
	return c.tracks[track].trusted() && c.tracks[c.lead].trusted()
}

// Told reports whether the sender has said when a track's times are.
func (c *Clock) Told(track int) bool { return track < len(c.tracks) && c.tracks[track].told }

// Wall returns the sender's wall clock at the timeline's zero; the zero time if it has not told.
func (c *Clock) Wall() time.Time {
	if !c.led || !c.tracks[c.lead].trusted() {
		return time.Time{}
	}
	t := &c.tracks[c.lead]
	return ntpEpoch.Add(time.Duration(t.relation - t.offset))
}

func (c *Clock) track(i int, rate int64) *rtpClock {
	for i >= len(c.tracks) {
		c.tracks = append(c.tracks, rtpClock{})
	}
	t := &c.tracks[i]
	if t.rate != rate {
		*t = rtpClock{rate: rate}
	}
	return t
}

// unwrap finds the ticks nearest to those before.
func (t *rtpClock) unwrap(rtpTime uint32) {
	if !t.known {
		t.ticks, t.known = int64(rtpTime), true
		return
	}
	t.ticks += int64(int32(rtpTime - uint32(t.ticks)))
}

// anchor places a track by reports, if there are some, or by the arrival of a packet: as late as those of the track that leads.
func (c *Clock) anchor(t *rtpClock, now, at int64) {
	if !c.led {
		c.led, c.started = true, at
		for i := range c.tracks {
			if t == &c.tracks[i] {
				c.lead = i
			}
		}
	}
	t.offset = at - now
	if o := c.other(t); o != nil {
		t.offset -= o.earliest() - o.offset
	}
	t.early, t.ago, t.opened, t.slewed = at-now, at-now, at, now
	if lead := &c.tracks[c.lead]; lead != t {
		if wrong, exact := c.wrong(t, lead); exact { // arrivals tell nothing of what comes in a burst
			t.offset += wrong
		}
	}
}

// other returns a track to place t by: the one that leads, or any.
func (c *Clock) other(t *rtpClock) *rtpClock {
	if l := &c.tracks[c.lead]; l != t && l.begun {
		return l
	}
	for i := range c.tracks {
		if o := &c.tracks[i]; o != t && o.begun {
			return o
		}
	}
	return nil
}

// arrive notes how late a packet came.
func (t *rtpClock) arrive(late, at int64) {
	if at-t.opened >= bucket {
		t.ago, t.early, t.opened = t.early, late, at
	}
	t.early = min(t.early, late)
}

// earliest is how late the fastest packets of late came.
func (t *rtpClock) earliest() int64 { return min(t.early, t.ago) }

func (t *rtpClock) trusted() bool { return t.told && t.doubt == 0 }

// follow moves a track toward its place beside the one that leads.
func (c *Clock) follow(i int, t *rtpClock, now, at int64) {
	lead := &c.tracks[c.lead]
	if i == c.lead {
		return
	}
	if at-lead.at > maxAway {
		c.lead = i
		return
	}
	passed := min(now-t.slewed, second)
	if passed <= 0 {
		return
	}
	t.slewed = now
	wrong, exact := c.wrong(t, lead)
	switch {
	case wrong > maxError || wrong < -maxError:
		if exact || at-c.started > bucket {
			c.Corrections++
			t.offset += wrong
		}
		return
	case !exact && at-c.started > settleTime && max(wrong, -wrong) < slack:
		return
	}
	most := passed / slewRate
	if at-c.started < settleTime {
		most = passed / settleRate
	}
	t.offset += min(max(wrong, -most), most)
}

// wrong is by how much a track's times are too early, and whether that is from reports.
func (c *Clock) wrong(t, lead *rtpClock) (ns int64, exact bool) {
	by := t.earliest() - t.offset - (lead.earliest() - lead.offset)
	if !t.trusted() || !lead.trusted() {
		return by, false
	}
	told := t.relation + lead.offset - lead.relation - t.offset
	if d := told - by; d > maxDelay || d < -maxDelay {
		return by, false
	}
	return told, true
}

var ntpEpoch = time.Date(1900, time.January, 1, 0, 0, 0, 0, time.UTC)

// NTP returns a time in the form of a sender's report: seconds since 1900 u32, and a fraction of 2^32 of one. Its middle half is
// what reports give back, in units of 2^-16 s. Spec: RFC 3550, 4.
func NTP(t time.Time) uint64 {
	const since1900 = 2_208_988_800
	return uint64(t.Unix()+since1900)<<32 | uint64(t.Nanosecond())<<32/second
}

// fromNTP returns an NTP time in ns since the epoch of NTP: seconds u32, and a fraction of 2^32 of one.
func fromNTP(ntp uint64) int64 {
	return int64(ntp>>32)*second + int64(ntp&0xffffffff*second>>32)
}
