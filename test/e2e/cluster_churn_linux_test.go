package e2e

import (
	"sync"
	"testing"
	"time"
)

// TestClusterChurn has viewers come and go at an edge without idle_timeout, so that the pull ends and begins all the time: each
// of them gets pictures, and at the end nothing is left.
func TestClusterChurn(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	c := newClip(t, "h264", "small")
	origin, camera, couch := l.host("origin"), l.host("camera"), l.host("couch")
	origin.weir(local(""))
	camera.sends(origin.rtmp("s"), c)
	origin.publishes(camera)
	edges := []*host{l.host("rtmp"), l.host("flv")}
	edges[0].weir(edge("origin " + origin.ip + ";"))
	edges[1].weir(edge("origin " + origin.ip + ":8080; protocol flv;"))
	var all sync.WaitGroup
	end := time.Now().Add(6 * time.Second)
	for _, h := range edges {
		for i := range 3 {
			url := h.rtmp("s")
			if i == 1 {
				url = h.http("s")
			}
			all.Go(func() {
				for n := 0; time.Now().Before(end); n++ {
					start := time.Now()
					v := couch.watches(url)
					if !poll(func() bool { return v.frames() > 1 || v.shown() != "" }) || v.shown() != "" {
						t.Errorf("viewer %d of %s: %d pictures, it ended with %q", n, url, v.frames(), v.shown())
					}
					if d := time.Since(start); d > 4*time.Second {
						t.Errorf("viewer %d of %s waits for %s", n, url, d)
					}
					time.Sleep(time.Duration(i) * 70 * time.Millisecond)
					v.close()
				}
			})
		}
	}
	all.Wait()
	for _, h := range edges {
		h.rests()
		if got := h.guests(); len(got) > 0 {
			t.Errorf("%s has still %q", h.name, got)
		}
		t.Logf("%s has fetched the stream %d times", h.name, h.log().Count("stream is brought here"))
	}
	origin.has("fmle-publish " + camera.ip)
}
