package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/media"
)

func packet(n int) *media.Packet { return &media.Packet{Data: fmt.Append(nil, n)} }

// packets reads what there is to be had without waiting.
func packets(r *LaneReader) (list []string, err error) {
	dst := make([]*media.Packet, 100)
	for {
		n, _, err := r.take(dst)
		for _, p := range dst[:n] {
			list = append(list, string(p.Data))
		}
		if n == 0 {
			return list, err
		}
	}
}

func TestLanePackets(t *testing.T) {
	g := newRegistry(cached)
	p := publish(t, g, request("s"))
	r := subscribe(t, g, request("s"))
	if r.Lane(t.Context()) != nil {
		t.Error("a lane that nobody has opened")
	}
	l := p.Lane("", nil)
	write := func(from, to int) {
		t.Helper()
		for n := from; n < to; n++ {
			if err := l.WritePacket(packet(n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(0, 10)
	a, b := r.Lane(t.Context()), r.Lane(t.Context())
	if list, err := packets(a); len(list) != 0 || err != nil {
		t.Errorf("a new reader gets %v, %v", list, err)
	}
	write(10, 13)
	if list, err := packets(a); fmt.Sprint(list) != "[10 11 12]" || err != nil {
		t.Errorf("read %v, %v", list, err)
	}
	write(13, 13+lanePackets)
	if list, err := packets(a); len(list) != lanePackets || list[0] != "13" || err != nil || a.Lost() != 0 {
		t.Errorf("read %d packets from %s on, %v, lost %d", len(list), list[0], err, a.Lost())
	}
	if list, err := packets(b); len(list) != lanePackets || list[0] != "13" || err != nil || b.Lost() != 3 {
		t.Errorf("the slow reader reads %d packets from %s on, %v, lost %d", len(list), list[0], err, b.Lost())
	}
	write(5000, 5001)
	p.Close()
	if list, err := packets(a); fmt.Sprint(list) != "[5000]" || !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v, %v", list, err)
	}
	if err := l.WritePacket(packet(0)); !errors.Is(err, ErrClosed) {
		t.Errorf("write after Close gives %v", err)
	}
	if r.Lane(t.Context()) != nil {
		t.Error("the lane outlives its publisher")
	}
}

func TestLaneReaderWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRegistry(cached)
		p := publish(t, g, request("s"))
		l := p.Lane("", nil)
		r := subscribe(t, g, request("s"))
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		in := r.Lane(ctx)
		time.AfterFunc(time.Second, func() { _ = l.WritePacket(packet(1)) })
		began := time.Now()
		dst := make([]*media.Packet, 4)
		if n, err := in.ReadPackets(dst); n != 1 || err != nil || time.Since(began) != time.Second {
			t.Errorf("ReadPackets = %d, %v after %s", n, err, time.Since(began))
		}
		if n, err := in.ReadPackets(dst); n != 0 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ReadPackets = %d, %v", n, err)
		}
		in = r.Lane(t.Context())
		time.AfterFunc(time.Second, func() { p.Close() })
		if n, err := in.ReadPackets(dst); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("ReadPackets = %d, %v at the end", n, err)
		}
	})
}

// maker makes a frame of each packet, and notes when it works.
type maker struct {
	feed    *feed
	running atomic.Int64
	runs    atomic.Int64
}

func (m *maker) frames(ctx context.Context, in *LaneReader) error {
	m.runs.Add(1)
	defer m.running.Add(-1)
	if m.running.Add(1) > 1 {
		return errors.New("two at once")
	}
	dst := make([]*media.Packet, 8)
	for {
		n, err := in.ReadPackets(dst)
		if err != nil {
			time.Sleep(time.Second) // takes its time to end
			return err
		}
		for range dst[:n] {
			if err := m.feed.write("K"); err != nil {
				return err
			}
		}
	}
}

func TestLaneMakesFramesWhileSomebodyReadsThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRegistry(cached)
		p := publish(t, g, request("s"))
		m := &maker{feed: p}
		l := p.Lane("", m.frames)
		state := func(running, runs int64) {
			t.Helper()
			synctest.Wait()
			if a, b := m.running.Load(), m.runs.Load(); a != running || b != runs {
				t.Errorf("%d makers of frames, the %dth; want %d, the %dth", a, b, running, runs)
			}
		}
		send := func() {
			t.Helper()
			if err := l.WritePacket(packet(0)); err != nil {
				t.Fatal(err)
			}
		}
		passes := subscribe(t, g, request("s"))
		passes.Lane(t.Context())
		send()
		state(0, 0)

		a, b := subscribe(t, g, request("s")), subscribe(t, g, request("s"))
		want(t, a, "", nil)
		state(1, 1)
		send()
		synctest.Wait()
		want(t, a, "K0", nil)
		want(t, b, "K0", nil)
		a.Close()
		state(1, 1)
		b.Lane(t.Context()) // turns to packets
		time.Sleep(2 * time.Second)
		state(0, 1)
		send()
		want(t, b, "", nil) // and back
		state(1, 2)
		b.Lane(t.Context())
		want(t, b, "", nil) // at once: the new one waits for the old one's end
		state(1, 2)
		time.Sleep(2 * time.Second)
		state(1, 3)
		send()
		synctest.Wait()
		want(t, b, "K1", nil)
		p.Close()
		l.Wait()
		state(0, 3)
		want(t, b, "", errEnded)
	})
}

func TestPacketReadersHoldNoFrames(t *testing.T) {
	g := newRegistry(cached)
	p := publish(t, g, request("s"))
	l := p.Lane("", nil)
	r := subscribe(t, g, request("s"))
	in := r.Lane(t.Context())
	p.must(t, gops(20))
	if base, next, _ := span(p.stream); next-base != 10 {
		t.Errorf("%d frames are kept, want one GOP", next-base)
	}
	want(t, r, text(held(p.stream)), nil)
	if r.Lost() != 0 {
		t.Errorf("Lost = %d", r.Lost())
	}
	_ = l.WritePacket(packet(1))
	if list, err := packets(in); len(list) != 1 || err != nil {
		t.Errorf("read %v, %v", list, err)
	}
}

func TestLaneOfAReplacedPublisher(t *testing.T) {
	rules := cached
	rules.Takeover = true
	g := newRegistry(rules)
	a := publish(t, g, request("s"))
	old := a.Lane("", nil)
	b := publish(t, g, request("s"))
	if err := old.WritePacket(packet(0)); !errors.Is(err, ErrReplaced) {
		t.Errorf("write gives %v", err)
	}
	l := b.Lane("", nil)
	if err := a.Lane("", nil).WritePacket(packet(0)); !errors.Is(err, ErrReplaced) {
		t.Errorf("write to a lane that comes too late gives %v", err)
	}
	in := subscribe(t, g, request("s")).Lane(t.Context())
	if err := l.WritePacket(packet(1)); err != nil {
		t.Fatal(err)
	}
	if list, err := packets(in); len(list) != 1 || err != nil {
		t.Errorf("read %v, %v", list, err)
	}
	next := b.Lane("", nil)
	if list, err := packets(in); len(list) != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("after another lane of the same publisher: %v, %v", list, err)
	}
	if err := next.WritePacket(packet(2)); err != nil {
		t.Error(err)
	}
}
