package e2e

import (
	"testing"
	"time"
)

// TestClusterWeather has an edge whose cable loses one packet in twenty, both ways, and another whose cable carries less
// than the stream for a while: its viewers miss nothing, and nothing is fetched anew.
func TestClusterWeather(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	c := newClip(t, "h264", "small")
	n := numbered(t, c)
	origin, camera, wet, thin, couch := l.host("origin"), l.host("camera"), l.host("wet"), l.host("thin"), l.host("couch")
	origin.weir(local(""))
	camera.sends(origin.rtmp("s"), c)
	for _, h := range []*host{wet, thin} {
		h.weir(edge("origin " + origin.ip + ";"))
	}
	wet.loses(20)
	views := map[string]*screen{"wet": couch.watches(wet.rtmp("s")), "thin": couch.watches(thin.http("s"))}
	views["thin"].shows(rate)
	thin.narrows("100kbit")
	views["thin"].shows(2 * rate)
	thin.widens()
	views["thin"].shows(3 * rate)
	views["wet"].shows(3 * rate)
	for name, v := range views {
		s := v.ends(n, c)
		t.Logf("%s: %s", name, s)
		if s.lost > 0 || s.double > 0 || s.back > 0 || s.gap > 5*time.Second {
			t.Errorf("%s: %s", name, s)
		}
	}
	for _, h := range []*host{wet, thin} {
		if got := h.log().Count("stream is brought here"); got != 1 {
			t.Errorf("%s has begun to fetch the stream %d times", h.name, got)
		}
	}
}

// TestClusterOrigins has two origins that know each other: a viewer by RTMP is sent from one to the other, and one by HTTP
// is fetched what he wants.
func TestClusterOrigins(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	c := newClip(t, "h264", "small")
	n := numbered(t, c)
	one, two, camera, couch := l.host("one"), l.host("two"), l.host("camera"), l.host("couch")
	for _, way := range [][2]*host{{one, two}, {two, one}} {
		way[0].weir(local("cluster { mode local; origin_cluster on; coworkers " + way[1].ip + ":1985; }"))
	}
	early := couch.watches(two.rtmp("s"))
	waitFor(t, "the viewer to be refused", func() bool { return early.shown() != "" })
	camera.sends(one.rtmp("s"), c)
	one.publishes(camera)
	views := map[string]*screen{"rtmp": couch.watches(two.rtmp("s")), "http": couch.watches(two.http("s")), "straight": couch.watches(one.rtmp("s"))}
	for _, v := range views {
		v.shows(2 * rate)
	}
	one.has("fmle-publish "+camera.ip, "rtmp-play "+couch.ip, "rtmp-play "+couch.ip, "rtmp-play "+two.ip)
	for name, v := range views {
		if s := v.ends(n, c); s.lost > 0 || s.double > 0 || s.back > 0 || s.gap > 2*time.Second {
			t.Errorf("%s: %s", name, s)
		}
	}
}
