package rist

import (
	"slices"
	"testing"
	"time"
)

const (
	wait   = 15 * time.Millisecond
	length = time.Second
)

// in is a buffer with packets in it, from 65530 on, so that all tests go around.
func in(at time.Duration, seqs ...uint16) *reorder {
	b := newReorder(wait, length)
	for _, seq := range seqs {
		b.push(at, seq+65530, false, ts(int(seq)))
	}
	return b
}

// out is the numbers that come out.
func (b *reorder) out(at time.Duration) (got []int, lost int) {
	for {
		p, ok := b.pop(at)
		if !ok {
			return got, lost
		}
		got, lost = append(got, numberIn(p.Data)), lost+p.Lost
	}
}

func TestReorder(t *testing.T) {
	for name, c := range map[string]struct {
		come []uint16
		want []int // at once
		then []int // when the time is over
		lost int
	}{
		"order":       {[]uint16{0, 1, 2, 3}, []int{0, 1, 2, 3}, nil, 0},
		"disorder":    {[]uint16{0, 3, 2, 1, 4}, []int{0, 1, 2, 3, 4}, nil, 0},
		"twice":       {[]uint16{0, 0, 2, 2, 1, 1, 0}, []int{0, 1, 2}, nil, 0},
		"around":      {[]uint16{4, 5, 6, 8, 7}, []int{4, 5, 6, 7, 8}, nil, 0},
		"gap":         {[]uint16{0, 2, 3, 7}, []int{0}, []int{2, 3, 7}, 4},
		"long gap":    {[]uint16{0, maxGap}, []int{0}, []int{maxGap}, maxGap - 1},
		"too long":    {[]uint16{0, maxGap + 1, 1}, []int{0, 1}, nil, 0},
		"from before": {[]uint16{9, 8, 10}, []int{9, 10}, nil, 0},
	} {
		b := in(0, c.come...)
		if got, lost := b.out(length - 1); !slices.Equal(got, c.want) || lost != 0 {
			t.Errorf("%s: %v at once, %d lost; want %v", name, got, lost, c.want)
		}
		if got, lost := b.out(length); !slices.Equal(got, c.then) || lost != c.lost {
			t.Errorf("%s: %v then, %d lost; want %v, %d", name, got, lost, c.then, c.lost)
		}
		if b.bytes != 0 || len(b.held) != 0 || b.waiting() != 0 {
			t.Errorf("%s: %d bytes are left, %d packets", name, b.bytes, b.waiting())
		}
	}
}

func TestReorderFits(t *testing.T) {
	b := in(0, 0)
	for i, c := range []struct {
		seq   uint16
		again bool
		want  fit
	}{
		{1, false, fitNew}, {5, false, fitNew}, {3, false, fitLate}, {3, false, fitDuplicate}, {2, true, fitRecovered}, {2, true, fitDuplicate},
		{0, false, fitDuplicate}, {5, true, fitDuplicate}, {6 + maxGap, false, fitStray}, {30000, false, fitStray}, {6, false, fitNew},
	} {
		if got := b.push(0, c.seq+65530, c.again, ts(0)); got != c.want {
			t.Errorf("%d, packet %d: %v, want %v", i, c.seq, got, c.want)
		}
	}
}

// Packets without a payload of use are not missing, and are not handed on.
func TestReorderUseless(t *testing.T) {
	b := in(0, 0, 3)
	b.push(0, 65531, false, nil)
	b.push(0, 65532, true, nil)
	if got, lost := b.out(0); !slices.Equal(got, []int{0, 3}) || lost != 0 {
		t.Errorf("%v, %d lost", got, lost)
	}
}

func TestReorderBegins(t *testing.T) {
	b := in(0, 0, 1, 5, 6)
	first := func(seq uint16) fit { return b.push(0, seq, false, ts(int(seq))) }
	for i := range uint16(restartRun - 1) {
		if got := first(20000 + i); got != fitStray {
			t.Errorf("stray %d: %v", i, got)
		}
	}
	first(1) // 7 of the old: they were strays
	if got := first(20000 + restartRun - 1); got != fitStray {
		t.Errorf("after one that fits: %v", got)
	}
	for i := range uint16(restartRun - 2) {
		first(20000 + restartRun + i)
	}
	if got := first(20000 + 2*restartRun - 2); got != fitRestart {
		t.Errorf("the last of the run: %v", got)
	}
	first(20000 + 2*restartRun)
	first(20000 + 2*restartRun - 1)
	p, ok := b.pop(0)
	if want := 20000 + 2*restartRun - 2; !ok || !p.First || numberIn(p.Data) != want || p.Lost != 8 {
		t.Errorf("%d, first %v, lost %d, %v", numberIn(p.Data), p.First, p.Lost, ok)
	}
	if got, _ := b.out(0); !slices.Equal(got, []int{20000 + 2*restartRun - 1, 20000 + 2*restartRun}) {
		t.Errorf("then %v", got)
	}
}

// A sender that has begun anew a little before where it was is noticed too; what is sent again never looks so.
func TestReorderBeginsBehind(t *testing.T) {
	for _, again := range []bool{false, true} {
		b := in(0, 100, 101, 102)
		var got fit
		for i := range uint16(restartRun) {
			got = b.push(0, 44+i, again, ts(0))
		}
		if want := map[bool]fit{false: fitRestart, true: fitDuplicate}[again]; got != want {
			t.Errorf("sent again %v: %v, want %v", again, got, want)
		}
	}
}

func TestReorderEnds(t *testing.T) {
	b := in(0, 0, 2, 4)
	b.out(0)
	b.ending = true
	if got, lost := b.out(0); !slices.Equal(got, []int{2, 4}) || lost != 2 {
		t.Errorf("%v, %d lost", got, lost)
	}
}

func TestReorderIsBounded(t *testing.T) {
	const n = 100_000
	for name, missing := range map[string]func(i int) bool{
		"one":   func(i int) bool { return i == 1 },
		"half":  func(i int) bool { return i%2 == 1 },
		"most":  func(i int) bool { return i%1000 != 0 },
		"every": func(i int) bool { return i%maxGap != 0 },
	} {
		b := newReorder(wait, length)
		out, lost, came := 0, 0, 0
		for i := range n {
			if missing(i) {
				continue
			}
			came++
			b.push(0, uint16(i), false, ts(i))
			if len(b.missing) > 2*maxGap || len(b.held) > maxHeld+1 || b.bytes > maxHeldBytes+MaxPayload {
				t.Fatalf("%s: %d missing, %d held, %d bytes", name, len(b.missing), len(b.held), b.bytes)
			}
			got, l := b.out(0)
			out, lost = out+len(got), lost+l
		}
		b.ending = true
		got, l := b.out(0)
		if out, lost = out+len(got), lost+l; out != came || out+lost < n-maxGap-1 {
			t.Errorf("%s: %d of %d came out, %d lost", name, out, came, lost)
		}
	}
}

func TestAsk(t *testing.T) {
	b := in(0, 0, 3)
	at := func(now time.Duration, want ...uint16) {
		t.Helper()
		for i := range want {
			want[i] += 65530
		}
		if got := b.ask(now, 40*time.Millisecond); !slices.Equal(got, want) {
			t.Errorf("at %v: %v, want %v", now, got, want)
		}
	}
	at(wait - 1)
	at(wait, 1, 2)
	at(wait)
	if next, ok := b.asks(); !ok || next != wait+40*time.Millisecond {
		t.Errorf("the next at %v, %v", next, ok)
	}
	at(wait+40*time.Millisecond, 1, 2)
	b.push(0, 65531, true, nil)
	at(wait+80*time.Millisecond, 2)
	at(wait+120*time.Millisecond, 2)
	at(wait+160*time.Millisecond, 2)
	at(wait+200*time.Millisecond, 2)
	at(wait + 240*time.Millisecond) // from now on half as often
	at(wait+280*time.Millisecond, 2)
	b.push(0, 65532, true, nil)
	if _, ok := b.asks(); ok {
		t.Error("nothing is missing, and is asked for")
	}
}

func TestAskIsBounded(t *testing.T) {
	b := in(0, 0, maxAsk+10)
	first, second, third := b.ask(wait, minAsk), b.ask(wait, minAsk), b.ask(wait, minAsk)
	if len(first) != maxAsk || len(second) != 9 || len(third) != 0 {
		t.Errorf("%d, %d, %d", len(first), len(second), len(third))
	}
	tries := 0
	for now := time.Duration(0); now < length; now += time.Millisecond {
		tries += len(in(0, 0, 2).ask(now, minAsk))
	}
	b, tries = in(0, 0, 2), 0
	for now := time.Duration(0); now < length; now += time.Millisecond {
		tries += len(b.ask(now, b.patience(1)))
	}
	if tries < 25 || tries > maxAgain+2 {
		t.Errorf("asked %d times for one packet", tries)
	}
}

func TestPatience(t *testing.T) {
	b := newReorder(wait, 700*time.Millisecond)
	for rtt, want := range map[time.Duration]time.Duration{
		0: 100 * time.Millisecond, 1: minAsk, 80 * time.Millisecond: 100 * time.Millisecond,
	} {
		if got := b.patience(rtt); got != want {
			t.Errorf("round trip %v: %v, want %v", rtt, got, want)
		}
	}
}
