package e2e

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// TestClusterToken has the origin's on_connect decide about the clients of an edge with token_traverse: it is asked before they are let in,
// in their own words. Without, the edge lets everybody in.
func TestClusterToken(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	c := newClip(t, "h264", "small")
	origin, hooks, camera, couch := l.host("origin"), l.host("hooks"), l.host("camera"), l.host("couch")
	strict, open := l.host("strict"), l.host("open")
	var mu sync.Mutex
	var asked []string
	hooks.answers(80, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		asked = append(asked, string(body))
		mu.Unlock()
		if strings.Contains(string(body), "token=bad") {
			w.WriteHeader(http.StatusForbidden)
		}
		_, _ = io.WriteString(w, "0")
	}))
	origin.weir(local("http_hooks { enabled on; on_connect http://" + hooks.ip + "/; }"))
	strict.weir(edge("origin " + origin.ip + "; token_traverse on;"))
	open.weir(edge("origin " + origin.ip + ";"))
	camera.sends(origin.rtmp("s"), c)
	origin.publishes(camera)
	for _, h := range []*host{strict, open} {
		good := couch.watches("rtmp://" + h.ip + "/live?token=good/s")
		good.shows(10)
		bad := couch.watches("rtmp://" + h.ip + "/live?token=bad/s")
		if h == strict {
			waitFor(t, "the client to be turned away", func() bool { return bad.shown() != "" })
			if !strings.Contains(bad.shown(), "may not play") {
				t.Errorf("it is told %s", bad.shown())
			}
		} else {
			bad.shows(10)
		}
		bad.close()
		good.close()
	}
	mu.Lock()
	defer mu.Unlock()
	knocks := 0
	for _, body := range asked {
		if strings.Contains(body, `"tcUrl":"rtmp://`+strict.ip) && strings.Contains(body, `"ip":"`+strict.ip) {
			knocks++
		}
	}
	if knocks != 2 {
		t.Errorf("the origin was asked %d times in the words of clients of the edge: %q", knocks, asked)
	}
}
