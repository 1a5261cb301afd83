package e2e

import (
	"fmt"
	"testing"
	"time"
)

// fetching is an edge of TestClusterPull.
type fetching struct {
	name    string
	cluster string
	by      string // what it is to its origin
	web     bool   // its first viewer comes by HTTP, the second by RTMP; else the other way round

	host   *host
	screen [2]*screen
}

// TestClusterPull has edges of one origin that fetch by each protocol, from a virtual host of another name, and from a
// name in place of an address. Each has several viewers for one pull, who miss nothing.
func TestClusterPull(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	origin, camera, couch := l.host("origin"), l.host("camera"), l.host("couch")
	origin.weir(local("") + "vhost other.test { http_remux { enabled on; mount [vhost]/[app]/[stream].flv; } }\nvhost closed.test { enabled off; }")
	c := newClip(t, "h264", "small")
	n := numbered(t, c)
	camera.sends(origin.rtmp("s"), c)
	camera.sends(origin.rtmp("s")+"?vhost=other.test", c)
	origin.has("fmle-publish "+camera.ip, "fmle-publish "+camera.ip)
	edges := []*fetching{
		{name: "rtmp", cluster: "origin " + origin.ip + ";", by: "rtmp-play"},
		{name: "flv", cluster: "origin " + origin.ip + ":8080; protocol flv;", by: "flv-play"},
		{name: "flvs", cluster: "origin " + origin.ip + ":8443; protocol flvs;", by: "flv-play"},
		{name: "vhost", cluster: "origin " + origin.ip + "; vhost other.test;", by: "rtmp-play"},
		{name: "vhostflv", cluster: "origin " + origin.ip + ":8080; vhost other.test; protocol flv;", by: "flv-play", web: true},
		{name: "follow", cluster: "origin " + origin.ip + ":8080; follow_client on;", by: "flv-play", web: true},
		{name: "lead", cluster: "origin " + origin.ip + "; follow_client off;", by: "rtmp-play", web: true},
		{name: "name", cluster: "origin dns://origins.test:1935;", by: "rtmp-play"},
	}
	for _, x := range edges {
		x.host = l.host(x.name)
		x.host.names("origins.test", origin.ip)
		x.host.weir(edge(x.cluster))
	}
	for i := range 2 {
		for _, x := range edges {
			url := x.host.rtmp("s")
			if x.web == (i == 0) {
				url = x.host.http("s")
			}
			x.screen[i] = couch.watches(url)
		}
		for _, x := range edges {
			x.screen[i].shows(10)
		}
	}
	record := couch.records(edges[2].host.http("s"))
	waitFor(t, "a recording", func() bool { return record.frames() > 40 })
	for _, x := range edges {
		if got := origin.guests(); !contains(got, x.by+" "+x.host.ip, 1) {
			t.Errorf("%s: the origin has the clients %q, want %s %s once", x.name, got, x.by, x.host.ip)
		}
		for _, v := range x.screen {
			if s := v.ends(n, c); s.lost > 0 || s.double > 0 || s.back > 0 || s.gap > 2*time.Second {
				t.Errorf("%s: %s", x.name, s)
			}
		}
	}
	r := record.stop()
	check(t, r, expectation{clip: c, frames: 40})
	if s := n.saw(t, saved(t, r), nil); s.lost > 0 || s.double > 0 {
		t.Errorf("the recording: %s", s)
	}
	origin.has("fmle-publish "+camera.ip, "fmle-publish "+camera.ip)
	closed := l.host("closed")
	closed.weir(edge("origin " + origin.ip + "; vhost closed.test;"))
	couch.watches(closed.rtmp("s"))
	closed.says("stream is not brought here", `\"closed.test\" is switched off`)
}

// TestClusterIdle has the last viewer leave: without idle_timeout the pull ends at once, with it that much later, and who
// comes meanwhile has it stay.
func TestClusterIdle(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	origin, couch := l.host("origin"), l.host("couch")
	origin.weir(local(""))
	c := newClip(t, "h264", "small")
	couch.sends(origin.rtmp("s"), c)
	for _, seconds := range []int{0, 3} {
		h := l.host(fmt.Sprint("idle", seconds))
		h.weir(edge(fmt.Sprintf("origin %s; idle_timeout %d;", origin.ip, seconds)))
		lasts := func() time.Duration {
			start := time.Now()
			waitFor(t, "the pull to end", func() bool { return !origin.serves(h.ip) })
			return time.Since(start)
		}
		v := couch.watches(h.rtmp("s"))
		v.shows(5)
		v.close()
		if seconds > 0 { // somebody comes before it is over
			waitFor(t, "the edge to be without viewers", func() bool { return !h.serves("-play") })
			time.Sleep(time.Second)
			v = couch.watches(h.rtmp("s"))
			v.shows(3 * rate)
			v.close()
		}
		least := time.Duration(seconds) * time.Second
		if d := lasts(); d < least-time.Second/2 || d > least+1500*time.Millisecond {
			t.Errorf("idle_timeout %d: the pull lasts for %s", seconds, d)
		}
		if got := h.log().Count("stream is brought here"); got != 1 {
			t.Errorf("idle_timeout %d: the stream was brought %d times", seconds, got)
		}
	}
}
