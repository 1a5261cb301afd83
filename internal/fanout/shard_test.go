package fanout

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/media"
	"weir/internal/stream"
)

// viewer is a player of a log whose bytes begin with those of its own.
type viewer struct {
	Follower
	out    Outbox
	log    *Log
	terms  Terms
	opened bool
	panics bool
	mu     sync.Mutex
	ends   []error
}

func (v *viewer) Terms() *Terms { return &v.terms }
func (v *viewer) Unpublished()  { v.out.Queue([]byte("gone ")) }

func (v *viewer) Fail(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ends = append(v.ends, err)
}

func (v *viewer) Deliver(d *Desk, b *stream.Batch) error {
	if v.panics {
		panic("here")
	}
	if err := v.log.Extend(b); err != nil {
		return err
	}
	if !v.opened {
		v.opened = true
		d.Heads = append(d.Heads, "open "...)
		d.Pieces = append(d.Pieces, d.Heads)
	}
	ok, err := v.log.Send(&v.Follower, d, b.Pos, len(b.Frames))
	if !ok {
		return errors.Join(err, errors.New("frames are not there"))
	}
	return err
}

// enter has a shard write to a new viewer, whose bytes come out of far.
func (s *source) enter(shards *Shards, l *Log, sub *stream.Subscriber) (v *viewer, far net.Conn) {
	s.t.Helper()
	near, far, err := pair()
	if err != nil {
		s.t.Fatal(err)
	}
	raw := RawOf(near)
	if raw == nil && runtime.GOOS != "linux" {
		s.t.Skip("shards do not write to sockets here")
	}
	_ = far.SetDeadline(time.Now().Add(patience))
	v = &viewer{log: l, out: Outbox{Conn: near, Traffic: &stream.Traffic{}}}
	shards.Follow(&v.Follower, v, sub, &v.out, raw, l.Rank())
	s.t.Cleanup(func() {
		sub.Close()
		far.Close()
		near.Close()
		v.Stop()
	})
	return v, far
}

func (v *viewer) ended() []error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.ends
}

// reads compares what comes.
func reads(t *testing.T, from net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(from, got); err != nil || string(got) != want {
		at := 0
		for at < n && got[at] == want[at] {
			at++
		}
		t.Errorf("%d of %d bytes come, %v; they differ at %d", n, len(want), err, at)
	}
}

// TestShards has many viewers of one log, one of whom does not read for a while: his socket is
// full, and the others do not wait for it.
func TestShards(t *testing.T) {
	each(t, func(t *testing.T, file bool) {
		s, shards := newSource(t), Shards{}
		s.size = 30_000
		l, _ := s.log(file)
		sub := s.subscribe(stream.Pace{})
		slow, deaf := s.enter(&shards, l, sub)
		_ = deaf.(*net.TCPConn).SetReadBuffer(64 << 10)
		var ears []net.Conn
		for range 20 {
			_, far := s.enter(&shards, l, s.subscribe(stream.Pace{}))
			ears = append(ears, far)
		}
		all := "open "
		for n := range 30 {
			text := s.write(10)
			all += text
			if n == 0 {
				text = "open " + text
			}
			for _, far := range ears {
				reads(t, far, text)
			}
		}
		for end := time.Now().Add(patience); !slow.busy.Load(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the socket was never full: nothing was tried")
			}
		}
		reads(t, deaf, all)
		_ = slow.out.Reply([]byte("reply"))
		reads(t, deaf, "reply")
		if got := slow.out.Traffic.Sent.Load(); got != uint64(len(all)+5) {
			t.Errorf("counted %d bytes of %d", got, len(all)+5)
		}
	})
}

// TestShardsLetGo has viewers who leave in all ways, while others stay.
func TestShardsLetGo(t *testing.T) {
	s, shards := newSource(t), Shards{}
	l, _ := s.log(false)
	_, stays := s.enter(&shards, l, s.subscribe(stream.Pace{}))
	closed := s.subscribe(stream.Pace{})
	leaves, _ := s.enter(&shards, l, closed)
	gone, far := s.enter(&shards, l, s.subscribe(stream.Pace{}))
	bad, _ := s.enter(&shards, l, s.subscribe(stream.Pace{}))
	bad.panics = true
	text := "open " + s.write(1)
	reads(t, stays, text)
	closed.Close()
	leaves.Stop()
	if got := leaves.ended(); len(got) > 0 {
		t.Errorf("one who leaves has failed: %v", got)
	}
	_ = far.(*net.TCPConn).SetLinger(0)
	far.Close()
	for end := time.Now().Add(patience); len(gone.ended()) == 0; time.Sleep(time.Millisecond) {
		reads(t, stays, s.write(1))
		if time.Now().After(end) {
			t.Fatal("nobody noticed that a viewer has gone")
		}
	}
	gone.Stop()
	bad.Stop()
	if got := bad.ended(); len(got) != 1 || !bytes.Contains([]byte(got[0].Error()), []byte("panic: here")) {
		t.Errorf("a panic ends with %v", got)
	}
}

// TestShardsEnd holds that goroutines end with the last viewer, and come back with the next.
func TestShardsEnd(t *testing.T) {
	s, shards := newSource(t), Shards{}
	l, _ := s.log(false)
	before := runtime.NumGoroutine()
	for range 3 {
		var all []*viewer
		for range 5 {
			sub := s.subscribe(stream.Pace{})
			v, far := s.enter(&shards, l, sub)
			s.write(1)
			reads(t, far, "open ")
			sub.Close()
			all = append(all, v)
		}
		for _, v := range all {
			v.Stop()
		}
		for end := time.Now().Add(patience); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d goroutines more", runtime.NumGoroutine()-before)
			}
		}
	}
}

// gauge is a socket that takes all, and notes when.
type gauge struct {
	pipe *os.File
	when atomic.Pointer[[]time.Duration]
	from time.Time
}

func (g *gauge) Control(func(uintptr)) error   { return errors.ErrUnsupported }
func (g *gauge) Read(func(uintptr) bool) error { return errors.ErrUnsupported }
func (g *gauge) Write(f func(uintptr) bool) error {
	all := append([]time.Duration(nil), *g.when.Load()...)
	all = append(all, time.Since(g.from))
	g.when.Store(&all)
	f(g.pipe.Fd())
	return nil
}

// TestPace holds that batches come in the pauses that a viewer's pace asks for, to the common
// beat, that none come while it is paused, and all after.
func TestPace(t *testing.T) {
	for name, c := range map[string]struct {
		terms Terms
		least int // writes in 10 s of frames
		most  int
	}{
		"at once":  {Terms{}, 250, 251},
		"latency":  {Terms{Pace: stream.Pace{Latency: 350 * time.Millisecond}}, 27, 32},
		"short":    {Terms{Pace: stream.Pace{Latency: 100 * time.Millisecond}}, 84, 115},
		"frames":   {Terms{Pace: stream.Pace{Frames: 9}}, 24, 27},
		"interval": {Terms{Interval: 80 * time.Millisecond}, 122, 127},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { pace(t, c.terms, c.least, c.most) })
		})
	}
}

func pace(t *testing.T, terms Terms, least, most int) {
	if RawOf(&net.TCPConn{}) == nil && runtime.GOOS != "linux" {
		t.Skip("no shards here")
	}
	time.Sleep(time.Duration(max(0, time.Hour.Nanoseconds()-media.Now()))) // the bubble's time is before the process's
	s, shards := newSource(t), Shards{}
	l, _ := s.log(false)
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	g := &gauge{pipe: null, from: time.Now()}
	g.when.Store(&[]time.Duration{})
	near, far := net.Pipe()
	defer far.Close()
	sub := s.subscribe(terms.Pace)
	v := &viewer{log: l, terms: terms, out: Outbox{Conn: near, Traffic: &stream.Traffic{}}}
	shards.Follow(&v.Follower, v, sub, &v.out, g, l.Rank())
	all := "open "
	for range 250 {
		all += s.write(1)
		time.Sleep(tick)
	}
	if n := len(*g.when.Load()); n < least || n > most {
		t.Errorf("%d writes, not %d to %d: %v", n, least, most, *g.when.Load())
	}
	synctest.Wait()
	v.Pause(true)
	synctest.Wait()
	before := len(*g.when.Load())
	for range 100 {
		all += s.write(1)
		time.Sleep(tick)
	}
	if n := len(*g.when.Load()); n > before {
		t.Errorf("%d writes in a pause", n-before)
	}
	v.Pause(false)
	time.Sleep(30 * time.Second)
	if got := v.out.Traffic.Sent.Load(); got != uint64(len(all)) {
		t.Errorf("%d bytes of %d came", got, len(all))
	}
	sub.Close()
	v.Stop()
	if got := v.ended(); len(got) > 0 {
		t.Error(fmt.Errorf("failed: %w", errors.Join(got...)))
	}
}
