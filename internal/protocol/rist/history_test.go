package rist

import (
	"testing"
	"time"
)

// past is a history of n packets from number 65530 on, one each millisecond.
func past(n int) *history {
	h := &history{length: length}
	for i := range n {
		wire := h.room(MaxPayload)
		copy(wire, ts(i))
		h.put(time.Duration(i)*time.Millisecond, int64(65530+i), wire)
	}
	return h
}

func TestHistory(t *testing.T) {
	const last = 1999 * time.Millisecond
	h := past(2000)
	for number, known := range map[int]bool{1999: true, 1500: true, 1004: true, 1003: false, 0: false, 2000: false, 30000: false} {
		wire, ok := h.again(last+minAgain, 0, uint16(65530+number), nil)
		if ok != known {
			t.Errorf("packet %d: %v", number, ok)
		}
		if ok && numberIn(wire) != number {
			t.Errorf("packet %d is %d", number, numberIn(wire))
		}
	}
	if _, ok := (&history{}).again(0, 0, 5, nil); ok {
		t.Error("nothing was sent, and is known")
	}
}

func TestHistoryWithholds(t *testing.T) {
	h := past(10)
	const rtt = 100 * time.Millisecond
	ask := func(at time.Duration) bool {
		wire, known := h.again(at, rtt, 65530, nil)
		if !known {
			t.Errorf("not known at %v", at)
		}
		return len(wire) > 0
	}
	if ask(rtt/2-1) || !ask(rtt/2) || ask(rtt-1) || !ask(rtt) {
		t.Error("not every half round trip")
	}
	h = past(100)
	times := 0
	for at := rtt; at < length; at += minAgain {
		if wire, _ := h.again(at, 0, 65530, nil); len(wire) > 0 {
			times++
		}
	}
	if times != maxAgain {
		t.Errorf("sent %d times", times)
	}
	h = past(10)
	times = 0
	for at := rtt; at < length; at += minAgain {
		for i := range uint16(10) {
			if wire, _ := h.again(at, 0, 65530+i, nil); len(wire) > 0 {
				times++
			}
		}
	}
	if times != 10*maxShare {
		t.Errorf("%d packets for 10", times)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	h := &history{length: time.Hour}
	for i := range 3 * maxHistory {
		h.put(0, int64(i), h.room(MaxPayload))
	}
	if len(h.list) != maxHistory {
		t.Errorf("%d packets", len(h.list))
	}
	h = &history{length: time.Hour}
	for i := range 100 {
		h.put(0, int64(i), make([]byte, 1<<20))
	}
	if h.bytes != maxHistoryBytes || len(h.list) != 32 {
		t.Errorf("%d bytes in %d packets", h.bytes, len(h.list))
	}
}

func BenchmarkHistory(b *testing.B) {
	h := past(5000)
	b.ReportAllocs()
	at, seq := 5*time.Second, h.list[len(h.list)-1].seq
	for b.Loop() {
		at += 200 * time.Microsecond
		seq++
		h.put(at, seq, h.room(maxWire))
	}
}
