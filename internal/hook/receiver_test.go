package hook

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/config"
	"weir/internal/stream"
)

// oddities are what receivers do over a real connection, and what is said of it.
var oddities = map[string]struct {
	do   http.HandlerFunc
	says string // empty is a yes
	mute bool
}{
	"well": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"code":0}`) }, "", false},
	"hangs up": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"has not answered", true},
	"breaks off": {func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "0")
	}, "has not answered", true},
	"redirects": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"redirects", false},
	"redirects to itself, asking for the same": {func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
	}, "redirects", false},
	"has no end": {func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 32<<10)); err != nil {
				return
			}
		}
	}, "longer", false},
	"has headers without end": {func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
	}, "has not answered", true},
	"speaks no HTTP": {func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_, _ = io.WriteString(conn, "\x00\x01 come in\r\n\r\n")
			conn.Close()
		}
	}, "has not answered", true},
	"fails": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "502", true},
}

// TestReceivers asks over real connections.
func TestReceivers(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	elsewhere := 0
	mux := http.NewServeMux()
	mux.HandleFunc("/elsewhere", func(w http.ResponseWriter, _ *http.Request) { elsewhere++; _, _ = io.WriteString(w, "0") })
	for name, c := range oddities {
		mux.HandleFunc("/"+strings.ReplaceAll(name, " ", "_"), c.do)
	}
	plain, secure := httptest.NewServer(mux), httptest.NewTLSServer(mux)
	defer plain.Close()
	defer secure.Close()
	for name, c := range oddities {
		for _, mode := range []string{"deny", "allow"} {
			where := "http://user:hush@" + plain.Listener.Addr().String() + "/" + strings.ReplaceAll(name, " ", "_") + "?pass=hush"
			s := newStageOn(t, nil, func(h *config.HTTPHooks) { h.OnError, h.OnPublish = mode, []string{where} })
			err := s.publishes("a", "s")
			text := fmt.Sprint(err)
			switch {
			case c.says == "" || mode == "allow" && c.mute:
				if err != nil {
					t.Errorf("%s, on_error %s: %v", name, mode, err)
				}
			case !strings.Contains(text, c.says) || strings.Contains(text, "127.0.0.1"):
				t.Errorf("%s, on_error %s: %q, want %q", name, mode, text, c.says)
			}
			s.stop()
			if log := s.log.String(); strings.Contains(text+log, "hush") {
				t.Errorf("%s: a secret is told: %s %s", name, text, log)
			}
		}
	}
	if elsewhere != 0 {
		t.Error("a redirection is followed")
	}
	s := newStageOn(t, secure.Client().Transport, func(h *config.HTTPHooks) { h.OnPublish = []string{secure.URL + "/well"} })
	if err := s.publishes("a", "s"); err != nil {
		t.Errorf("over TLS: %v", err)
	}
}

// TestUnreachable asks a receiver that has been killed.
func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	s := newStageOn(t, nil, func(h *config.HTTPHooks) { h.OnPublish = []string{"http://" + l.Addr().String()} })
	for range 5 {
		if err := s.publishes("a", "s"); err == nil || strings.Contains(err.Error(), l.Addr().String()) {
			t.Error(err)
		}
	}
	if log := s.log.String(); strings.Count(log, "a callback has no answer") != 1 || !strings.Contains(log, l.Addr().String()) {
		t.Errorf("the outage is to be logged once, with the address: %s", log)
	}
}

// TestTroubleTold holds what the log says of a receiver: not of each no to who asks, but once of an outage,
// and of its end.
func TestTroubleTold(t *testing.T) {
	s := newStage(t, nil)
	s.says(func(heard) (int, string, error) { return 200, "1", nil })
	_ = s.publishes("a", "s")
	s.says(nil)
	_ = s.publishes("a", "s")
	if log := s.log.String(); log != "" {
		t.Error(log)
	}
	s.says(silence)
	for range 3 {
		_ = s.publishes("a", "s")
	}
	s.says(nil)
	_ = s.publishes("a", "s")
	if log := s.log.String(); strings.Count(log, "\n") != 2 || !strings.Contains(log, "connection refused") || !strings.Contains(log, "failed=3") {
		t.Error(log)
	}
}

// TestTwoReceivers has one of two that is dead. The other is told at once.
func TestTwoReceivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(h *config.HTTPHooks) { h.OnUnpublish = []string{"http://dead/", at} })
		defer s.stop()
		s.says(func(h heard) (int, string, error) {
			if strings.Contains(h.url, "dead") {
				time.Sleep(30 * time.Second)
				return silence(h)
			}
			return 200, "0", nil
		})
		for range 200 { // more than there are slots for the dead one
			for n := range 3 {
				s.ends(fmt.Sprint("p", n), fmt.Sprint("s", n))
			}
		}
		for n := range 2 * maxTelling {
			s.ends("x", fmt.Sprint("more", n))
		}
		synctest.Wait()
		told, tried := 0, 0
		for _, h := range s.list() {
			if strings.Contains(h.url, "dead") {
				tried++
				continue
			}
			told++
		}
		if told != 600+2*maxTelling || tried != maxTelling {
			t.Errorf("%d are told, want all; %d calls to the dead one, want %d", told, tried, maxTelling)
		}
		if err := s.publishes("a", "s0"); err != nil {
			t.Error(err)
		}
	})
}

// TestSlowFetch: what is fetched for a segment delays no event.
func TestSlowFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(h *config.HTTPHooks) { h.OnHlsNotify = []string{at + "/[ts_url]"} })
		defer s.stop()
		s.says(func(h heard) (int, string, error) {
			if h.method == http.MethodGet {
				time.Sleep(5 * time.Second)
			}
			return 200, "0", nil
		})
		for range 10 {
			s.Segment(Segment{Request: request("a", "s"), URL: "s-0.ts", M3U8URL: "live/s.m3u8"})
		}
		s.ends("a", "s")
		began := time.Now()
		if err := s.publishes("b", "s"); err != nil || time.Since(began) != 0 {
			t.Error(err, time.Since(began))
		}
		if !strings.Contains(s.actions(), "on_unpublish a") {
			t.Error(s.actions())
		}
	})
}

// TestLeavesAsked has a player leave while the receiver thinks, and the server stop meanwhile.
func TestLeavesAsked(t *testing.T) {
	for _, answer := range []string{"0", "1"} {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, nil)
			s.says(after(2*time.Second, 200, answer))
			ctx, leave := context.WithTimeout(t.Context(), time.Second)
			defer leave()
			began := time.Now()
			err := s.Check(ctx, stream.Ask{Act: stream.Play, Request: request("a", "s"), StreamID: "vid-1"})
			if err == nil || time.Since(began) != time.Second {
				t.Errorf("%v after %s: nobody waits for an answer that nobody wants", err, time.Since(began))
			}
			s.stop()
			want := "on_play a, on_stop a"
			if answer == "1" {
				want = "on_play a"
			}
			if got := s.actions(); got != want {
				t.Errorf("answered %s: %s, want %s", answer, got, want)
			}
		})
	}
}

// TestLastTry: at the stop a dead receiver costs no more than one last try.
func TestLastTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		s.says(silence)
		for n := range 100 {
			s.ends("a", fmt.Sprint(n))
		}
		time.Sleep(10 * time.Second)
		began := time.Now()
		s.stop()
		if d := time.Since(began); d != 0 {
			t.Errorf("ended after %s", d)
		}
		if n := strings.Count(s.log.String(), "given up"); n != 1 || s.Stats().Failed != 100 {
			t.Errorf("%d lines in the log for %+v", n, s.Stats())
		}
	})
}

// TestAllFull has more events than all queues take together.
func TestAllFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(h *config.HTTPHooks) { h.Retry = 0 })
		defer s.stop()
		s.says(after(time.Second, 200, "0"))
		for n := range allLength + 100 {
			s.ends("a", fmt.Sprint(n%(allLength/100)))
		}
		if got := s.Stats(); got.Waiting != allLength || got.Dropped != 100 {
			t.Errorf("%+v", got)
		}
		if n := strings.Count(s.log.String(), "queue that is full"); n != 1 {
			t.Errorf("%d lines in the log", n)
		}
		time.Sleep(time.Hour)
		if got := s.Stats(); got.Waiting != 0 || len(s.lines) != 0 || len(s.receivers) != 0 {
			t.Errorf("%+v", got)
		}
	})
}

// notices are templates with what is fetched for them; empty is nothing.
var notices = map[string]string{
	"http://cdn/[app]/[stream]/[ts_url][param]": "http://cdn/live/a%20b%3F%23/s-0.ts?x=%20&y",
	"https://[::1]:80/[server_id]":              "https://[::1]:80/vid-sample",
	"http://user:pass@cdn:8080/[service_id]":    "http://user:pass@cdn:8080/51xq2938",
	"http://[stream]/x":                         "",
	"http://cdn[param]":                         "",
	"[ts_url]":                                  "",
	"ftp://cdn/":                                "",
	"http://":                                   "",
}

func TestNotice(t *testing.T) {
	s := newStage(t, nil)
	r := request("a", "a b?#")
	r.Param = "?x= &y"
	for template, want := range notices {
		got, err := s.notice(template, &Segment{Request: r, URL: "s-0.ts"})
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v; want %q", template, got, err, want)
		}
	}
}
