package stream

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"weir/internal/media"
)

func TestLateJoiner(t *testing.T) {
	pure := strings.Repeat("a", pureAudio)
	for name, c := range map[string]struct {
		rules  Settings
		layout *media.Layout
		before string
		after  string
		want   string
	}{
		"cached":                    {cached, pictures(), "KPPaKPa", "P", "K4 P5 a6 P7"},
		"cache is off":              {Settings{QueueLength: time.Minute}, pictures(), "KPPaKPa", "P", "P7"},
		"no key frame yet":          {cached, pictures(), "PPaa", "PK", "P4 K5"},
		"sound alone is not cached": {cached, sounds(), "aaaa", "a", "a4"},
		"sound before pictures":     {cached, pictures(), "aaaK", "P", "K3 P4"},
		"data is no key frame":      {cached, pictures(), "KPdPd", "P", "K0 P1 d2 P3 d4 P5"},
		"115 sounds":                {cached, pictures(), "K" + pure, "", "K0 " + numbered('a', 1, pureAudio)},
		"116 sounds":                {cached, pictures(), "K" + pure + "a", "a", "a117"},
		"116 sounds, then pictures": {cached, pictures(), "K" + pure + "aK", "P", "K117 P118"},
		"within the most frames":    {Settings{GOPCache: true, GOPCacheMaxFrames: 64}, pictures(), gops(9)[:64] + "K", "", "K64"},
		"more than the most frames": {
			Settings{GOPCache: true, GOPCacheMaxFrames: 60, QueueLength: time.Minute}, pictures(),
			"K" + strings.Repeat("P", 128), "P", "P129",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRegistry(c.rules)
			p := publish(t, g, request("s"))
			p.layout = c.layout
			p.must(t, c.before)
			r := subscribe(t, g, request("s"))
			p.must(t, c.after)
			want(t, r, c.want, nil)
			if r.Lost() != 0 {
				t.Errorf("Lost = %d", r.Lost())
			}
		})
	}
}

// numbered renders count sounds from a number on, as text does.
func numbered(letter rune, from, count int) string {
	var list []string
	for n := range count {
		list = append(list, fmt.Sprintf("%c%d", letter, from+n))
	}
	return strings.Join(list, " ")
}

func TestSoundIsCountedOnOneTrackOnly(t *testing.T) {
	g := newRegistry(cached)
	p := publish(t, g, request("s"))
	p.layout.Tracks = append(p.layout.Tracks, &media.Track{ID: 1, Kind: media.Audio})
	p.must(t, "K")
	for range pureAudio {
		p.must(t, "a")
		f := p.frame('a')
		f.Track = 3
		if err := p.WriteFrame(f); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, subscribe(t, g, request("s"))); n != 1+2*pureAudio {
		t.Errorf("a late joiner reads %d frames, want all %d", n, 1+2*pureAudio)
	}
}

func TestWindow(t *testing.T) {
	type reader struct{ reads bool }
	for name, c := range map[string]struct {
		rules   Settings
		readers []reader
		write   string
		least   int // frames that must be there
		most    int // frames that may
	}{
		"one GOP":               {cached, nil, gops(50), 10, 10},
		"one GOP and a little":  {cached, nil, gops(50) + "KPP", 3, 3},
		"a reader that follows": {cached, []reader{{true}}, gops(50), 10, 10},
		"a slow reader":         {cached, []reader{{true}, {false}}, gops(50), 500, 500},
		"a reader beyond the queue": {
			Settings{GOPCache: true, QueueLength: 2 * time.Second}, []reader{{false}}, gops(50), 51, 61,
		},
		"a reader beyond the queue, nothing cached": {
			Settings{QueueLength: 2 * time.Second}, []reader{{false}}, gops(50), 51, 61,
		},
		"nothing cached, nobody reads": {Settings{QueueLength: time.Minute}, nil, gops(50), 0, 10},
		"a GOP longer than the queue": {
			Settings{GOPCache: true, QueueLength: time.Second}, []reader{{false}}, gops(2) + "K" + strings.Repeat("P", 999), 1000, 1000,
		},
		"a GOP of too many frames": {
			Settings{GOPCache: true, GOPCacheMaxFrames: 100, QueueLength: time.Second}, []reader{{false}}, "K" + strings.Repeat("P", 999), 25, 26 + trimEvery,
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRegistry(c.rules)
			p := publish(t, g, request("s"))
			var all []*Subscriber
			for range c.readers {
				all = append(all, subscribe(t, g, request("s")))
			}
			for _, letter := range c.write {
				p.must(t, string(letter))
				for n, r := range all {
					if c.readers[n].reads {
						if _, err := drain(r); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			base, next, bytes := span(p.stream)
			if n := int(next - base); n < c.least || n > c.most {
				t.Errorf("%d frames are kept, want %d to %d", n, c.least, c.most)
			}
			if sum := weigh(p.stream); bytes != sum {
				t.Errorf("%d bytes are counted, and there are %d", bytes, sum)
			}
		})
	}
}

// weigh adds up the window's memory.
func weigh(s *Stream) (sum int) {
	for pos := s.frames.base; pos < s.frames.next; pos++ {
		sum += s.frames.at(pos).Size() + frameBytes
	}
	return sum
}

func TestWindowIsBoundedInBytes(t *testing.T) {
	g := newRegistry(Settings{GOPCache: true, QueueLength: time.Hour})
	p := publish(t, g, request("s"))
	r := subscribe(t, g, request("s"))
	blob := make([]byte, 8<<20)
	for n := range 100 {
		f := media.NewFrame(nil, blob) // the same memory for all, and counted each time
		f.Layout, f.Key, f.DTS = p.layout, n == 0, int64(n)*int64(tick)
		if err := p.WriteFrame(f); err != nil {
			t.Fatal(err)
		}
		if _, _, bytes := span(p.stream); bytes > maxWindowBytes {
			t.Fatalf("%d bytes after %d frames", bytes, n+1)
		}
	}
	want(t, r, "", nil) // its GOP is gone
	if r.Lost() != 100 {
		t.Errorf("Lost = %d", r.Lost())
	}
	if r := subscribe(t, g, request("s")); count(t, r) != 0 {
		t.Error("a late joiner reads a GOP without its key frame")
	}
}

func TestWindowOfAClockThatStandsStill(t *testing.T) {
	g := newRegistry(Settings{GOPCache: true, QueueLength: time.Second})
	p := publish(t, g, request("s"))
	subscribe(t, g, request("s")) // does not read
	for n := range 10_000 {
		f := p.frame([]rune("KP")[min(n%100, 1)])
		f.DTS, f.PTS = 0, 0
		if err := p.WriteFrame(f); err != nil {
			t.Fatal(err)
		}
	}
	if base, next, _ := span(p.stream); next-base > 200 {
		t.Errorf("%d frames are kept", next-base)
	}
}

func TestForgottenFramesAreFreed(t *testing.T) {
	g := newRegistry(cached)
	p := publish(t, g, request("s"))
	p.must(t, gops(3))
	n, freed := watch(p.stream)
	p.must(t, "K")
	waitFreed(t, freed, n)
}

func TestSlowReaderLosesWholeGOPs(t *testing.T) {
	g := newRegistry(Settings{GOPCache: true, QueueLength: 2 * time.Second}) // 50 pictures
	p := publish(t, g, request("s"))
	r := subscribe(t, g, request("s"))
	p.must(t, "KPP")
	want(t, r, "K0 P1 P2", nil)
	p.must(t, "PPPPPPP"+gops(7)+"KPa") // read to 3, newest key frame 80
	want(t, r, "K80 P81 a82", nil)
	if r.Lost() != 77 {
		t.Errorf("Lost = %d, want 77", r.Lost())
	}
	p.must(t, "P")
	want(t, r, "P83", nil)
}

func TestSlowReaderWaitsForAKeyFrame(t *testing.T) {
	g := newRegistry(Settings{QueueLength: 2 * time.Second})
	p := publish(t, g, request("s"))
	r := subscribe(t, g, request("s"))
	p.must(t, "K"+strings.Repeat("P", 299)) // no key frame is left
	want(t, r, "", nil)
	p.must(t, "PPaP")
	want(t, r, "", nil)
	p.must(t, "PaKP")
	want(t, r, "K306 P307", nil)
	if r.Lost() != 306 {
		t.Errorf("Lost = %d, want 306", r.Lost())
	}
}

func TestSlowReaderOfSound(t *testing.T) {
	for name, c := range map[string]struct {
		layout *media.Layout
		first  string
	}{
		"no pictures":      {sounds(), ""},
		"pictures stopped": {pictures(), "KPP"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRegistry(Settings{GOPCache: true, QueueLength: 2 * time.Second})
			p := publish(t, g, request("s"))
			p.layout = c.layout
			r := subscribe(t, g, request("s"))
			p.must(t, c.first)
			for range 640 {
				p.now += tick // also where sound does not do that
				p.must(t, "a")
			}
			last := fmt.Sprintf("a%d", p.n-1)
			want(t, r, last, nil)
			if int(r.Lost()) != p.n-1 {
				t.Errorf("Lost = %d, want %d", r.Lost(), p.n-1)
			}
			p.must(t, "aa")
			want(t, r, numbered('a', p.n-2, 2), nil)
		})
	}
}

func TestPicturesReturnWithoutAKeyFrame(t *testing.T) {
	g := newRegistry(Settings{GOPCache: true, QueueLength: time.Second})
	p := publish(t, g, request("s"))
	r := subscribe(t, g, request("s"))
	p.must(t, "K"+strings.Repeat("a", 200)+strings.Repeat("P", 64))
	want(t, r, "", nil) // nothing that is left can be decoded
	p.must(t, "PK")
	want(t, r, fmt.Sprintf("K%d", p.n-1), nil)
}

func TestRepublish(t *testing.T) {
	g := newRegistry(cached)
	stays, leaves, told := request("s"), request("s"), request("s")
	stays.Wait, told.Wait, told.Notice = true, true, true
	a := publish(t, g, request("s"))
	r1, r2, r3 := subscribe(t, g, stays), subscribe(t, g, leaves), subscribe(t, g, told)
	a.must(t, "KPPP")
	a.Close()
	want(t, r3, "K0 P1 P2 P3", ErrUnpublished)
	want(t, r3, "", nil) // once
	b := publish(t, g, request("s"))
	b.own = time.Hour
	b.must(t, "KP")
	want(t, r1, "K0 P1 P2 P3 K0 P1", nil)
	want(t, r2, "K0 P1 P2 P3", errEnded)
	want(t, r2, "", errEnded)
	want(t, r3, "K0 P1", nil)
	b.Close()
	want(t, r3, "", ErrUnpublished)
	publish(t, g, request("s")).Close()
	publish(t, g, request("s")).Close()
	want(t, r3, "", ErrUnpublished)
	want(t, r3, "", ErrUnpublished)
	want(t, r3, "", nil)
	want(t, r1, "", nil)
}

func TestNewsOfTheEndComesBetweenTheFrames(t *testing.T) {
	g := newRegistry(cached)
	told := request("s")
	told.Wait, told.Notice = true, true
	a := publish(t, g, request("s"))
	r, ends := subscribe(t, g, told), subscribe(t, g, request("s"))
	a.must(t, "KPP")
	a.Close()
	publish(t, g, request("s")).must(t, "KP")
	want(t, r, "K0 P1 P2", ErrUnpublished)
	want(t, r, "K0 P1", nil)
	want(t, ends, "K0 P1 P2", errEnded)
}

func TestTimelineGoesOn(t *testing.T) {
	g := newRegistry(cached)
	stays := request("s")
	stays.Wait = true
	r := subscribe(t, g, stays)
	dst := make([]*media.Frame, 64)
	last, number := int64(-1), uint64(0)
	var layout *media.Layout
	for n := range 4 {
		p := publish(t, g, request("s"))
		p.own = time.Duration(n) * time.Hour
		p.must(t, "KPaPP")
		got, _, err := r.next(dst)
		if got != 5 || err != nil {
			t.Fatal(got, err)
		}
		first := dst[0]
		if first.DTS <= last || first.DTS > last+int64(time.Second) {
			t.Errorf("publisher %d starts at %d, after %d", n, first.DTS, last)
		}
		if change := first.Layout.Since(layout); change&media.ChangePublisher == 0 || first.Layout.Publisher != number+1 {
			t.Errorf("publisher %d: number %d, change %b", n, first.Layout.Publisher, change)
		}
		if want := first.DTS - int64(time.Duration(n)*time.Hour+tick); first.Layout.Offset != want {
			t.Errorf("publisher %d: Offset = %d, want %d", n, first.Layout.Offset, want)
		}
		if wall := first.Layout.Wall.Add(time.Duration(first.DTS)); time.Since(wall).Abs() > time.Minute {
			t.Errorf("publisher %d: the first frame's wall-clock time is %s", n, wall)
		}
		for _, f := range dst[1:got] {
			if f.Layout != first.Layout {
				t.Errorf("publisher %d: the layout changes for no reason", n)
			}
		}
		layout, number, last = first.Layout, first.Layout.Publisher, dst[got-1].DTS
		p.Close()
	}
}

func TestLayoutChanges(t *testing.T) {
	g := newRegistry(cached)
	p := publish(t, g, request("s"))
	r := subscribe(t, g, request("s"))
	if r.Layout() != nil {
		t.Error("a layout before the first one")
	}
	p.Announce(p.layout)
	if r.Layout() == nil || r.Layout().Tracks[0] != p.layout.Tracks[0] {
		t.Error("what was announced is not in force")
	}
	dst := make([]*media.Frame, 8)
	read := func() *media.Layout {
		t.Helper()
		n, _, err := r.next(dst)
		if n != 1 || err != nil {
			t.Fatal(n, err)
		}
		return dst[0].Layout
	}
	p.must(t, "d") // without a time of its own
	prev := read()
	change := func(name string, want media.Change) {
		t.Helper()
		next := read()
		if got := next.Since(prev); got != want {
			t.Errorf("%s: changes %05b, want %05b", name, got, want)
		}
		prev = next
	}
	p.own = time.Hour
	p.must(t, "K")
	change("first picture sets the clock", media.ChangeClock)
	if prev.Offset != dst[0].DTS-int64(p.now+p.own) {
		t.Errorf("Offset = %d", prev.Offset)
	}
	p.must(t, "P")
	change("nothing", 0)
	l := *p.layout
	l.Meta = &media.Meta{}
	p.layout = &l
	p.must(t, "P")
	change("meta", media.ChangeMeta)
	p.own += 5 * time.Hour
	p.must(t, "P")
	change("jump", media.ChangeClock)
	if got := p.Repairs(); got != (media.Repairs{Jump: 1}) {
		t.Errorf("Repairs = %+v", got)
	}
}

func TestEndedPublisherIsFreed(t *testing.T) {
	for name, leave := range map[string]func(*testing.T, *Subscriber){
		"readers drain": func(t *testing.T, r *Subscriber) {
			if _, err := drain(r); err != nil && !errors.Is(err, errEnded) {
				t.Error(err)
			}
		},
		"readers go": func(_ *testing.T, r *Subscriber) { r.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			g := newRegistry(cached)
			stays := request("s")
			stays.Wait = true
			idle := subscribe(t, g, stays)
			p := publish(t, g, request("s"))
			slow := subscribe(t, g, request("s"))
			p.must(t, gops(3))
			want(t, idle, text(held(p.stream)), nil)
			n, freed := watch(p.stream)
			p.Close()
			if base, next, _ := span(idle.stream); next-base != 30 {
				t.Errorf("%d frames are kept for the slow reader, want 30", next-base)
			}
			leave(t, slow)
			if base, next, bytes := span(idle.stream); base != next || bytes != 0 {
				t.Errorf("%d frames are kept, %d bytes", next-base, bytes)
			}
			waitFreed(t, freed, n)
		})
	}
}

// held returns the frames of the window.
func held(s *Stream) (list []*media.Frame) {
	for pos := s.frames.base; pos < s.frames.next; pos++ {
		list = append(list, s.frames.at(pos))
	}
	return list
}

func TestReadersOfNobody(t *testing.T) {
	g := newRegistry(cached)
	for _, wait := range []bool{true, false} {
		q := request("s")
		q.Wait, q.Notice = wait, wait
		r := subscribe(t, g, q)
		want(t, r, "", nil) // neither an end nor news of one
		p := publish(t, g, request("s"))
		p.must(t, "KP")
		want(t, r, "K0 P1", nil)
		p.Close()
		r.Close()
		want(t, r, "", ErrClosed)
	}
}

func TestSettingsReachRunningStreams(t *testing.T) {
	rules := cached
	g := NewRegistry(Options{Settings: func(string) Settings { return rules }})
	p := publish(t, g, request("s"))
	p.must(t, "KPP")
	rules.GOPCache = false
	want(t, subscribe(t, g, request("s")), "", nil)
	rules.GOPCache = true
	want(t, subscribe(t, g, request("s")), "K0 P1 P2", nil)
}
