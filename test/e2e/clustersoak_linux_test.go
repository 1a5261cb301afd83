//go:build soak

package e2e

import (
	"testing"
	"time"
)

// TestSoakClusterPartition has an edge cut off for longer than a stream is waited for, with one origin and with two: its
// viewers by RTMP stay, and see the stream again soon after the cable is back, as does who comes then.
func TestSoakClusterPartition(t *testing.T) {
	t.Parallel()
	for name, lasts := range map[string]time.Duration{"short": 7 * time.Second, "long": 16 * time.Second, "very long": 45 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClip(t, "h264", "small")
			n := numbered(t, c)
			w := newTwins(t, c)
			couch := w.lan.host("couch")
			edges := map[string]*host{}
			views := map[string]*screen{}
			for name, cluster := range map[string]string{
				"one":  "origin " + w.origins[0].ip + ";",
				"both": "origin " + w.origins[0].ip + " " + w.origins[1].ip + ";",
				"flv":  "origin " + w.origins[0].ip + ":8080; protocol flv;",
			} {
				edges[name] = w.lan.host("edge" + name)
				edges[name].weir(edge(cluster))
				views[name] = couch.watches(edges[name].rtmp("s"))
			}
			for _, v := range views {
				v.shows(2 * rate)
			}
			for _, o := range w.origins {
				o.cut()
			}
			time.Sleep(lasts)
			for _, o := range w.origins {
				o.mend()
			}
			start := time.Now()
			for name, v := range views {
				v.shows(2 * rate)
				t.Logf("%s: it goes on after %s", name, time.Since(start)-2*time.Second)
				if d := time.Since(start); d > 12*time.Second {
					t.Errorf("%s: it goes on after %s", name, d)
				}
				late := couch.watches(edges[name].http("s"))
				late.shows(5)
				late.close()
				list, at := v.all()
				if s := n.saw(t, list, at); s.double > 0 || s.back > 0 {
					t.Errorf("%s: %s", name, s)
				}
			}
			for name, v := range views {
				v.close()
				edges[name].rests()
			}
		})
	}
}

// TestSoakClusterFailover is TestClusterFailover with streams that are fetched over HTTP-FLV.
func TestSoakClusterFailover(t *testing.T) {
	t.Parallel()
	failover(t, map[string]downfall{
		"kill":  {(*host).dies, (*host).start, rate / 2, "origin ONE:8080 TWO:8080; protocol flv;"},
		"cable": {(*host).cut, (*host).mend, gop + 5, "origin ONE:8080 TWO:8080; protocol flv;"},
	})
}
