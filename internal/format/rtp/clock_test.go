package rtp

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"weir/internal/media"
)

func TestTicks(t *testing.T) {
	for _, c := range []struct{ ns, rate, want int64 }{
		{0, 90000, 0}, {1, 90000, 0}, {second, 90000, 90000}, {33_333_333, 90000, 3000}, {-second, 90000, -90000},
		{-11_111, 90000, -1}, {20_000_000, 48000, 960}, {125_000, 8000, 1}, {second * 47722, 90000, 47722 * 90000},
		{int64(10*365*24*time.Hour) + 11_111, 90000, 10*365*24*3600*90000 + 1},
	} {
		if got := Ticks(c.ns, c.rate); got != uint32(c.want) {
			t.Errorf("%d ns at %d Hz: %d; want %d", c.ns, c.rate, got, uint32(c.want))
		}
	}
	for n := range int64(100_000) { // a tick is itself again
		for _, rate := range []int64{90000, 48000, 8000} {
			if got := Ticks(nanos(n*997, rate), rate); got != uint32(n*997) {
				t.Fatalf("%d at %d Hz: %d", n*997, rate, got)
			}
		}
	}
}

func TestOrder(t *testing.T) {
	var o Order
	for i, f := range []struct {
		pts  int64
		key  bool
		want bool
	}{{0, true, false}, {3, false, false}, {1, false, true}, {2, false, true}, {6, false, false}, {5, false, true}, {4, true, false}, {5, false, false}} {
		if got := o.Early(&media.Frame{PTS: f.pts, Key: f.key}); got != f.want {
			t.Errorf("frame %d: %v", i, got)
		}
	}
}

// sender is a sender of two tracks, whose clocks are not as fast as ours.
type sender struct {
	ppm     [2]float64 // of the RTP clocks against the sender's wall clock
	wallPPM float64    // of that against ours
	reports bool
	late    [2]time.Duration // a track's constant delay
	start   [2]uint32
	luck    *rand.Rand
}

var rates = [2]int64{90000, 48000}

func (s *sender) ticks(track int, wall int64) uint32 {
	return s.start[track] + uint32(int64(float64(wall)*(1+s.ppm[track]/1e6)/1e9*float64(rates[track])))
}

// run has a clock follow for so long, and calls look with the error between the tracks each second:
// what audio is displayed too late, in ns.
func (s *sender) run(t *testing.T, length time.Duration, look func(at time.Duration, diff int64)) *Clock {
	t.Helper()
	const epoch = int64(3_900_000_000)
	c := &Clock{}
	var last [2]int64 // stream time minus the sender's wall clock
	var previous [2]struct{ wall, out int64 }
	var reported int64
	defer func() { // the sender's wall clock is what reports have told
		if at := c.Wall(); s.reports && !t.Failed() {
			wrong := at.Add(time.Duration(previous[0].out)).Sub(ntpEpoch.Add(time.Duration(epoch*second + previous[0].wall)))
			if wrong < -2*time.Millisecond || wrong > 2*time.Millisecond {
				t.Errorf("the wall clock is %v wrong", wrong)
			}
		}
	}()
	for wall := int64(0); wall < int64(length); wall += int64(20 * time.Millisecond) {
		ours := func() int64 {
			return int64(time.Hour) + int64(float64(wall)*(1+s.wallPPM/1e6)) + s.luck.Int64N(int64(50*time.Millisecond))
		}
		for track := range rates {
			if track == 0 && wall%int64(40*time.Millisecond) != 0 {
				continue
			}
			at := ours() + int64(s.late[track])
			out := c.Stamp(track, rates[track], s.ticks(track, wall), at)
			if p := &previous[track]; p.wall > 0 {
				if step, due := out-p.out, wall-p.wall; step < due*9/10 || step > due*11/10 {
					t.Fatalf("track %d at %v: a step of %v in %v", track, time.Duration(wall), time.Duration(step), time.Duration(due))
				}
			}
			previous[track].wall, previous[track].out = wall, out
			last[track] = out - wall
		}
		if s.reports && wall-reported > second {
			reported = wall
			for track := range rates {
				ntp := uint64(epoch+wall/second)<<32 | uint64(wall%second)<<32/second
				c.Report(track, rates[track], ntp, s.ticks(track, wall))
			}
		}
		if wall%second == 0 && wall > 0 {
			look(time.Duration(wall), last[1]-last[0])
		}
	}
	return c
}

func TestClockDrift(t *testing.T) {
	const most = int64(40 * time.Millisecond)
	for i, s := range []sender{
		{}, {ppm: [2]float64{100, -100}}, {ppm: [2]float64{-100, 100}, wallPPM: 100}, {wallPPM: -100},
		{reports: true}, {ppm: [2]float64{100, -100}, reports: true}, {ppm: [2]float64{-100, 100}, wallPPM: -100, reports: true},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			s.start = [2]uint32{1<<32 - 90000*3, 1<<32 - 48000*600} // both wrap
			s.luck = rand.New(rand.NewPCG(uint64(i), 3))
			var worst, late int64
			c := s.run(t, time.Hour, func(at time.Duration, diff int64) {
				worst = max(worst, diff, -diff)
				if at > 30*time.Second {
					late = max(late, diff, -diff)
				}
			})
			t.Logf("at most %v, later %v", time.Duration(worst), time.Duration(late))
			if worst > most || s.reports && late > int64(5*time.Millisecond) || c.Corrections+c.Resets > 0 {
				t.Errorf("the tracks are %v apart, later %v; %d corrections, %d resets",
					time.Duration(worst), time.Duration(late), c.Corrections, c.Resets)
			}
			if c.Reported(1) != s.reports || c.Wall().IsZero() == s.reports {
				t.Error("reports are not what places the tracks")
			}
		})
	}
}

// TestClockFirstSecond has many senders begin.
func TestClockFirstSecond(t *testing.T) {
	for seed := range uint64(300) {
		s := sender{luck: rand.New(rand.NewPCG(seed, 4)), reports: seed%2 == 0}
		s.run(t, 4*time.Second, func(at time.Duration, diff int64) {
			if diff = max(diff, -diff); diff > int64(40*time.Millisecond) {
				t.Fatalf("seed %d: %v apart at %v", seed, time.Duration(diff), at)
			}
		})
	}
}

// TestClockLate has the sound of a sender come late, as its reports tell: by a little, which is slewed.
func TestClockLate(t *testing.T) {
	s := sender{luck: rand.New(rand.NewPCG(5, 5)), reports: true, late: [2]time.Duration{0, 150 * time.Millisecond}}
	var end int64
	s.run(t, time.Minute, func(_ time.Duration, diff int64) { end = max(diff, -diff) })
	if end > int64(2*time.Millisecond) {
		t.Errorf("%v apart", time.Duration(end))
	}
}

func TestClockCorrects(t *testing.T) {
	var c Clock
	stamp := func(wall int64) (video, audio int64) {
		video = c.Stamp(0, 90000, uint32(wall*90), wall*1_000_000)
		audio = c.Stamp(1, 48000, uint32(wall*48), wall*1_000_000)
		return video, audio
	}
	for wall := int64(0); wall < 3000; wall += 20 {
		stamp(wall)
	}
	ntp := uint64(3_900_000_000) << 32
	c.Report(0, 90000, ntp, 3000*90)
	c.Report(1, 48000, ntp, 3000*48-24000) // is half a second older
	video, audio := stamp(3000)
	if c.Corrections != 1 || audio-video != second/2 {
		t.Errorf("%v apart after %d corrections", time.Duration(audio-video), c.Corrections)
	}
	c.Report(1, 48000, ntp+60<<32, 3000*48-24000) // its wall clock was set
	if c.Reported(1) {
		t.Error("a clock that was set is believed")
	}
	for wall := int64(3020); wall < 4000; wall += 20 {
		video, audio = stamp(wall)
	}
	if c.Corrections > 2 {
		t.Errorf("%d corrections", c.Corrections)
	}
	before := audio
	audio = c.Stamp(1, 48000, 1<<31, 4000*1_000_000) // begins anew
	if c.Resets != 1 || audio-before < 0 || audio-before > 600_000_000 {
		t.Errorf("reset %d: %v on", c.Resets, time.Duration(audio-before))
	}
	_ = video
}

// TestClockBurst has a sender begin with half a second of each track at once, as those do who were kept from sending: its
// reports say what arrivals do not.
func TestClockBurst(t *testing.T) {
	const second = int64(time.Second)
	c := &Clock{}
	ntp := func(ns int64) uint64 {
		return uint64(3_900_000_000+ns/second)<<32 | uint64(ns%second)<<32/uint64(second)
	}
	at := 5 * second
	c.Report(0, 48000, ntp(second), 1000)
	sound := c.Stamp(0, 48000, 1000, at)
	for i := range uint32(25) {
		c.Stamp(0, 48000, 1000+960*i, at)
	}
	c.Report(1, 90000, ntp(second), 7000)
	for i := range uint32(12) {
		if got, want := c.Stamp(1, 90000, 7000+3600*i, at), sound+int64(i)*second/25; got-want > 1000 || want-got > 1000 {
			t.Fatalf("picture %d at %d, want %d", i, got, want)
		}
	}
}
