package e2e

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// redis has the host run a Redis, again maybe, that keeps nothing.
func (h *host) redis() *process {
	h.t.Helper()
	p := begin(h.t, h.command("redis-server", "--bind", h.ip, "--protected-mode", "no", "--save", "", "--appendonly", "no"))
	waitFor(h.t, "the Redis", func() bool { return p.out.Count("eady to accept connections") > 0 })
	return p
}

// member is a virtual host of a server with a registry.
func (h *host) member(more string) string {
	return local("cluster { registry redis://" + h.ip + ":6379/0; lease 4; " + more + " }")
}

// TestClusterRegistry has servers that share a registry: any of them takes the publisher and any viewer. The server that has the
// stream dies: an edge that has handed it on finds it another place, and viewers elsewhere see it there.
func TestClusterRegistry(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	c := newClip(t, "h264", "small")
	n := numbered(t, c)
	store, one, two, h, camera, couch := l.host("store"), l.host("one"), l.host("two"), l.host("edge"), l.host("camera"), l.host("couch")
	store.redis()
	for _, o := range []*host{one, two} {
		o.weir(store.member(""))
	}
	h.weir(store.member("mode remote;"))
	early := couch.watches(two.http("s")) // nobody publishes yet
	time.Sleep(time.Second)
	encoder := camera.sends(h.rtmp("s"), c)
	start := time.Now()
	early.shows(1)
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("who waits at another server sees the stream after %s", d)
	}
	from, other := one, two
	if !one.serves("publish " + h.ip) {
		from, other = two, one
	}
	from.has(append(slicesOf(from, early, two, couch), "flash-publish "+h.ip)...)
	views := map[string]*screen{"edge": couch.watches(h.http("s")), "other": couch.watches(other.rtmp("s"))}
	for _, v := range views {
		v.shows(rate)
	}
	from.dies()
	for _, v := range views {
		v.shows(3 * rate)
	}
	for name, v := range views {
		s := v.ends(n, c)
		t.Logf("%s: %s", name, s)
		most := 0 // at the edge nothing has changed
		if name == "other" {
			most = gop // there it is another publication, which begins with the newest group of pictures
		}
		if s.double > most || s.lost > most || s.back > 0 || s.gap > 2*time.Second {
			t.Errorf("%s: %s", name, s)
		}
	}
	from.start()
	late := couch.watches(from.rtmp("s"))
	late.shows(rate)
	encoder.interrupt()
	waitFor(t, "the stream to end", func() bool { return !other.serves("publish") })
	waitFor(t, "nobody to have it by the registry", func() bool {
		out, _ := run(t, "ip", "netns", "exec", store.net, tool(t, "redis-cli"), "-h", store.ip, "keys", "weir:stream:*")
		return strings.TrimSpace(string(out)) == ""
	})
}

// slicesOf are the clients of a server that the viewer who came early is one of: itself, or another server for it.
func slicesOf(from *host, _ *screen, at, couch *host) []string {
	if from == at {
		return []string{"flv-play " + couch.ip}
	}
	return []string{"rtmp-play " + at.ip}
}

// TestClusterPlacement has streams published at one server: they stay there, or some go to the other one, which has less to do.
func TestClusterPlacement(t *testing.T) {
	t.Parallel()
	for _, placement := range []string{"here", "least"} {
		t.Run(placement, func(t *testing.T) {
			t.Parallel()
			l := newLAN(t)
			c := newClip(t, "h264", "small")
			store, one, two, camera := l.host("store"), l.host("one"), l.host("two"), l.host("camera")
			store.redis()
			for _, o := range []*host{one, two} {
				o.weir(store.member("placement " + placement + ";"))
			}
			moved := 0
			for i := range 4 {
				camera.sends(one.rtmp(fmt.Sprint("s", i)), c)
				waitFor(t, "the stream", func() bool { return contains(one.guests(), "fmle-publish "+camera.ip, i+1) })
				time.Sleep(1100 * time.Millisecond) // what servers have to do is told once a second
			}
			for _, g := range two.guests() {
				if g == "flash-publish "+one.ip {
					moved++
				}
			}
			t.Logf("%d of 4 have moved", moved)
			if (moved > 0) != (placement == "least") {
				t.Errorf("%d of 4 streams are at the other server", moved)
			}
			v := camera.watches(two.rtmp("s3"))
			v.shows(rate)
		})
	}
}

// TestClusterRegistryAway has the Redis go away and come back: what is live goes on, what is known is found, what is new is
// found by asking coworkers, and by the registry when that is back. Nothing is restarted.
func TestClusterRegistryAway(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	c := newClip(t, "h264", "small")
	n := numbered(t, c)
	store, one, two, three, camera, couch := l.host("store"), l.host("one"), l.host("two"), l.host("three"), l.host("camera"), l.host("couch")
	redis := store.redis()
	one.weir(store.member(""))
	two.weir(store.member("coworkers " + one.ip + ":1985;"))
	three.weir(store.member(""))
	camera.sends(one.rtmp("s"), c)
	v := couch.watches(two.rtmp("s"))
	v.shows(rate)
	redis.signal(syscall.SIGKILL)
	for _, h := range []*host{one, two, three} {
		h.says("the registry of the cluster cannot be reached")
	}
	time.Sleep(5 * time.Second) // longer than a lease
	known := couch.watches(two.http("s"))
	known.shows(rate)
	camera.sends(one.rtmp("new"), c)
	asked := couch.watches(two.rtmp("new"))
	asked.shows(rate)
	waiting := couch.watches(three.rtmp("new"))
	time.Sleep(time.Second)
	if waiting.frames() > 0 {
		t.Error("a stream is found that nobody can know of")
	}
	store.redis()
	waiting.shows(rate)
	for _, h := range []*host{one, two, three} {
		h.says("the registry of the cluster is back")
		if n := h.log().Count("the registry of the cluster cannot be reached"); n != 1 {
			t.Errorf("%s says %d times that the registry is away", h.name, n)
		}
	}
	if s := v.ends(n, c); s.lost > 0 || s.double > 0 || s.back > 0 || s.gap > time.Second {
		t.Errorf("the viewer before: %s", s)
	}
}

// TestClusterSplitBrain has a server be cut off with its encoder, and the stream be published at another one meanwhile. When they
// hear of each other again, one of the two has it: the other encoder is told.
func TestClusterSplitBrain(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	c := newClip(t, "h264", "small")
	n := numbered(t, c)
	store, one, two, camera, couch := l.host("store"), l.host("one"), l.host("two"), l.host("camera"), l.host("couch")
	store.redis()
	for _, o := range []*host{one, two} {
		o.weir(store.member(""))
	}
	alone := two.sends("rtmp://127.0.0.1/live/s", c)
	two.has("fmle-publish 127.0.0.1")
	two.cut()
	start := time.Now()
	var encoder *process
	waitFor(t, "the stream to be free", func() bool {
		if encoder == nil || !encoder.running() {
			encoder = camera.sends(one.rtmp("s"), c)
		}
		return one.serves("fmle-publish " + camera.ip)
	})
	if d := time.Since(start); d > 8*time.Second {
		t.Errorf("a stream whose server is cut off is free after %s", d)
	}
	v := couch.watches(one.rtmp("s"))
	v.shows(rate)
	if !alone.running() {
		t.Error("the encoder of the server that is cut off has ended")
	}
	two.mend()
	if err := alone.wait(); err == nil {
		t.Error("the other encoder has not heard")
	}
	two.says("fmle-publish ended", "another server of the cluster has the stream now")
	late := couch.watches(two.rtmp("s"))
	late.shows(rate)
	if s := v.ends(n, c); s.lost > 0 || s.double > 0 || s.gap > time.Second {
		t.Errorf("the viewer at the other server: %s", s)
	}
}
