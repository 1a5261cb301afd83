package e2e

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/internal/protocol/rtmp"
)

// contains reports whether a list has a word so many times.
func contains(list []string, word string, times int) bool {
	return len(slices.DeleteFunc(slices.Clone(list), func(w string) bool { return w != word })) == times
}

// saved are the tags of a recording as messages.
func saved(t *testing.T, r recording) (list []rtmp.Message) {
	t.Helper()
	for _, tag := range readClip(t, clip{file: r.file}) {
		list = append(list, rtmp.Message{Kind: uint8(tag.Type), Time: uint32(tag.Time.Milliseconds()), Body: tag.Body})
	}
	return list
}

// twins are two origins that have the same stream, since a third server sends it to both.
type twins struct {
	lan     *lan
	camera  *host
	source  *host
	origins []*host
}

func newTwins(t *testing.T, c clip) *twins {
	t.Helper()
	w := &twins{lan: newLAN(t)}
	w.camera, w.source = w.lan.host("camera"), w.lan.host("source")
	w.origins = []*host{w.lan.host("one"), w.lan.host("two")}
	for _, o := range w.origins {
		o.weir(local(""))
	}
	w.source.weir(local("forward { enabled on; destination " + w.origins[0].ip + " " + w.origins[1].ip + "; }"))
	w.camera.sends(w.source.rtmp("s"), c)
	for _, o := range w.origins {
		o.publishes(w.source)
	}
	return w
}

// publishes waits until a host publishes here.
func (h *host) publishes(from *host) {
	h.t.Helper()
	waitFor(h.t, from.name+" to publish at "+h.name, func() bool { return h.serves("-publish " + from.ip) })
}

// of finds the origin that an edge fetches from, and the other.
func (w *twins) of(edge *host) (from, other *host) {
	w.lan.t.Helper()
	waitFor(w.lan.t, "an origin to be fetched from", func() bool {
		for i, o := range w.origins {
			if o.server.running() && o.serves("-play "+edge.ip) {
				from, other = o, w.origins[1-i]
				return true
			}
		}
		return false
	})
	return from, other
}

// TestClusterFailover has the origin that a stream comes from die, and be cut off: the viewers see it go on, without a
// picture twice. It comes back, and then the other one goes away. None is lost, unless a new group of pictures has begun at the other one
// before it was asked, which has no older ones then: that is likely where nothing says that an origin is gone.
func TestClusterFailover(t *testing.T) {
	t.Parallel()
	failover(t, map[string]downfall{
		"kill":  {(*host).dies, (*host).start, rate / 2, "origin dns://origins.test:1935;"},
		"cable": {(*host).cut, (*host).mend, gop + 5, "origin ONE TWO;"},
	})
}

// downfall is what befalls an origin.
type downfall struct {
	away, back func(*host)
	lost       int // pictures at most, each time
	origins    string
}

func failover(t *testing.T, downfalls map[string]downfall) {
	t.Helper()
	for name, x := range downfalls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClip(t, "h264", "small")
			n := numbered(t, c)
			w := newTwins(t, c)
			h, couch := w.lan.host("edge"), w.lan.host("couch")
			h.names("origins.test", w.origins[0].ip, w.origins[1].ip)
			h.weir(edge(strings.NewReplacer("ONE", w.origins[0].ip, "TWO", w.origins[1].ip).Replace(x.origins)))
			views := map[string]*screen{"rtmp": couch.watches(h.rtmp("s")), "http": couch.watches(h.http("s"))}
			record := couch.records(h.rtmp("s"))
			waitFor(t, "the recording", func() bool { return record.frames() > 10 })
			from, other := w.of(h)
			x.away(from)
			for _, v := range views {
				v.shows(3 * rate)
			}
			x.back(from)
			from.publishes(w.source)
			for _, v := range views {
				v.shows(rate)
			}
			x.away(other)
			for _, v := range views {
				v.shows(3 * rate)
			}
			for name, v := range views {
				s := v.ends(n, c)
				t.Logf("%s: %s", name, s)
				if s.lost > 2*x.lost || s.double > 0 || s.back > 0 || s.gap > 2*time.Second {
					t.Errorf("%s: %s", name, s)
				}
			}
			r := record.stop()
			check(t, r, expectation{clip: c, frames: 5 * rate})
			if s := n.saw(t, saved(t, r), nil); s.lost > 2*x.lost || s.double > 0 {
				t.Errorf("the recording: %s", s)
			}
			h.rests()
			x.back(other)
		})
	}
}

// TestClusterOnlyOrigin has the only origin die and come back, with its encoder, within the time that a stream is waited for, and
// be cut off for a while: the viewers stay and see it go on.
func TestClusterOnlyOrigin(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	c := newClip(t, "h264", "small")
	n := numbered(t, c)
	origin, camera, h, couch := l.host("origin"), l.host("camera"), l.host("edge"), l.host("couch")
	origin.weir(local(""))
	h.weir(edge("origin " + origin.ip + ";"))
	first := camera.sends(origin.rtmp("s"), c)
	v := couch.watches(h.rtmp("s"))
	v.shows(rate)
	h.cut()
	time.Sleep(3 * time.Second)
	h.mend()
	start := time.Now()
	v.shows(2 * rate)
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("when the cable is back, it takes %s", d)
	}
	origin.dies()
	first.interrupt()
	origin.start()
	const later = 60 // seconds; pictures of the beginning would be known
	camera.sends(origin.rtmp("s"), c, "-ss", strconv.Itoa(later))
	start = time.Now()
	v.shows(rate)
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("when the origin is back, it takes %s", d)
	}
	all := v.messages()
	began := slices.IndexFunc(all, func(m rtmp.Message) bool {
		return m.Kind == 9 && len(m.Body) > 5 && n[string(m.Body[5:])] >= later*rate
	})
	if began < 0 {
		t.Fatal("the second encoder was not seen")
	}
	for what, list := range map[string][]rtmp.Message{"before": all[:began], "after": all[began:]} {
		if s := n.saw(t, list, nil); s.lost > 0 || s.back > 0 || s.double > 0 || s.frames < rate-2 { // one may be a header
			t.Errorf("%s: %s", what, s)
		}
	}
	if end := v.shown(); end != "" {
		t.Errorf("the viewer was closed: %s", end)
	}
	v.close()
	h.rests()
}

// TestClusterReturn has the encoder leave and come back: viewers at an edge see the next stream, and where nothing is said of
// the end, as over HTTP, the edge looks for it again.
func TestClusterReturn(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	c := newClip(t, "h264", "small")
	origin, camera, couch := l.host("origin"), l.host("camera"), l.host("couch")
	origin.weir(local(""))
	encoder := camera.sends(origin.rtmp("s"), c)
	origin.publishes(camera)
	views := map[string]*screen{}
	edges := map[string]*host{}
	for name, cluster := range map[string]string{"rtmp": "origin " + origin.ip + ";", "flv": "origin " + origin.ip + ":8080; protocol flv;"} {
		edges[name] = l.host(name)
		edges[name].weir(edge(cluster))
		views[name] = couch.watches(edges[name].rtmp("s"))
	}
	for range 2 {
		for _, v := range views {
			v.shows(rate)
		}
		encoder.interrupt()
		for _, h := range edges {
			h.says("the publisher has ended at the origin")
		}
		time.Sleep(2 * time.Second)
		for name, h := range edges {
			if got := h.log().Count("the publisher has ended at the origin"); got > 2 {
				t.Errorf("%s says %d times that the publisher has ended", name, got)
			}
		}
		encoder = camera.sends(origin.rtmp("s"), c, "-ss", "60")
		start := time.Now()
		for name, v := range views {
			v.shows(rate)
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("%s: the next stream is seen after %s", name, d)
			}
		}
	}
	for name, v := range views {
		v.close()
		edges[name].rests()
	}
}
