package media

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"
)

const (
	ms   = int64(time.Millisecond)
	sec  = int64(time.Second)
	hour = int64(time.Hour)
)

// stamped is a frame and where it was put.
type stamped struct {
	track int
	kind  Kind
	dts   int64 // the publisher's
	at    int64
	out   int64
}

// feed is a publisher of pictures, track 0, 25 a second, and sound, track 1, 50 a second, whose
// clocks can be set.
type feed struct {
	clock  Clock
	set    [2]int64 // publisher's time minus true time, by track
	rate   [2]int64 // ppm by which a track's clock is fast
	speed  int64    // how many times faster than real time it sends; 0 is at once
	pause  int64    // how long it has been silent
	silent [2]bool
	now    int64 // true time of the next frames
	log    []stamped
}

func (f *feed) run(d int64) {
	for end := f.now + d; f.now < end; f.now += 20 * ms {
		if f.now%(40*ms) == 0 {
			f.send(0, Video)
		}
		f.send(1, Audio)
	}
}

func (f *feed) send(track int, kind Kind) {
	if f.silent[track] {
		return
	}
	at := f.pause
	if f.speed > 0 {
		at += f.now / f.speed
	}
	f.stamp(track, kind, f.now+f.now*f.rate[track]/1e6+f.set[track], at)
}

func (f *feed) stamp(track int, kind Kind, dts, at int64) int64 {
	out := f.clock.Stamp(track, kind, dts, at)
	f.log = append(f.log, stamped{track, kind, dts, at, out})
	return out
}

// newest is where the newest frame of a track was put.
func (f *feed) newest(track int) stamped {
	for _, s := range slices.Backward(f.log) {
		if s.track == track {
			return s
		}
	}
	return stamped{}
}

func TestClock(t *testing.T) {
	// Each case runs a second or more of a publisher, does something to it and runs on. The end
	// is where its newest sound is to be, and skew how far pictures may be from where their
	// time to the sound says.
	for name, c := range map[string]struct {
		do      func(*feed)
		end     int64
		within  int64
		skew    int64
		repairs Repairs
		held    bool // some Order repairs, as many as it takes
	}{
		"steady": {
			do:  func(f *feed) { f.run(20 * sec) },
			end: 20*sec - 20*ms,
		},
		"starts hours into its own time": {
			do:  func(f *feed) { f.set = [2]int64{30 * hour, 30 * hour}; f.run(5 * sec) },
			end: 5*sec - 20*ms,
		},
		"faster than real time": {
			do:  func(f *feed) { f.speed = 100; f.run(600 * sec) },
			end: 600*sec - 20*ms,
		},
		"all at once": {
			do:  func(f *feed) { f.speed = 0; f.run(600 * sec) },
			end: 600*sec - 20*ms,
		},
		"reset to zero": {
			do: func(f *feed) {
				f.run(60 * sec)
				f.set = [2]int64{-f.now, -f.now}
				f.run(10 * sec)
			},
			end: 70*sec - 20*ms, within: 40 * ms, repairs: Repairs{Jump: 2}, held: true,
		},
		"reset to zero soon, beyond what is order for one track only": {
			do: func(f *feed) {
				f.silent[1] = true
				f.run(60 * ms)
				f.silent[1] = false
				f.run(960 * ms)
				f.silent[1] = true // its newest picture is at 1 s, its newest sound before
				f.run(40 * ms)
				f.silent[1] = false
				f.set = [2]int64{-f.now, -f.now}
				f.run(10 * sec)
			},
			end: 11*sec + 40*ms, within: 60 * ms, repairs: Repairs{Jump: 2}, held: true,
		},
		"forward by hours": {
			do: func(f *feed) {
				f.run(60 * sec)
				f.set = [2]int64{5 * hour, 5 * hour}
				f.run(10 * sec)
			},
			end: 70*sec - 20*ms, within: 40 * ms, repairs: Repairs{Jump: 2}, held: true,
		},
		"forward by just more than is believed": {
			do: func(f *feed) {
				f.run(60 * sec)
				f.set = [2]int64{3*sec + 10*ms, 3*sec + 10*ms}
				f.run(10 * sec)
			},
			end: 70*sec - 20*ms, within: 40 * ms, repairs: Repairs{Jump: 2}, held: true,
		},
		"forward by hours, all at once": {
			do: func(f *feed) {
				f.speed = 0
				f.run(60 * sec)
				f.set = [2]int64{5 * hour, 5 * hour}
				f.run(60 * sec)
				f.set = [2]int64{}
				f.run(60 * sec)
			},
			end: 180*sec - 20*ms, within: 80 * ms, repairs: Repairs{Jump: 4}, held: true,
		},
		"forward, and back, and forward": {
			do: func(f *feed) {
				for n := range int64(6) {
					f.run(10 * sec)
					f.set = [2]int64{n % 2 * 5 * hour, n % 2 * 5 * hour}
				}
				f.run(10 * sec)
			},
			end: 70*sec - 20*ms, within: 200 * ms, repairs: Repairs{Jump: 10}, held: true,
		},
		"only one track's clock is set": {
			do: func(f *feed) {
				f.run(60 * sec)
				f.set[0] = hour
				f.run(10 * sec)
			},
			end: 70*sec - 20*ms, skew: hour, repairs: Repairs{Jump: 1},
		},
		"clocks that differ by hours": {
			do: func(f *feed) {
				f.set[1] = 3 * hour
				f.run(20 * sec)
			},
			end: 20*sec - 20*ms, skew: 3 * hour, repairs: Repairs{Skew: 1},
		},
		"clocks that differ by hours and are set": {
			do: func(f *feed) {
				f.set[0] = 3 * hour
				f.run(20 * sec)
				f.set = [2]int64{5 * hour, 2 * hour}
				f.run(20 * sec)
			},
			end: 40*sec - 20*ms, within: 40 * ms, skew: 3 * hour, repairs: Repairs{Skew: 1, Jump: 2}, held: true,
		},
		"a gap in which the time really passed": {
			do: func(f *feed) {
				f.run(10 * sec)
				f.now += 3600 * sec
				f.run(10 * sec)
			},
			end: 3620*sec - 20*ms,
		},
		"a silence after which it goes on where it was": {
			do: func(f *feed) {
				f.run(10 * sec)
				f.pause = 60 * sec
				f.run(10 * sec)
			},
			end: 20*sec - 20*ms,
		},
		"sound first": {
			do: func(f *feed) {
				f.silent[0] = true
				f.run(5 * sec)
				f.silent[0] = false
				f.run(5 * sec)
			},
			end: 10*sec - 20*ms,
		},
		"pictures first by so long that only real time explains it": {
			do: func(f *feed) {
				f.silent[1] = true
				f.run(5 * sec)
				f.silent[0] = true
				f.run(30 * sec)
				f.silent[1] = false
				f.run(5 * sec)
			},
			end: 40*sec - 20*ms,
		},
		"pictures pause for a minute": {
			do: func(f *feed) {
				f.run(10 * sec)
				f.silent[0] = true
				f.run(60 * sec)
				f.silent[0] = false
				f.run(10 * sec)
			},
			end: 80*sec - 20*ms,
		},
		"pictures pause for a minute, and so does their clock": {
			do: func(f *feed) {
				f.run(10 * sec)
				f.silent[0] = true
				f.run(60 * sec)
				f.silent[0], f.set[0] = false, -60*sec
				f.run(10 * sec)
			},
			end: 80*sec - 20*ms, skew: 60 * sec, repairs: Repairs{Skew: 1},
		},
		"pictures pause for a minute, and come back with another clock": {
			do: func(f *feed) {
				f.run(10 * sec)
				f.silent[0] = true
				f.run(60 * sec)
				f.silent[0], f.set[0] = false, -70*sec
				f.run(10 * sec)
			},
			end: 80*sec - 20*ms, skew: 70 * sec, repairs: Repairs{Jump: 1},
		},
		"slow drift until it is skew": {
			do: func(f *feed) {
				f.rate[0] = -10000 // 1 %: 10 s behind after 1,000 s
				f.run(1100 * sec)
			},
			end: 1100*sec - 20*ms, skew: 1100 * sec / 100, repairs: Repairs{Skew: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := &feed{speed: 1}
			c.do(f)
			check(t, 0, f.log)
			got := f.clock.Repairs
			if c.held && got.Order < 20 {
				got.Order = 0
			}
			if got != c.repairs {
				t.Errorf("Repairs = %+v, want %+v", f.clock.Repairs, c.repairs)
			}
			video, audio := f.newest(0), f.newest(1)
			if d := abs(audio.out - c.end); d > c.within {
				t.Errorf("the newest sound is at %s, want %s", time.Duration(audio.out), time.Duration(c.end))
			}
			if d := abs((audio.out - video.out) - (audio.dts - video.dts)); d > c.skew+ms && c.skew == 0 {
				t.Errorf("picture and sound are %s out of step", time.Duration(d))
			} else if c.skew > 0 && abs(audio.out-video.out) > 10*sec {
				t.Errorf("picture and sound are %s apart", time.Duration(audio.out-video.out))
			}
			if off := f.clock.Offset(); f.log[0].track == 0 && off != video.out-video.dts {
				t.Errorf("Offset = %s, want the pictures', %s", time.Duration(off), time.Duration(video.out-video.dts))
			}
		})
	}
}

// check holds the log against what a Clock promises.
func check(t *testing.T, start int64, log []stamped) {
	t.Helper()
	last := map[int]int64{}
	newest, at, led := start, int64(0), false
	for n, s := range log {
		if prev, ok := last[s.track]; ok && s.out < prev {
			t.Fatalf("frame %d %+v: its track falls from %d", n, s, prev)
		}
		if s.out < start {
			t.Fatalf("frame %d %+v: before the start, %d", n, s, start)
		}
		last[s.track] = s.out
		if n == 0 {
			at = s.at
		}
		switch latest := newest + int64(MaxGap) + max(0, s.at-at); {
		case s.out > latest:
			t.Fatalf("frame %d %+v: later than %d", n, s, latest)
		case led && s.kind != Data && s.out < newest-int64(MaxSkew):
			t.Fatalf("frame %d %+v: more than MaxSkew behind %d", n, s, newest)
		}
		if s.kind != Data || !led {
			led = led || s.kind != Data
			if s.out >= newest {
				newest, at = s.out, s.at
			}
		}
	}
}

func TestClockHoldsBadOrder(t *testing.T) {
	var c Clock
	for _, s := range [][2]int64{{0, 0}, {40, 40}, {20, 40}, {30, 40}, {80, 80}, {-500, 80}, {120, 120}} {
		if got := c.Stamp(0, Video, s[0]*ms, s[0]*ms); got != s[1]*ms {
			t.Errorf("%d ms came out at %s, want %d ms", s[0], time.Duration(got), s[1])
		}
	}
	if want := (Repairs{Order: 3}); c.Repairs != want {
		t.Errorf("Repairs = %+v, want %+v", c.Repairs, want)
	}
}

func TestClockOfData(t *testing.T) {
	type in struct {
		kind         Kind
		dts, at, out int64 // ms
	}
	for name, list := range map[string][]in{
		"stamps are zero": {
			{Video, 5000, 0, 0}, {Data, 0, 10, 0}, {Video, 5040, 40, 40}, {Data, 0, 50, 40}, {Video, 5080, 80, 80},
		},
		"stamps are good": {
			{Video, 5000, 0, 0}, {Data, 5020, 10, 20}, {Video, 5040, 40, 40}, {Data, 5060, 50, 60}, {Data, 5050, 50, 60},
		},
		"before the start": {
			{Video, 5000, 0, 0}, {Data, 4500, 0, 0}, {Video, 5040, 40, 40},
		},
		"first, with another clock": {
			{Data, 0, 0, 0}, {Video, 5000, 0, 0}, {Audio, 5000, 0, 0}, {Video, 5040, 40, 40}, {Data, 40, 40, 40},
		},
		"first, by a second": {
			{Data, 0, 0, 0}, {Data, 0, 500, 500}, {Video, 5000, 1000, 500}, {Video, 5040, 1040, 540},
		},
		"alone": {
			{Data, 0, 0, 0}, {Data, 0, 700, 700}, {Data, 0, 60000, 60000}, {Data, 9, 50000, 60000},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := Clock{Start: sec}
			for n, s := range list {
				track := map[Kind]int{Data: 0, Video: 1, Audio: 2}[s.kind]
				if got := c.Stamp(track, s.kind, s.dts*ms, s.at*ms); got != sec+s.out*ms {
					t.Errorf("frame %d came out at %s, want %d ms", n, time.Duration(got-sec), s.out)
				}
			}
			if c.Repairs != (Repairs{}) {
				t.Errorf("Repairs = %+v", c.Repairs)
			}
			if c.led && c.Offset() != c.tracks[1].offset {
				t.Errorf("Offset = %s, want the pictures'", time.Duration(c.Offset()))
			}
		})
	}
}

func TestClockContinues(t *testing.T) {
	end := int64(0)
	for n := range int64(5) {
		f := &feed{speed: 1, clock: Clock{Start: end}, set: [2]int64{n * hour, n * hour}}
		if f.clock.End() != end {
			t.Errorf("a publisher who says nothing ends at %d, not where it started, %d", f.clock.End(), end)
		}
		f.run(10 * sec)
		check(t, end, f.log)
		if f.log[0].out != end {
			t.Errorf("publisher %d starts at %d, want %d", n, f.log[0].out, end)
		}
		if want := end + 10*sec - 20*ms + 40*ms; f.clock.End() != want {
			t.Errorf("publisher %d ends at %d, want a picture after the last frame: %d", n, f.clock.End(), want)
		}
		f.stamp(2, Data, f.now+n*hour+500*ms, f.now)
		if f.clock.End() <= f.newest(2).out {
			t.Errorf("publisher %d ends at %d, before its data at %d", n, f.clock.End(), f.newest(2).out)
		}
		end = f.clock.End()
	}
}

func TestWrap(t *testing.T) {
	for name, c := range map[string]struct {
		bits uint
		raw  []uint64
		want []int64
	}{
		"33 bits": {33, []uint64{1<<33 - 2, 1<<33 - 1, 0, 1, 1<<33 - 1, 5}, []int64{1<<33 - 2, 1<<33 - 1, 1 << 33, 1<<33 + 1, 1<<33 - 1, 1<<33 + 5}},
		"32 bits": {32, []uint64{1<<32 - 1, 0, 1 << 31, 1<<32 - 1, 0}, []int64{1<<32 - 1, 1 << 32, 1<<32 - 1<<31, 1<<32 - 1, 1 << 32}},
		"16 bits": {16, []uint64{100, 0, 65535, 65000}, []int64{100, 0, -1, -536}},
		"junk above the bits": {
			33, []uint64{1<<33 - 1, 1<<40 | 3}, []int64{1<<33 - 1, 1<<33 + 3},
		},
	} {
		w := Wrap{Bits: c.bits}
		for n, raw := range c.raw {
			if got := w.Next(raw); got != c.want[n] {
				t.Errorf("%s: value %d, %#x, is %#x; want %#x", name, n, raw, got, c.want[n])
			}
		}
	}
}

func TestWrapManyTimes(t *testing.T) {
	w := Wrap{Bits: 33}
	want := int64(0)
	for range 1000 {
		if got := w.Next(uint64(want) & (1<<33 - 1)); got != want {
			t.Fatalf("Next = %d, want %d", got, want)
		}
		want += 1 << 31
	}
}

// A frame of the fuzzer's publisher is five bytes:
//
//	| kind u2, track u6 | step of its dts i16, 4 ms, or if odd i16, s | time since the one before u16, ms |
const fuzzFrame = 5

func decodeFeed(data []byte) (log []stamped) {
	var own [4]int64
	var at int64
	for ; len(data) >= fuzzFrame && len(log) < 5000; data = data[fuzzFrame:] {
		track := int(data[0]>>6) % len(own)
		step := int64(int16(binary.BigEndian.Uint16(data[1:])))
		if data[0]&1 != 0 {
			step *= sec
		} else {
			step *= 4 * ms
		}
		own[track] += step
		at += int64(binary.BigEndian.Uint16(data[3:])) * ms
		log = append(log, stamped{track: track, kind: []Kind{Video, Audio, Data, Audio}[track], dts: own[track], at: at})
	}
	return log
}

func FuzzClock(f *testing.F) {
	frame := func(track, set byte, step int16, wait uint16) []byte {
		b := []byte{track<<6 | set}
		b = binary.BigEndian.AppendUint16(b, uint16(step))
		return binary.BigEndian.AppendUint16(b, wait)
	}
	var steady, jumps, data []byte
	for n := range 40 {
		steady = append(append(steady, frame(0, 0, 10, 20)...), frame(1, 0, 10, 20)...)
		if jumps = append(jumps, steady[:10]...); n%10 == 9 {
			far := int16(3600 - n*300)
			jumps = append(append(jumps, frame(0, 1, far, 40)...), frame(1, 1, far, 0)...)
		}
		data = append(append(data, frame(2, 0, int16(n*n), 7)...), steady[:10]...)
	}
	f.Add(int64(0), steady)
	f.Add(int64(5), jumps)
	f.Add(hour, data)
	f.Add(int64(0), append(frame(2, 1, -900, 60000), steady...))
	f.Add(int64(0), append(append(slices.Clone(steady), frame(1, 0, -260, 0)...), frame(0, 0, -240, 0)...))
	f.Fuzz(func(t *testing.T, start int64, data []byte) {
		start &= 1<<50 - 1
		c := Clock{Start: start}
		log := decodeFeed(data)
		for n := range log {
			s := &log[n]
			s.out = c.Stamp(s.track, s.kind, s.dts, s.at)
		}
		check(t, start, log)
		for n, s := range log {
			if s.out >= c.End() {
				t.Fatalf("frame %d %+v is not before the end, %d", n, s, c.End())
			}
		}
	})
}

func BenchmarkClockStamp(b *testing.B) {
	b.ReportAllocs()
	var c Clock
	var now int64
	for b.Loop() {
		c.Stamp(0, Video, now, now)
		c.Stamp(1, Audio, now, now)
		now += 20 * ms
	}
}
