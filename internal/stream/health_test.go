package stream

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/media"
)

// film is a stream of pictures and sound as an encoder makes it.
type film struct {
	fps, gop int
	ahead    time.Duration // of the sound
	shuffled bool          // B-frames
	size     int           // of a picture; the sound has a tenth
	speed    float64       // at which it comes
}

// shoot writes so many pictures, with two sounds for each. The frames arrive as if it was later.
func (f film) shoot(t *testing.T, p *feed, from, count int) {
	t.Helper()
	step := time.Second / time.Duration(f.fps)
	for n := from; n < from+count; n++ {
		at := time.Duration(n) * step
		picture := media.NewFrame(nil, make([]byte, f.size))
		picture.Key = n%f.gop == 0
		picture.DTS, picture.PTS = int64(at), int64(at)
		if f.shuffled { // I P B B P B B
			picture.PTS += int64(step) * int64([]int{3, 0, 0}[n%3])
			if n%f.gop == 0 {
				picture.PTS = int64(at)
			}
		}
		list := []*media.Frame{picture}
		for half := range 2 {
			sound := media.NewFrame(nil, make([]byte, f.size/10))
			sound.Key, sound.Track = true, 1
			sound.DTS = int64(at + f.ahead + time.Duration(half)*step/2)
			sound.PTS = sound.DTS
			list = append(list, sound)
		}
		for _, x := range list {
			x.Layout, x.At = p.layout, int64(float64(at)/f.speed)
			if err := p.WriteFrame(x); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (s *Stream) wellbeing(now time.Duration) Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.health.tell(int64(now), s.publisher != nil)
	h.Repairs = s.clock.Repairs
	return h
}

func about(got, want, by float64) bool { return got >= want-by && got <= want+by }

func TestHealth(t *testing.T) {
	for name, x := range map[string]struct {
		film   film
		key    time.Duration
		offset time.Duration
	}{
		"25 pictures, B-frames": {film{fps: 25, gop: 50, shuffled: true, size: 5000, speed: 1}, 2 * time.Second, 20 * time.Millisecond},
		"30 pictures":           {film{fps: 30, gop: 30, size: 1000, speed: 1}, time.Second, time.Second / 60},
		"sound ahead, slow":     {film{fps: 50, gop: 25, size: 1000, speed: 0.5, ahead: time.Second}, time.Second / 2, 1010 * time.Millisecond},
	} {
		g := newRegistry(cached)
		p := publish(t, g, request("s"))
		s := p.stream
		if h := s.wellbeing(0); h != (Health{}) {
			t.Errorf("%s: before its first frame: %+v", name, h)
		}
		count := 12 * x.film.fps
		x.film.shoot(t, p, 0, count)
		end := time.Duration(float64(count) / float64(x.film.fps) / x.film.speed * float64(time.Second))
		h := s.wellbeing(end)
		fps := float64(x.film.fps)
		rate := fps * float64(x.film.size) * 8
		switch {
		case !about(h.FrameRate, fps, 0.01), h.Pictures != uint64(count), h.GOP != x.film.gop, h.Reorders != x.film.shuffled,
			!about(float64(h.KeyInterval), float64(x.key), 1e3), !about(float64(h.KeyAverage), float64(x.key), 1e3):
			t.Errorf("%s: pictures: %+v", name, h)
		case !about(h.VideoRate, rate, rate/100), !about(h.AudioRate, rate/5, rate/100), !about(h.Speed, x.film.speed, 0.02):
			t.Errorf("%s: rates: %+v", name, h)
		case !h.Both, !about(float64(h.Offset), float64(x.offset), 1e6), h.Silent > time.Second:
			t.Errorf("%s: %+v", name, h)
		}
		if h := s.wellbeing(end + stale); h.FrameRate != 0 || h.VideoRate != 0 || h.Silent < stale || h.GOP != x.film.gop {
			t.Errorf("%s: silent: %+v", name, h)
		}
		p.Close()
		if h := s.wellbeing(end); h.FrameRate != 0 || h.Pictures != uint64(count) {
			t.Errorf("%s: after its end: %+v", name, h)
		}
	}
}

// TestHealthFollows changes the pictures on their way: old ones are forgotten, and another publisher
// starts anew.
func TestHealthFollows(t *testing.T) {
	g := newRegistry(cached)
	keep := subscribe(t, g, &Request{ID: NewID(), Vhost: DefaultVhost, App: "live", Stream: "s", Wait: true})
	p := publish(t, g, request("s"))
	film{fps: 25, gop: 25, size: 1000, speed: 1}.shoot(t, p, 0, 25*20)
	film{fps: 50, gop: 100, size: 2000, speed: 1}.shoot(t, p, 50*20, 50*20)
	h := keep.stream.wellbeing(40 * time.Second)
	if !about(h.FrameRate, 50, 0.01) || !about(h.VideoRate, 800_000, 8000) || h.GOP != 100 || h.KeyInterval != 2*time.Second {
		t.Errorf("after a change: %+v", h)
	}
	p.Close()
	p = publish(t, g, request("s"))
	film{fps: 10, gop: 10, size: 1000, speed: 1}.shoot(t, p, 0, 5)
	if h = keep.stream.wellbeing(time.Second / 2); h.Pictures != 5 || !about(h.FrameRate, 10, 0.01) || h.GOP != 0 || h.KeyInterval != 0 {
		t.Errorf("another publisher: %+v", h)
	}
}

func TestHealthLastEnd(t *testing.T) {
	g := newRegistry(cached)
	keep := subscribe(t, g, &Request{ID: NewID(), Vhost: DefaultVhost, App: "live", Stream: "s", Wait: true})
	look := func() *End {
		info, ok := g.Stream(keep.stream.ID)
		if !ok {
			t.Fatal("the stream is not listed")
		}
		return info.Health.LastEnd
	}
	if end := look(); end != nil {
		t.Errorf("before the first: %+v", end)
	}
	r := request("s")
	publish(t, g, r).Lost(io.ErrUnexpectedEOF)
	if end := look(); end == nil || end.ID != r.ID || !errors.Is(end.Cause, io.ErrUnexpectedEOF) || time.Since(end.At) > time.Minute {
		t.Errorf("lost: %+v", end)
	}
	r = request("s")
	r.Kick = func(error) {}
	p := publish(t, g, r)
	if err := g.Kick(r.ID, ErrKicked); err != nil {
		t.Fatal(err)
	}
	p.Lost(io.EOF) // what the kick comes to
	if end := look(); end.ID != r.ID || !errors.Is(end.Cause, ErrKicked) {
		t.Errorf("kicked: %+v", end)
	}
	publish(t, g, request("s")).Close()
	if end := look(); end.Cause != nil {
		t.Errorf("closed: %+v", end)
	}
}

// TestSessionHealth has a reader fall behind, lose frames and catch up.
func TestSessionHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rules := Settings{GOPCache: true, QueueLength: 2 * time.Second}
		g := newRegistry(rules)
		p := publish(t, g, request("s"))
		r := request("s")
		r.Pace = func() Pace { return Pace{Latency: 700 * time.Millisecond} }
		sub := subscribe(t, g, r)
		look := func() SessionInfo { info, _ := g.Session(r.ID); return info }
		want(t, sub, "", nil)
		sub.Pace()
		p.must(t, gops(3)) // 1.2 s
		if i := look(); i.Waiting != 30 || i.Delay != 29*tick || i.Lost != 0 || !i.LostAt.IsZero() || i.Pause != 700*time.Millisecond {
			t.Errorf("behind: %+v", i)
		}
		p.must(t, gops(20))
		late := look()
		if late.Lost == 0 || !late.LostAt.Equal(time.Now()) || sub.Lost() != 0 {
			t.Errorf("while frames are lost: %+v", late)
		}
		count(t, sub)
		if i := look(); i.Lost < late.Lost {
			t.Errorf("fewer are lost than were: %+v, then %+v", late, i)
		}
		if i := look(); i.Waiting != 0 || i.Delay != 0 || i.Lost == 0 || !i.LostAt.Equal(time.Now()) {
			t.Errorf("after a loss: %+v", i)
		}
	})
}

// TestFirstFrames counts readers of a live stream alone, and no outputs.
func TestFirstFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRegistry(cached)
		early := subscribe(t, g, &Request{ID: NewID(), Vhost: DefaultVhost, App: "live", Stream: "s", Wait: true})
		p := publish(t, g, request("s"))
		p.must(t, "KPP")
		count(t, early)
		if h := g.FirstFrames(); h.Count != 0 || h.Sum != 0 || len(h.Bounds) != len(h.Counts) || h.Bounds[0] != 0.001 || h.Bounds[len(h.Bounds)-1] != 10 {
			t.Errorf("who waited for the publisher is counted: %+v", h)
		}
		for _, wait := range []time.Duration{0, 30 * time.Millisecond, 50 * time.Millisecond, 20 * time.Second} {
			r := subscribe(t, g, request("s"))
			time.Sleep(wait)
			count(t, r)
			p.must(t, "P")
			count(t, r) // counts no more
		}
		h := g.FirstFrames()
		if h.Count != 4 || !about(h.Sum, 20.08, 1e-9) || h.Counts[0] != 1 || h.Counts[5] != 2 || h.Bounds[5] != 0.05 {
			t.Errorf("%+v", h)
		}
	})
}

func BenchmarkHealthNote(b *testing.B) {
	frames := benchFrames{layout: pictures()}
	list := make([]*media.Frame, 1<<12)
	for i := range list {
		list[i] = frames.next()
	}
	var h health
	var n int
	b.ReportAllocs()
	for b.Loop() {
		f := list[n&(len(list)-1)]
		video := f.Track == 0
		h.note(f, video, video, video && f.Key)
		n++
	}
}
