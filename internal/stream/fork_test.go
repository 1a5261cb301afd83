package stream

import (
	"errors"
	"io"
	"testing"

	"weir/internal/media"
)

// TestFork has an output read a publication anew: each position begins at the newest key frame, and none sees what comes
// after the publication.
func TestFork(t *testing.T) {
	subs := make(chan *Subscriber)
	release := make(chan struct{})
	g := NewRegistry(Options{
		Settings: func(string) Settings { return cached },
		Standing: []Standing{{Name: "forking", Wanted: func(string) bool { return true }, Run: func(sub *Subscriber) {
			subs <- sub
			<-release
		}}},
	})
	p := publish(t, g, request("s"))
	root := <-subs
	p.must(t, "KPPKPP")
	a := root.Fork("")
	defer a.Close()
	want(t, a, "K3 P4 P5", nil)
	p.must(t, "P")
	b := root.Fork("")
	defer b.Close()
	want(t, b, "K3 P4 P5 P6", nil)
	p.Close()
	late := root.Fork(cargo)
	defer late.Close()
	next := publish(t, g, request("s"))
	next.Lane(cargo, nil)
	next.must(t, "KP")
	want(t, a, "P6", io.EOF)
	want(t, b, "", io.EOF)
	if a.Taken() != 4 || late.Taken() != 0 {
		t.Errorf("%d and %d frames are taken", a.Taken(), late.Taken())
	}
	want(t, late, "", io.EOF)
	close(release)
	<-subs // the next publication's
	next.Close()
}

// TestPackets has a reader that takes packets hear of each lane once, also of one that opens while it waits.
func TestPackets(t *testing.T) {
	g := newRegistry(cached)
	r := request("s")
	r.Wait, r.Notice, r.Packets = true, true, cargo
	sub := subscribe(t, g, r)
	for range 2 {
		p := publish(t, g, request("s"))
		said := make(chan error, 1)
		go func() {
			_, err := sub.ReadFrame()
			said <- err
		}()
		l := p.Lane(cargo, nil)
		if err := <-said; !errors.Is(err, ErrLane) {
			t.Fatalf("a lane opens: %v", err)
		}
		if err := l.WritePacket(&media.Packet{Data: []byte("x")}); err != nil {
			t.Fatal(err)
		}
		lane := sub.Lane(t.Context())
		lane.Rewind()
		if list, err := packets(lane); len(list) != 1 || err != nil {
			t.Errorf("packets %v, %v", list, err)
		}
		p.Close()
		if _, err := sub.ReadFrame(); !errors.Is(err, ErrUnpublished) {
			t.Errorf("the publisher has ended: %v", err)
		}
	}
	if n := sub.Taken(); n != 2 {
		t.Errorf("%d packets are taken", n)
	}
}

// TestYields has a publisher that takes nobody's place, where the rules let others do so.
func TestYields(t *testing.T) {
	g := newRegistry(Settings{Takeover: true})
	first := publish(t, g, request("s"))
	r := request("s")
	r.Yields = true
	if _, err := g.Publish(t.Context(), r); !errors.Is(err, ErrBusy) {
		t.Errorf("a place is taken: %v", err)
	}
	first.must(t, "K")
	first.Close()
	second := publish(t, g, r)
	publish(t, g, request("s"))
	if err := second.write("K"); !errors.Is(err, ErrReplaced) {
		t.Errorf("it keeps its place: %v", err)
	}
}
