package webrtc

import (
	"testing"
	"time"

	"github.com/pion/rtp"

	"weir/internal/stream"
)

// TestNumber has packets of two publishers come late and not at all.
func TestNumber(t *testing.T) {
	first, second := &stream.LaneReader{}, &stream.LaneReader{}
	o := &outlet{clock: videoClock}
	for i, c := range []struct {
		lane   *stream.LaneReader
		number uint16
		time   uint32
		at     time.Duration
		want   uint16 // zero: none
		stamp  uint32
	}{
		{first, 65533, 1000, 1 * time.Second, 65533, 1000},
		{first, 65535, 4600, 1040 * time.Millisecond, 65535, 4600}, // one is missing
		{first, 65532, 1000, 1041 * time.Millisecond, 65532, 1000}, // of before it began, which the player can have
		{first, 65534, 4600, 1060 * time.Millisecond, 65534, 4600}, // comes late
		{first, 2, 8200, 1080 * time.Millisecond, 2, 8200},
		{second, 40, 77, 2080 * time.Millisecond, 3, 8200 + 90000}, // another, a second later
		{second, 39, 77, 2081 * time.Millisecond, 0, 0},            // of before it began: its number is that of another
		{second, 42, 3677, 2120 * time.Millisecond, 5, 8200 + 93600},
		{second, 41, 3677, 2121 * time.Millisecond, 4, 8200 + 93600},
	} {
		p := &rtp.Packet{Header: rtp.Header{SequenceNumber: c.number, Timestamp: c.time}}
		ok := o.number(c.lane, p, int64(c.at))
		if ok != (c.want != 0) || ok && (p.SequenceNumber != c.want || p.Timestamp != c.stamp) {
			t.Errorf("%d: %t, number %d at %d; want %d at %d", i, ok, p.SequenceNumber, p.Timestamp, c.want, c.stamp)
		}
	}
	for n := range uint16(60_000) { // more than half of all numbers away from where the second began
		if !o.number(second, &rtp.Packet{Header: rtp.Header{SequenceNumber: 43 + n}}, int64(3*time.Second)) {
			t.Fatalf("%d is taken for late", 43+n)
		}
	}
}
