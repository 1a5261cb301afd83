package rtp

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

const ms = time.Millisecond

func numbered(n int) Packet {
	return Packet{Sequence: uint16(n), Time: uint32(n), SSRC: 1, Payload: []byte{byte(n), byte(n >> 8)}}
}

func drain(b *Reorder, now time.Duration) (numbers []int, lost int) {
	for {
		p, ok := b.Pop(now)
		if !ok {
			return numbers, lost
		}
		numbers = append(numbers, int(p.Sequence))
		lost += p.Lost
	}
}

// waiting is how many numbers have not been handed on, those that are missing among them.
func waiting(b *Reorder) int {
	if !b.begun {
		return 0
	}
	return int(b.high - b.next + 1)
}

func TestReorder(t *testing.T) {
	b := Reorder{Hold: 200 * ms}
	push := func(now time.Duration, n int, want Fit) {
		t.Helper()
		if got := b.Push(now, numbered(n)); got != want {
			t.Errorf("%d at %v: fit %d; want %d", n, now, got, want)
		}
	}
	pop := func(now time.Duration, lost int, want ...int) {
		t.Helper()
		got, gone := drain(&b, now)
		if !reflect.DeepEqual(got, want) || gone != lost {
			t.Errorf("at %v: %v, %d lost; want %v, %d", now, got, gone, want, lost)
		}
	}
	push(0, 65534, FitNew)
	push(0, 65535, FitNew)
	push(0, 2, FitNew) // 0 and 1 are missing
	push(0, 65535, FitDuplicate)
	pop(0, 0, 65534, 65535)
	push(0, 65535, FitLate)
	push(9*ms, 0, FitReordered)
	push(41*ms, 1, FitReordered)
	push(41*ms, 2, FitDuplicate)
	pop(41*ms, 0, 0, 1, 2)
	if waiting(&b) > 0 {
		t.Error("still waits")
	}
	push(50*ms, 5, FitNew)
	pop(249*ms, 0)
	pop(250*ms, 2, 5)
	push(251*ms, 4, FitLate)
}

func TestReorderRestarts(t *testing.T) {
	b := Reorder{Hold: 100 * ms}
	b.Push(0, numbered(100))
	b.Push(0, numbered(102))
	drain(&b, 0)
	for i := range restartRun {
		want := FitStray
		if i == restartRun-1 {
			want = FitRestart
		}
		if got := b.Push(ms, numbered(30000+i)); got != want {
			t.Fatalf("stray %d: %d", i, got)
		}
	}
	p, ok := b.Pop(ms)
	if !ok || !p.First || p.Lost != 2 || p.Sequence != 30000+restartRun-1 {
		t.Errorf("after the restart: %+v, %v", p, ok)
	}
	other := numbered(5)
	other.SSRC = 2
	if f := b.Push(2*ms, other); f != FitRestart {
		t.Errorf("another SSRC: %d", f)
	}
	if f := b.Push(3*ms, numbered(30008)); f != FitStray {
		t.Errorf("a late one of the SSRC before: %d", f)
	}
	if p, ok := b.Pop(3 * ms); !ok || !p.First || p.SSRC != 2 {
		t.Errorf("of another SSRC: %+v", p)
	}
	if f := b.Push(4*time.Second, numbered(30009)); f != FitRestart {
		t.Errorf("the first one again: %d", f)
	}
}

func TestReorderBounds(t *testing.T) {
	b := Reorder{Hold: time.Hour}
	b.Push(0, numbered(0))
	lost, strays := 0, 0
	for n := 2; n < 100_000; n++ { // 1 never comes
		if b.Push(0, numbered(n)) == FitStray {
			strays++
		}
		_, gone := drain(&b, 0)
		lost += gone
		if waiting(&b) > maxWindow || len(b.slots) > maxWindow {
			t.Fatalf("%d wait, %d slots", waiting(&b), len(b.slots))
		}
	}
	if lost != 1 || strays > 0 {
		t.Errorf("%d lost, %d strays", lost, strays)
	}
	b = Reorder{Hold: time.Hour}
	b.Push(0, numbered(0))
	large := make([]byte, 60<<10)
	for n := 2; n < 2000; n++ {
		p := numbered(n)
		p.Payload = large
		b.Push(0, p)
		drain(&b, 0)
		if b.bytes > maxHeldBytes {
			t.Fatalf("%d bytes wait", b.bytes)
		}
	}
	b.Push(0, numbered(1900))
	b.Push(0, numbered(2000+maxWindow/2))
	drain(&b, 2*time.Hour)
	if waiting(&b) > 0 || b.bytes != 0 || b.gaps != 0 {
		t.Errorf("%d wait, %d bytes, %d gaps", waiting(&b), b.bytes, b.gaps)
	}
}

// TestReorderLuck sends packets over a line that loses, repeats and reorders, and sends again what was lost.
func TestReorderLuck(t *testing.T) {
	luck := rand.New(rand.NewPCG(1, 2))
	b := Reorder{Hold: 400 * ms}
	wire := map[time.Duration][]int{}
	const count = 200_000
	next, got, fits := 0, 0, map[Fit]int{}
	for now := time.Duration(0); next < count || now < time.Duration(count/2+1000)*ms; now += ms {
		for range 2 {
			if next == count {
				break
			}
			at := now + time.Duration(20+luck.IntN(8))*ms
			if luck.IntN(100) == 0 {
				wire[at+3*ms] = append(wire[at+3*ms], next)
			}
			for luck.IntN(100) < 5 {
				at += 50 * ms
			}
			wire[at] = append(wire[at], next)
			next++
		}
		for _, n := range wire[now] {
			fits[b.Push(now, numbered(n))]++
		}
		delete(wire, now)
		for {
			p, ok := b.Pop(now)
			if !ok {
				break
			}
			got += p.Lost
			if p.Sequence != uint16(got) {
				t.Fatalf("%d came in place of %d", p.Sequence, uint16(got))
			}
			got++
		}
	}
	if took := fits[FitNew] + fits[FitReordered]; fits[FitReordered] < count/20 || fits[FitDuplicate]+fits[FitLate] == 0 || took < count-50 {
		t.Errorf("fits %v", fits)
	}
}

func TestHistory(t *testing.T) {
	h := NewHistory(100)
	if len(h.list) != 128 || len(NewHistory(1<<20).list) != maxHistory {
		t.Errorf("%d slots", len(h.list))
	}
	for n := range 200 {
		h.Put(time.Duration(n)*ms, uint16(65500+n), Payload{Data: []byte{byte(n)}})
	}
	now := 300 * ms
	if _, send, known := h.Again(now, 0, uint16(65436)); send || known {
		t.Error("one that was not sent is known")
	}
	for n := range 200 {
		p, send, known := h.Again(now, 20*ms, uint16(65500+n))
		if want := n >= 72; send != want || known != want || send && p.Data[0] != byte(n) {
			t.Fatalf("%d: %v %v", n, send, known)
		}
	}
	last := uint16((65500 + 199) & 0xffff)
	if _, send, known := h.Again(now+9*ms, 20*ms, last); send || !known {
		t.Error("sent again within half a round trip")
	}
	times := 0
	for range 100 {
		now += 10 * ms
		if _, send, _ := h.Again(now, 20*ms, last); send {
			times++
		}
	}
	if times != maxAgain-1 {
		t.Errorf("sent again %d times", times)
	}
	for n := range 128 { // all that is left of what may be sent
		now += 10 * ms
		h.Again(now, 0, uint16(65500+72+n))
	}
	if _, send, known := h.Again(now+time.Second, 0, last-1); send || !known {
		t.Error("sent again without bounds")
	}
}
