package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestClusterLevels has an edge of an edge of an edge. The one in the middle dies and comes back, while the viewer of the
// last one stays.
func TestClusterLevels(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	c := newClip(t, "h264", "small")
	n := numbered(t, c)
	origin, camera, couch := l.host("origin"), l.host("camera"), l.host("couch")
	origin.weir(local(""))
	levels := []*host{origin}
	for i := range 3 {
		h := l.host(fmt.Sprint("level", i+1))
		h.weir(edge("origin " + levels[i].ip + ";"))
		levels = append(levels, h)
	}
	first := levels[1]
	camera.sends(first.rtmp("s"), c)
	last := levels[3]
	v := couch.watches(last.rtmp("s"))
	v.shows(2 * rate)
	origin.has("flash-publish " + first.ip) // what is published at an edge is read there
	levels[2].has("rtmp-play "+last.ip, "edge-pull "+first.ip)
	levels[2].dies()
	levels[2].start()
	v.shows(2 * rate)
	s := v.ends(n, c)
	t.Logf("%s", s)
	if s.double > 0 || s.back > 0 || s.gap > 6*time.Second {
		t.Errorf("%s", s)
	}
	for _, h := range levels[2:] {
		waitFor(t, h.name+" to fetch no more", func() bool { return len(h.guests()) == 0 })
	}
}

// TestClusterLoop has edges of each other, and one of itself: that is noticed at once and said, and they do not call each
// other again and again.
func TestClusterLoop(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	a, b, self, couch := l.host("a"), l.host("b"), l.host("self"), l.host("couch")
	a.weir(edge("origin " + b.ip + ";"))
	b.weir(edge("origin " + a.ip + ";"))
	self.weir(edge("origin 127.0.0.1;"))
	start := time.Now()
	couch.watches(a.rtmp("s"))
	couch.watches(self.http("s"))
	const reason = "an edge has an edge of its own as its origin"
	a.says(reason)
	self.says(reason)
	if d := time.Since(start); d > time.Second {
		t.Errorf("it takes %s", d)
	}
	time.Sleep(7 * time.Second)
	for _, h := range []*host{a, b, self} {
		if got := h.log().Count("refused", reason); h != b && (got == 0 || got > 4) {
			t.Errorf("%s has refused %d connections", h.name, got)
		}
		if got := h.guests(); len(got) > 2 {
			t.Errorf("%s has the clients %q", h.name, got)
		}
	}
	c := newClip(t, "h264", "small")
	encoder := couch.sends(a.rtmp("p"), c)
	if err := encoder.wait(); err == nil || !strings.Contains(encoder.shown(), "Server error") {
		t.Errorf("an encoder ends with %v: %s", err, encoder.shown())
	}
	a.says(reason, "/live/p")
}
