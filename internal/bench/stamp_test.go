package bench

import (
	"bytes"
	"math"
	"testing"
	"time"
)

func TestStamp(t *testing.T) {
	for _, want := range []stamp{
		{time.Unix(0, 0), 0, 0},
		{time.Unix(1800000000, 123456789), 1, 999},
		{time.Unix(0, math.MaxInt64), math.MaxUint32, math.MaxUint32},
	} {
		unit := appendStamp(nil, want)
		if len(unit) != stampSize || bytes.IndexByte(unit, 0) >= 0 {
			t.Errorf("%d bytes, want %d and none of them zero: % x", len(unit), stampSize, unit)
		}
		if got, ok := parseStamp(unit); !ok || got != want {
			t.Errorf("parseStamp: %v, %v, want %v", got, ok, want)
		}
		for n := range unit {
			if _, ok := parseStamp(unit[:n]); ok {
				t.Errorf("a stamp of %d bytes", n)
			}
		}
		others := appendUnit(appendUnit(nil, []byte{9, 0xf0}), []byte{unitSEI, payloadUserData, 17, 1})
		message := appendUnit(appendStampUnit(others, want), []byte{0x65, 1, 2})
		if got, ok := findStamp(message); !ok || got != want {
			t.Errorf("behind other units: %v, %v, want %v", got, ok, want)
		}
	}
	for _, none := range [][]byte{
		nil,
		make([]byte, 100),
		appendUnit(nil, bytes.Repeat([]byte{unitSEI}, stampSize)),
		append([]byte{0xff, 0xff, 0xff, 0xff}, make([]byte, stampSize)...),
	} {
		if got, ok := findStamp(none); ok {
			t.Errorf("% x is %v", none, got)
		}
	}
}
