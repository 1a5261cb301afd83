package hls

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestAnswers(t *testing.T) {
	for _, from := range []string{"disk", "memory"} {
		bubble(t, short+"hls_serve_from "+from+";", func(t *testing.T, r *rig) {
			r.Publish("live", "a").Run(9 * time.Second)
			_, _, h := r.Get("/live/a.m3u8")
			if h.Get("Content-Type") != typePlaylist || h.Get("Cache-Control") != "max-age=1" || h.Get("Content-Length") == "" {
				t.Errorf("playlist: %v", h)
			}
			_, whole, h := r.Get("/live/a-1.ts")
			if h.Get("Content-Type") != "video/MP2T" || h.Get("Cache-Control") != "max-age=12" || h.Get("Last-Modified") == "" || h.Get("Etag") == "" {
				t.Errorf("segment: %v", h)
			}
			ask := func(method, path, name, value string) *httptest.ResponseRecorder {
				q, w := httptest.NewRequest(method, path, nil), httptest.NewRecorder()
				q.Header.Set(name, value)
				r.server.Route(q).ServeHTTP(w, q)
				return w
			}
			if w := ask("GET", "/live/a-1.ts", "If-None-Match", h.Get("Etag")); w.Code != http.StatusNotModified {
				t.Errorf("If-None-Match: %d", w.Code)
			}
			if w := ask("GET", "/live/a-1.ts", "Range", "bytes=188-375"); w.Code != http.StatusPartialContent || w.Body.String() != whole[188:376] {
				t.Errorf("Range: %d", w.Code)
			}
			if w := ask("HEAD", "/live/a-1.ts", "X", ""); w.Code != http.StatusOK || w.Body.Len() != 0 {
				t.Errorf("HEAD: %d", w.Code)
			}
			if w := ask("POST", "/live/a.m3u8", "X", ""); w.Code != http.StatusMethodNotAllowed {
				t.Errorf("POST: %d", w.Code)
			}
			for _, path := range []string{"/live/b.m3u8", "/live/a-99.ts", "/live/", "/", "/weir.conf", "/live/../live/a.m3u8", "/live/%2e%2e/a.m3u8", "/../weir.m3u8"} {
				if code, _, _ := r.Get(path); code != 0 {
					t.Errorf("%s: %d", path, code)
				}
			}
			if code, _, _ := r.Get("/live/a.m3u8?vhost=other"); code != http.StatusOK {
				t.Errorf("an unknown host: %d", code)
			}
		})
	}
}

// TestWake serves what a process before has left on the disk.
func TestWake(t *testing.T) {
	bubble(t, short+"hls_dispose 0;", func(t *testing.T, r *rig) {
		r.Publish("live", "a").Run(9 * time.Second).End()
		before := r.Must("/live/a.m3u8")
		r.Stop()
		r.start()
		if after := r.Must("/live/a.m3u8"); after != before {
			t.Errorf("was\n%s\nis\n%s", before, after)
		}
		r.Must("/live/a-2.ts")
		r.configure(short + "hls_dispose 20;")
		time.Sleep(25 * time.Second)
		if list := r.files(); len(list) != 0 {
			t.Errorf("files %v", list)
		}
	})
}
