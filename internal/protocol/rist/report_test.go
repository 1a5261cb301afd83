package rist

import (
	"testing"
	"time"

	"github.com/pion/rtcp"

	"weir/internal/format/rtp"
)

func TestUnwrap(t *testing.T) {
	for _, c := range []struct {
		near int64
		seq  uint16
		want int64
	}{
		{0, 1, 1}, {65535, 0, 65536}, {65536, 65535, 65535}, {1 << 40, 5, 1<<40 + 5}, {1<<40 + 5, 65535, 1<<40 - 1}, {0, 65535, -1}, {100, 100, 100},
	} {
		if got := unwrap(c.near, c.seq); got != c.want {
			t.Errorf("%d near %d: %d, want %d", c.seq, c.near, got, c.want)
		}
	}
}

func TestTicks(t *testing.T) {
	for at, want := range map[time.Duration]uint32{
		0: 0, time.Second: 90000, 100 * time.Microsecond: 9, (1<<32 + 90000) * time.Second / 90000: 89999, 100 * 365 * 24 * time.Hour: 3971145728,
	} {
		if got := ticks(at); got != want {
			t.Errorf("%v: %d, want %d", at, got, want)
		}
	}
}

func TestNTP(t *testing.T) {
	clock := rtp.NTP(time.Unix(0, int64(time.Second/2)))
	if clock != 2208988800<<32|1<<31 || middle(clock) != 2208988800&0xffff<<16|1<<15 {
		t.Errorf("%x", clock)
	}
	for _, d := range []time.Duration{0, time.Millisecond, time.Second, time.Minute} {
		if got := fromSixteenths(sixteenths(d)); got > d || got < d-time.Second>>16-1 {
			t.Errorf("%v: %v", d, got)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	var r roundTrip
	r.report(-1)
	r.report(maxRTT + 1)
	r.echo(5, echo{stamp: 1 << 63})
	if r.smooth != 0 {
		t.Errorf("nonsense is believed: %v", r.smooth)
	}
	r.report(80)
	r.report(160)
	if r.smooth != 90 || r.echoed {
		t.Errorf("reports make %v", r.smooth)
	}
	r.echo(time.Second+190*time.Microsecond, echo{stamp: uint64(time.Second), delay: 100 * time.Microsecond})
	r.report(1)
	if want := 90 + (90*time.Microsecond-90)/8; r.smooth != want || !r.echoed {
		t.Errorf("an echo makes %v, want %v", r.smooth, want)
	}
}

// A report about one of ours tells of the round trip, whatever the clock of the peer.
func TestJournal(t *testing.T) {
	var j journal
	var r reception
	if got := j.roundTrip(0, r.block(0, 1)); got != 0 {
		t.Errorf("%v of nothing", got)
	}
	for i := range 40 {
		at := time.Duration(i) * reportEvery
		clock := rtp.NTP(time.Unix(1e9, 0).Add(at))
		j.add(clock, at)
		r.heard(1000*time.Hour+at, clock)
		b := r.block(1000*time.Hour+at+30*time.Millisecond, 1)
		if got := j.roundTrip(at+50*time.Millisecond, b) - 20*time.Millisecond; got < 0 || got > 50*time.Microsecond {
			t.Errorf("report %d: %v too long", i, got)
		}
	}
	if got := j.roundTrip(0, rtcp.ReceptionReport{LastSenderReport: 77}); got != 0 {
		t.Errorf("%v of an unknown report", got)
	}
}

func TestReception(t *testing.T) {
	var r reception
	const origin = 1<<32 - 20000 // wraps
	for i := range 1000 {
		if i%10 == 3 {
			continue
		}
		at := time.Duration(i) * time.Millisecond
		jitter := uint32(i%2) * 160
		r.add(at, uint16(65000+i), origin+ticks(at)-jitter)
	}
	b := r.block(time.Second, 7)
	if b.SSRC != 7 || b.TotalLost != 100 || b.FractionLost != 25 || b.LastSequenceNumber != 65999 || b.Jitter < 100 || b.Jitter > 165 {
		t.Errorf("%+v", b)
	}
	if b = r.block(time.Second, 7); b.FractionLost != 0 || b.TotalLost != 100 {
		t.Errorf("then %+v", b)
	}
}

func TestRuns(t *testing.T) {
	seqs := []uint16{65534, 65535, 0, 1, 3, 5, 6}
	want := []run{{65534, 3}, {3, 0}, {5, 1}}
	got := runsOf(seqs)
	if len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("%v", got)
	}
	all := make([]uint16, 1<<16+5)
	for i := range all {
		all[i] = uint16(i)
	}
	if got := runsOf(all); len(got) != 2 || got[0] != (run{0, 65535}) || got[1] != (run{0, 4}) {
		t.Errorf("%v", got)
	}
}
