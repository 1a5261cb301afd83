package relay

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"testing"
	"time"
)

var epoch = time.Unix(1_000_000, 0)

// arrival is a packet that came out of a link: its number, when, and its data.
type arrival struct {
	n    int
	at   time.Duration
	data []byte
}

// travel sends n packets of size bytes through a link, one each gap, and lets it run empty.
// Nothing sleeps: the link is told what time it is, and asked whenever it wants to be.
func travel(l *link, n, size int, gap time.Duration) (out []arrival) {
	var next time.Time
	f := &flow{}
	until := func(end time.Time) {
		for !next.IsZero() && !next.After(end) {
			now := next
			var sent []packet
			sent, next = l.pull(now)
			for _, p := range sent {
				out = append(out, arrival{int(binary.BigEndian.Uint32(p.data)), now.Sub(epoch), p.data})
			}
		}
	}
	for i := range n {
		now := epoch.Add(time.Duration(i) * gap)
		until(now)
		l.push(now, f, numbered(i, size))
		next = now
	}
	until(epoch.Add(time.Hour))
	return out
}

func numbered(n, size int) []byte {
	return binary.BigEndian.AppendUint32(make([]byte, 0, size), uint32(n))[:size]
}

func numbers(list []arrival) (all []int) {
	for _, a := range list {
		all = append(all, a.n)
	}
	return all
}

func TestLoss(t *testing.T) {
	const n = 100_000
	for _, c := range []struct {
		loss  float64
		burst int
		mean  float64 // length of a burst
	}{
		{.05, 0, 1 / .95}, {.05, 1, 1 / .95}, {.5, 1, 2}, {.05, 4, 4}, {.3, 10, 10}, {.9, 3, 10},
		{0, 5, 0}, {1, 1, n}, {1, 5, n},
	} {
		l := newLink(Weather{Loss: c.loss, Burst: c.burst, Seed: 1}, 0)
		got := numbers(travel(l, n, 10, time.Millisecond))
		lost, bursts, before := 0, 0, -1
		for _, i := range append(got, n) {
			if gap := i - before - 1; gap > 0 {
				lost, bursts = lost+gap, bursts+1
			}
			before = i
		}
		want := Count{Passed: Tally{n - lost, (n - lost) * 10}, Lost: Tally{lost, lost * 10}}
		if l.count != want {
			t.Errorf("%+v: counts %+v, want %+v", c, l.count, want)
		}
		// Bursts make what is lost vary more, as if there were fewer packets.
		if off := float64(lost)/n - c.loss; math.Abs(off) > 5*math.Sqrt(c.loss*(1-c.loss)*2*max(c.mean, 1)/n) {
			t.Errorf("%+v: lost %d", c, lost)
		}
		if mean := float64(lost) / float64(max(bursts, 1)); math.Abs(mean-c.mean) > c.mean/10 {
			t.Errorf("%+v: bursts of %.2f", c, mean)
		}
	}
}

func TestLuckIsOfTheSeed(t *testing.T) {
	const n = 5000
	gone := func(w Weather, lane uint64) []int {
		got := numbers(travel(newLink(w, lane), n, 10, time.Millisecond))
		slices.Sort(got)
		return slices.Compact(got)
	}
	loss := Weather{Loss: .1, Burst: 2, Seed: 7}
	all := loss
	all.Delay, all.Jitter, all.Reorder, all.Duplicate = time.Second, time.Second, .1, .1
	other := loss
	other.Seed = 8
	first := gone(loss, 0)
	if !slices.Equal(first, gone(loss, 0)) {
		t.Error("the same seed loses others")
	}
	if !slices.Equal(first, gone(all, 0)) {
		t.Error("other mishaps change who is lost")
	}
	if slices.Equal(first, gone(other, 0)) {
		t.Error("another seed loses the same")
	}
	if slices.Equal(first, gone(loss, 1)) {
		t.Error("both directions lose the same")
	}
}

func TestDelayAndJitter(t *testing.T) {
	const n, gap, delay, jitter = 2000, 10 * time.Millisecond, 40 * time.Millisecond, 30 * time.Millisecond
	got := travel(newLink(Weather{Delay: delay, Jitter: jitter}, 0), n, 10, gap)
	if len(got) != n {
		t.Fatalf("%d of %d came", len(got), n)
	}
	var sum, least, most time.Duration = 0, time.Hour, 0
	for i, a := range got {
		if a.n != i {
			t.Fatalf("packet %d came as the %dth", a.n, i)
		}
		d := a.at - time.Duration(i)*gap
		sum, least, most = sum+d, min(least, d), max(most, d)
	}
	if least < delay || least > delay+jitter/10 || most > delay+jitter || most < delay+jitter*9/10 {
		t.Errorf("between %v and %v", least, most)
	}
	// Uniform jitter is half of it in the mean, and more where packets wait for those in front.
	if mean := sum / n; mean < delay+jitter/2 || mean > delay+jitter*4/5 {
		t.Errorf("mean %v", mean)
	}
}

func TestReorder(t *testing.T) {
	const n = 10_000
	l := newLink(Weather{Reorder: .1, Seed: 3}, 0)
	got := travel(l, n, 10, time.Millisecond)
	late, high := 0, -1
	for _, a := range got {
		if a.n < high {
			late++
			if a.at > time.Duration(a.n)*time.Millisecond+maxHold {
				t.Errorf("packet %d held until %v", a.n, a.at)
			}
		}
		high = max(high, a.n)
	}
	if late != l.count.Reordered.Packets || late < n*9/100 || late > n*11/100 {
		t.Errorf("%d came late, counted %d", late, l.count.Reordered.Packets)
	}
	got2 := numbers(got)
	slices.Sort(got2)
	if got2 = slices.Compact(got2); len(got) != n || len(got2) != n {
		t.Errorf("%d came, %d different", len(got), len(got2))
	}
}

// A held packet that nobody follows goes out late, and is no reordered one.
func TestReorderAlone(t *testing.T) {
	l := newLink(Weather{Reorder: 1}, 0)
	got := travel(l, 1, 10, 0)
	if len(got) != 1 || got[0].at != maxHold || l.count.Reordered.Packets != 0 {
		t.Errorf("%+v, counts %+v", got, l.count)
	}
}

// Packets of one client do not overtake those of another: nobody could tell.
func TestReorderPerClient(t *testing.T) {
	l := newLink(Weather{Reorder: 1}, 0)
	a, b := &flow{}, &flow{}
	l.push(epoch, a, numbered(0, 4))
	l.pull(epoch)
	l.set(epoch, Weather{})
	for range maxBehind {
		l.push(epoch, b, numbered(1, 4))
	}
	if out, _ := l.pull(epoch); len(out) != maxBehind || len(l.held) != 1 {
		t.Errorf("%d came, %d held", len(out), len(l.held))
	}
	for range maxBehind {
		l.push(epoch, a, numbered(2, 4))
	}
	if out, _ := l.pull(epoch); len(out) != maxBehind+1 || len(l.held) != 0 {
		t.Errorf("%d came, %d held", len(out), len(l.held))
	}
}

func TestDuplicate(t *testing.T) {
	const n = 10_000
	l := newLink(Weather{Duplicate: .1, Seed: 4}, 0)
	got := numbers(travel(l, n, 10, time.Millisecond))
	twice := len(got) - n
	if !slices.IsSorted(got) || len(slices.Compact(got)) != n || twice < n*9/100 || twice > n*11/100 {
		t.Errorf("%d came twice", twice)
	}
	if l.count.Duplicated != (Tally{twice, twice * 10}) || l.count.Passed.Packets != n+twice {
		t.Errorf("counts %+v, %d came twice", l.count, twice)
	}
}

func TestCorrupt(t *testing.T) {
	const n, size = 10_000, 20
	l := newLink(Weather{Corrupt: .1, Seed: 5}, 0)
	wrong, places := 0, map[int]bool{}
	f := &flow{}
	for i := range n {
		want := numbered(i, size)
		l.push(epoch, f, slices.Clone(want))
		out, _ := l.pull(epoch)
		flipped := 0
		for k, b := range out[0].data {
			if diff := b ^ want[k]; diff != 0 {
				flipped += bits.OnesCount8(diff)
				places[k*8+bits.TrailingZeros8(diff)] = true
			}
		}
		if flipped > 1 {
			t.Errorf("packet %d: %d bits flipped", i, flipped)
		}
		wrong += flipped
	}
	if wrong != l.count.Corrupted.Packets || wrong < n*9/100 || wrong > n*11/100 || len(places) < size*8*9/10 {
		t.Errorf("%d corrupt at %d places, counted %d", wrong, len(places), l.count.Corrupted.Packets)
	}
	l.push(epoch, f, nil) // has no bit to flip
	if out, _ := l.pull(epoch); len(out) != 1 {
		t.Errorf("%d came of an empty one", len(out))
	}
}

func TestRate(t *testing.T) {
	const size, rate = 1000, 800_000 // 10 ms each
	l := newLink(Weather{Rate: rate, Queue: 20 * size}, 0)
	got := travel(l, 500, size, time.Millisecond) // ten times too many
	for i, a := range got {
		if want := time.Duration(i+1) * 10 * time.Millisecond; a.at != want {
			t.Fatalf("the %dth came after %v, want %v", i, a.at, want)
		}
	}
	// The queue is full at the end, so its 20 come besides those of the 499 ms.
	if len(got) != 49+20 || l.count.Overflowed.Packets != 500-len(got) {
		t.Errorf("%d came, counts %+v", len(got), l.count)
	}
}

// A look that comes late, as from a busy machine, does not slow the link down.
func TestRateWithLateLooks(t *testing.T) {
	l := newLink(Weather{Rate: 800_000}, 0)
	for i := range 100 {
		l.push(epoch, &flow{}, numbered(i, 1000))
	}
	for at := 70 * time.Millisecond; at < time.Second; at += 70 * time.Millisecond {
		l.pull(epoch.Add(at))
		if want := int(at / (10 * time.Millisecond)); l.count.Passed.Packets != want {
			t.Errorf("%d came in %v, want %d", l.count.Passed.Packets, at, want)
		}
	}
}

func TestSetRate(t *testing.T) {
	l := newLink(Weather{Rate: 8}, 0) // 1000 s each
	for i := range 10 {
		l.push(epoch, &flow{}, numbered(i, 1000))
	}
	at := epoch.Add(time.Minute)
	l.set(at, Weather{Rate: 800_000})
	if out, next := l.pull(at); len(out) != 0 || next != at.Add(10*time.Millisecond) {
		t.Errorf("%d came for the past; the next at %v", len(out), next)
	}
	l.pull(at.Add(50 * time.Millisecond))
	if n := l.count.Passed.Packets; n != 5 {
		t.Errorf("%d came in 50 ms at the new rate", n)
	}
	l.set(at.Add(50*time.Millisecond), Weather{})
	if out, _ := l.pull(at.Add(50 * time.Millisecond)); len(out) != 5 {
		t.Errorf("%d came without a rate", len(out))
	}
}

func TestLinkIsBounded(t *testing.T) {
	l := newLink(Weather{Delay: time.Hour}, 0)
	for range maxWaiting + 10 {
		l.push(epoch, &flow{}, nil)
	}
	if n := l.count.Overflowed.Packets; n != 10 {
		t.Errorf("%d overflowed", n)
	}
}
