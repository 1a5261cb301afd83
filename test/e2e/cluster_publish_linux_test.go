package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestClusterPublish has an encoder publish at an edge: it is taken to an origin, viewers of the edge and of another one see
// it. When its origin dies or is cut off it is taken to the other one, and nobody misses a picture but those of that origin.
func TestClusterPublish(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		away func(*host)
		gap  time.Duration // at the other origin
	}{
		"kill":  {(*host).dies, 2 * time.Second},
		"cable": {(*host).cut, 2 * time.Second}, // it comes from when nothing came
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			publishAtEdge(t, x.away, x.gap)
		})
	}
}

func publishAtEdge(t *testing.T, away func(*host), gap time.Duration) {
	t.Helper()
	l := newLAN(t)
	c := newClip(t, "h264", "small")
	n := numbered(t, c)
	one, two, h, camera, couch := l.host("one"), l.host("two"), l.host("edge"), l.host("camera"), l.host("couch")
	for _, o := range []*host{one, two} {
		o.weir(local(""))
	}
	h.weir(edge("origin " + one.ip + " " + two.ip + ";"))
	encoder := camera.sends(h.rtmp("s")+"?token=secret", c)
	here := couch.watches(h.http("s"))
	here.shows(10)
	from, other := one, two
	if !one.serves("publish " + h.ip) {
		from, other = two, one
	}
	from.has("flash-publish " + h.ip)
	there := couch.watches(other.rtmp("s"))
	far := couch.watches(from.rtmp("s"))
	far.shows(rate)
	away(from)
	start := time.Now()
	waitFor(t, "the other origin to have the stream", func() bool { return other.serves("-publish " + h.ip) })
	t.Logf("the other origin has the stream after %s", time.Since(start))
	if d := time.Since(start); d > 8*time.Second {
		t.Errorf("the other origin has the stream after %s", d)
	}
	there.shows(2 * rate)
	here.shows(rate)
	for name, v := range map[string]*screen{"edge": here, "other": there} {
		s := v.ends(n, c)
		t.Logf("%s: %s", name, s)
		if s.lost > 0 || s.double > 0 || s.back > 0 || s.gap > 2*time.Second {
			t.Errorf("%s: %s", name, s)
		}
	}
	encoder.interrupt()
	waitFor(t, "the origin to hear of the end", func() bool { return !other.serves("publish") })
	if got := h.guests(); len(got) != 0 {
		t.Errorf("the edge has still %q", got)
	}
}

// TestClusterPublishRefused has the origin have a publisher of the stream already, and no origin be there: the encoder is
// told.
func TestClusterPublishRefused(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	c := newClip(t, "h264", "small")
	origin, h, camera := l.host("origin"), l.host("edge"), l.host("camera")
	origin.weir(local(""))
	h.weir(edge("origin " + origin.ip + ";"))
	camera.sends(origin.rtmp("s"), c)
	origin.publishes(camera)
	for _, want := range []string{"is being published already by somebody else", "no origin can be reached to take the stream"} {
		start := time.Now()
		encoder := camera.sends(h.rtmp("s"), c)
		if err := encoder.wait(); err == nil {
			t.Error("the encoder is let in")
		}
		if d := time.Since(start); d > 3*time.Second {
			t.Errorf("the encoder hears %q after %s", want, d)
		}
		if said := encoder.shown(); !strings.Contains(said, want) {
			t.Errorf("the encoder says %q, want %q", said, want)
		}
		origin.dies()
	}
}
