package e2e

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestLowLatency asks for what is to come, on one connection of HTTP/2 and on many of HTTP/1: playlists that wait, the
// part that is announced, and a segment of DASH while it is made.
func TestLowLatency(t *testing.T) {
	t.Parallel()
	for _, second := range []bool{true, false} {
		t.Run(fmt.Sprintf("HTTP/2 %t", second), func(t *testing.T) {
			f := serve(t, conf{vhost: cmafOutputs(true)(t, "")})
			p := startClientPublisher(t, f.url("s"), newClip(t, "h264", "small"), 0)
			way := &http.Transport{TLSClientConfig: ourIdentity().trusts(), ForceAttemptHTTP2: second}
			t.Cleanup(way.CloseIdleConnections)
			q := &asker{t: t, way: way, base: strings.TrimSuffix(onWeb(t, f.url("s"), "https", ""), "/live/s"), major: 1}
			if second {
				q.major = 2
			}
			playlistsThatWait(t, q)
			openSegment(t, q)
			for _, c := range f.players() {
				f.kick(c.ID)
			}
			p.stop()
		})
	}
}

// asker asks over one transport.
type asker struct {
	t     *testing.T
	way   *http.Transport
	base  string
	major int
}

func (q *asker) open(path string) *http.Response {
	q.t.Helper()
	request, err := http.NewRequestWithContext(q.t.Context(), http.MethodGet, q.base+path, nil)
	if err != nil {
		q.t.Fatal(err)
	}
	answer, err := q.way.RoundTrip(request)
	if err != nil {
		q.t.Error(err)
		return nil
	}
	if answer.ProtoMajor != q.major {
		q.t.Errorf("%s: HTTP/%d", path, answer.ProtoMajor)
	}
	return answer
}

func (q *asker) get(path string) (status int, body string) {
	q.t.Helper()
	answer := q.open(path)
	if answer == nil {
		return 0, ""
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		q.t.Errorf("%s: %v", path, err)
	}
	return answer.StatusCode, string(b)
}

var (
	hinted = regexp.MustCompile(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="([^"]+)"`)
	parted = regexp.MustCompile(`#EXT-X-PART:[^\n]*URI="([^"]+)"`)
)

// playlistsThatWait has many wait for the part that is announced, and fetch it meanwhile.
func playlistsThatWait(t *testing.T, q *asker) {
	t.Helper()
	const list = "/live/s.m3u8?hls_ctx=abcd1234"
	var said string
	waitFor(t, "the playlist", func() bool { _, said = q.get(list); return hinted.MatchString(said) })
	for range 3 {
		_, said = q.get(list)
		_, number, _ := strings.Cut(said, "MEDIA-SEQUENCE:") // of the first segment, and each is one more
		next := 0
		if _, err := fmt.Sscanf(number, "%d", &next); err != nil {
			t.Fatal(err)
		}
		next += strings.Count(said, "#EXTINF:")
		parts := len(parted.FindAllString(said[strings.LastIndex(said, "#EXTINF:"):], -1))
		hint := hinted.FindStringSubmatch(said)[1]
		at := fmt.Sprintf("%s&_HLS_msn=%d&_HLS_part=%d", list, next, parts)
		start := time.Now()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if status, body := q.get(at); status != http.StatusOK || !strings.Contains(body, hint) {
					t.Errorf("%s is answered with %d %s", at, status, body)
				}
			})
		}
		all.Go(func() {
			if status, body := q.get("/live/" + hint); status != http.StatusOK || len(body) < 100 || body[4:8] != "moof" {
				t.Errorf("the announced part is answered with %d, %d bytes", status, len(body))
			}
		})
		all.Wait()
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("a part of 0.2 s was waited for for %s", d)
		}
		// What comes behind a segment's last part is the next segment's first.
		if status, body := q.get(fmt.Sprintf("%s&_HLS_msn=%d&_HLS_part=99", list, next)); status != http.StatusOK || strings.Count(body, "#EXTINF:") == 0 {
			t.Errorf("a part that its segment has not: %d", status)
		}
	}
	for _, wrong := range []string{"_HLS_part=1", "_HLS_msn=x", "_HLS_msn=1000", "_HLS_msn=1&_HLS_part=-1"} {
		if status, body := q.get(list + "&" + wrong); status != http.StatusBadRequest {
			t.Errorf("%s is answered with %d %s", wrong, status, body)
		}
	}
}

// openSegment reads a segment of DASH while it is made: its first bytes come long before its last.
func openSegment(t *testing.T, q *asker) {
	t.Helper()
	var manifest string
	waitFor(t, "the manifest", func() bool { _, manifest = q.get("/live/s.mpd"); return strings.Contains(manifest, "<S ") })
	n := 0
	waitFor(t, "the next segment to be asked for", func() bool {
		answer := q.open(fmt.Sprintf("/live/s/video-%d.m4s", n))
		defer answer.Body.Close()
		if answer.Header.Get("Content-Length") != "" { // that one is whole
			n++
			return false
		}
		first := make([]byte, 8)
		if _, err := io.ReadFull(answer.Body, first); err != nil || string(first[4:]) != "moof" {
			t.Fatalf("the segment begins with %q: %v", first, err)
		}
		start := time.Now()
		rest, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		if time.Since(start) < 100*time.Millisecond { // it was nearly whole
			n++
			return false
		}
		if _, whole := q.get(fmt.Sprintf("/live/s/video-%d.m4s", n)); whole != string(first)+string(rest) {
			t.Errorf("a segment is %d bytes as it comes, and %d when it is whole", len(first)+len(rest), len(whole))
		}
		return true
	})
}
