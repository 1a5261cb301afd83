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

func TestReorder(t *testing.T) {
	b := Reorder{Hold: 200 * ms}
	push := func(now time.Duration, n int, again bool, want Fit) {
		t.Helper()
		if got := b.Push(now, numbered(n), again); got != want {
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
	asks := func(now time.Duration, want ...uint16) {
		t.Helper()
		if got := b.NACKs(now, 30*ms, nil); !reflect.DeepEqual(got, want) {
			t.Errorf("at %v: asks for %v; want %v", now, got, want)
		}
	}
	push(0, 65534, true, FitStray) // nothing to be sent again yet
	push(0, 65534, false, FitNew)
	push(0, 65535, false, FitNew)
	push(0, 2, false, FitNew) // 0 and 1 are missing
	push(0, 65535, false, FitDuplicate)
	pop(0, 0, 65534, 65535)
	push(0, 65535, false, FitLate)
	if at, ok := b.Due(); !ok || at != FirstNACK {
		t.Errorf("due at %v, %v", at, ok)
	}
	asks(9 * ms)
	push(9*ms, 0, false, FitReordered)
	asks(10*ms, 1)
	asks(39 * ms)
	if at, _ := b.Due(); at != 40*ms {
		t.Errorf("due at %v", at)
	}
	asks(40*ms, 1)
	push(41*ms, 1, true, FitRecovered)
	push(41*ms, 2, false, FitDuplicate)
	pop(41*ms, 0, 0, 1, 2)
	if _, ok := b.Due(); ok || b.Waiting() > 0 {
		t.Error("still waits")
	}
	push(50*ms, 5, false, FitNew)
	pop(249*ms, 0)
	if at, _ := b.Due(); at > 250*ms {
		t.Errorf("due at %v", at)
	}
	pop(250*ms, 2, 5)
	push(251*ms, 4, true, FitLate)
	if r := b.Reception; r.Received != 6 || r.Strays != 1 || r.Lost != 2 || r.Reordered != 1 || r.Recovered != 1 || r.Duplicates != 2 || r.Late != 2 || r.NACKs != 2 {
		t.Errorf("reception %+v", r)
	}
}

func TestReorderGivesUp(t *testing.T) {
	b := Reorder{Hold: time.Hour}
	b.Push(0, numbered(1), false)
	b.Push(0, numbered(3), false)
	var times []time.Duration
	for now := time.Duration(0); now < 3*time.Second; now += ms {
		if len(b.NACKs(now, 0, nil)) > 0 {
			times = append(times, now)
		}
	}
	if len(times) != MaxNACKs || times[0] != FirstNACK || times[1] != FirstNACK+MinNACK {
		t.Errorf("short round trips: %v", times)
	}
	b = Reorder{Hold: time.Hour}
	b.Push(0, numbered(1), false)
	b.Push(0, numbered(3), false)
	times = nil
	for now := time.Duration(0); now < 3*time.Second; now += ms {
		if len(b.NACKs(now, 5*time.Second, nil)) > 0 {
			times = append(times, now)
		}
	}
	if len(times) != 2 || times[1] != FirstNACK+MaxNACK {
		t.Errorf("long round trips: %v", times)
	}
}

func TestReorderRestarts(t *testing.T) {
	b := Reorder{Hold: 100 * ms}
	b.Push(0, numbered(100), false)
	b.Push(0, numbered(102), false)
	drain(&b, 0)
	for i := range restartRun {
		want := FitStray
		if i == restartRun-1 {
			want = FitRestart
		}
		if got := b.Push(ms, numbered(30000+i), false); got != want {
			t.Fatalf("stray %d: %d", i, got)
		}
	}
	p, ok := b.Pop(ms)
	if !ok || !p.First || p.Lost != 2 || p.Sequence != 30000+restartRun-1 {
		t.Errorf("after the restart: %+v, %v", p, ok)
	}
	other := numbered(5)
	other.SSRC = 2
	if f := b.Push(2*ms, other, true); f != FitStray {
		t.Errorf("another's that is sent again: %d", f)
	}
	if f := b.Push(2*ms, other, false); f != FitRestart {
		t.Errorf("another SSRC: %d", f)
	}
	if f := b.Push(3*ms, numbered(30008), false); f != FitStray {
		t.Errorf("a late one of the SSRC before: %d", f)
	}
	if p, ok := b.Pop(3 * ms); !ok || !p.First || p.SSRC != 2 {
		t.Errorf("of another SSRC: %+v", p)
	}
	if f := b.Push(4*time.Second, numbered(30009), false); f != FitRestart {
		t.Errorf("the first one again: %d", f)
	}
}

func TestReorderBounds(t *testing.T) {
	b := Reorder{Hold: time.Hour}
	b.Push(0, numbered(0), false)
	for n := 2; n < 100_000; n++ { // 1 never comes
		b.Push(0, numbered(n), false)
		drain(&b, 0)
		if b.Waiting() > maxWindow || len(b.slots) > maxWindow {
			t.Fatalf("%d wait, %d slots", b.Waiting(), len(b.slots))
		}
	}
	if b.Reception.Lost != 1 || b.Reception.Strays > 0 {
		t.Errorf("reception %+v", b.Reception)
	}
	b = Reorder{Hold: time.Hour}
	b.Push(0, numbered(0), false)
	large := make([]byte, 60<<10)
	for n := 2; n < 2000; n++ {
		p := numbered(n)
		p.Payload = large
		b.Push(0, p, false)
		drain(&b, 0)
		if b.bytes > maxHeldBytes {
			t.Fatalf("%d bytes wait", b.bytes)
		}
	}
	b.Push(0, numbered(1900), false)
	b.End()
	if b.Push(0, numbered(2000+maxWindow/2), false); true {
		if got := b.NACKs(time.Second, 0, nil); len(got) != maxAsked {
			t.Errorf("asks for %d at once", len(got))
		}
	}
	drain(&b, 0)
	if b.Waiting() > 0 || b.bytes != 0 || b.gaps != 0 {
		t.Errorf("%d wait, %d bytes, %d gaps", b.Waiting(), b.bytes, b.gaps)
	}
}

// TestReorderLuck sends packets over a line that loses, repeats and reorders, and sends again what is asked for.
func TestReorderLuck(t *testing.T) {
	luck := rand.New(rand.NewPCG(1, 2))
	b := Reorder{Hold: 400 * ms}
	type flight struct {
		n     int
		again bool
	}
	wire := map[time.Duration][]flight{}
	const count = 200_000
	next, got := 0, 0
	for now := time.Duration(0); next < count || now < time.Duration(count/2+1000)*ms; now += ms {
		for range 2 {
			if next == count {
				break
			}
			at := now + time.Duration(20+luck.IntN(8))*ms
			if luck.IntN(100) >= 5 {
				wire[at] = append(wire[at], flight{next, false})
			}
			if luck.IntN(100) == 0 {
				wire[at+3*ms] = append(wire[at+3*ms], flight{next, false})
			}
			next++
		}
		for _, f := range wire[now] {
			b.Push(now, numbered(f.n), f.again)
		}
		delete(wire, now)
		for _, n := range b.NACKs(now, 40*ms, nil) {
			if luck.IntN(100) >= 5 {
				full := int(unwrap(int64(got), n))
				wire[now+40*ms] = append(wire[now+40*ms], flight{full, true})
			}
		}
		for {
			p, ok := b.Pop(now)
			if !ok {
				break
			}
			if p.Lost > 0 {
				got += p.Lost
			}
			if p.Sequence != uint16(got) {
				t.Fatalf("%d came in place of %d", p.Sequence, uint16(got))
			}
			got++
		}
	}
	r := b.Reception
	if r.Lost > 0 || r.Recovered < count/50 || r.Reordered == 0 || r.Received < count-50 {
		t.Errorf("reception %+v", r)
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

func TestRTX(t *testing.T) {
	line, rtx := Line{SSRC: 1, Type: 96, Sequence: 9, Offset: 100}, Line{SSRC: 2, Type: 97, Sequence: 65535}
	p := Payload{Data: []byte("media"), Time: 5, Marker: true}
	first := line.Append(nil, &p)
	if want := "\x80\xe0\x00\x09\x00\x00\x00\x69\x00\x00\x00\x01media"; string(first) != want {
		t.Errorf("% x; want % x", first, want)
	}
	again := line.AppendRTX(nil, &rtx, 9, &p)
	if want := "\x80\xe1\xff\xff\x00\x00\x00\x69\x00\x00\x00\x02\x00\x09media"; string(again) != want {
		t.Errorf("% x; want % x", again, want)
	}
	if rtx.Sequence != 0 || line.Sequence != 10 {
		t.Errorf("next %d and %d", line.Sequence, rtx.Sequence)
	}
	got, want := parse(t, again), parse(t, first)
	if !got.Original(1, 96) || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v; want %+v", got, want)
	}
	for n := range 3 {
		if p := (Packet{Payload: make([]byte, n)}); p.Original(1, 96) {
			t.Errorf("%d bytes are a packet", n)
		}
	}
	h := line.Header(&p)
	wire, err := h.Marshal()
	if err != nil || string(wire[4:]) != string(first[4:12]) || h.SequenceNumber != 10 {
		t.Errorf("header % x, %v", wire, err)
	}
}
