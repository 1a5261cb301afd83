package bench

import (
	"testing"
	"time"
)

// picture returns what a player is told of a stamped picture.
func picture(ms uint32, key bool, s stamp) *message {
	first := byte(deltaH264)
	if key {
		first = keyH264
	}
	return &message{kindVideo, ms, 5000, appendStampUnit([]byte{first, packetFrame, 0, 0, 0}, s)}
}

func TestPlayer(t *testing.T) {
	start := time.Unix(1800000000, 0)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	tally := &tally{open: true}
	p := &player{tally: tally, begun: start, live: at(5), late: 50 * time.Millisecond}
	for _, step := range []struct {
		now int
		m   *message
	}{
		{10, &message{kindVideo, 0, 50, []byte{keyH264, packetHeader}}},
		{10, &message{kindAudio, 0, 4, []byte{stereoAAC, packetHeader}}},
		{10, picture(900, false, stamp{at(1), 98, 0})}, // before it was let in
		{20, picture(933, true, stamp{at(4), 99, 0})},
		{30, picture(966, false, stamp{at(18), 100, 0})}, // live: 12 ms
		{40, picture(1000, false, stamp{at(39), 103, 0})},
		{95, picture(1033, false, stamp{at(40), 104, 0})},  // late
		{96, picture(1030, false, stamp{at(90), 103, 0})},  // time and number go back
		{1200, &message{kindAudio, 0, 9, []byte{0x2f, 1}}}, // after a stall
		{1201, &message{kindAudio, 0xfffffff0, 9, []byte{0x2f, 1}}},
		{1202, &message{kindAudio, 3, 9, []byte{0x2f, 1}}}, // it wraps, and that is forward
	} {
		p.arrived(100, at(step.now))
		p.take(step.m)
	}
	c := &tally.counts
	for name, n := range map[string][2]uint64{
		"bytes": {c.bytes, 1100}, "in the window": {c.windowBytes, 1100}, "video": {c.video, 6}, "audio": {c.audio, 3},
		"stamped": {c.stamped, 6}, "lost": {c.lost, 2}, "disorder": {c.disorder, 1}, "late": {c.late, 1},
		"back": {c.back, 2}, "stalls": {c.stalls, 1}, "latency": {c.latency.count, 4}, "first": {c.first.count, 1},
		"played": {c.played, 1}, "pictures": {c.pictures, 1}, "keyed": {c.keyed, 1},
	} {
		if n[0] != n[1] {
			t.Errorf("%s: %d, want %d", name, n[0], n[1])
		}
	}
	if c.first.max != 20*time.Millisecond || c.latency.max != 55*time.Millisecond {
		t.Errorf("first %v, latency up to %v", c.first.max, c.latency.max)
	}
	tally.open = false
	p.arrived(100, at(5000))
	p.take(picture(2000, false, stamp{at(4999), 105, 0}))
	if c.bytes != 1200 || c.windowBytes != 1100 || c.video != 6 || c.latency.count != 4 || c.stalls != 1 {
		t.Errorf("counted outside of what is measured: %+v", c.windowBytes)
	}
}

func TestVideoOf(t *testing.T) {
	for first, want := range map[string]look{
		"":                         {header: true},
		"\x17\x00\x00\x00\x00":     {header: true, key: true, units: 5},
		"\x17\x01\x00\x00\x00":     {key: true, units: 5},
		"\x27\x01\x00\x00\x00":     {units: 5},
		"\x27\x02\x00\x00\x00":     {header: true, units: 5},
		"\x12\x00":                 {key: true},
		"\x57\x00":                 {header: true, units: 5},
		"\x90hvc1":                 {header: true, key: true},
		"\x91hvc1\x00\x00\x00":     {key: true},
		"\xa3hvc1":                 {},
		"\x91avc1\x00\x00\x00\x00": {key: true, units: 8},
		"\xa3avc1\x00":             {units: 5},
		"\xa4avc1":                 {header: true},
		"\xa6\x01hvc1":             {},
	} {
		if got := videoOf([]byte(first)); got != want {
			t.Errorf("%q: %+v, want %+v", first, got, want)
		}
	}
}
