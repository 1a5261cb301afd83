package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestReceiver(t *testing.T) {
	const body = `{"action": "on_publish", "client_id": "1", "vhost": "__defaultVhost__", "app": "live", "stream": "a", "param": "", "stream_url": "/live/a"}`
	s := newStage(context.Background(), stageOptions{catalogue: catalogue{{"live/*", "test"}}, most: 1})
	defer s.close()
	for name, c := range map[string]struct {
		secret, body string
		status       int
		says         string
	}{
		"refused":      {"", body, http.StatusOK, `{"code":1,"msg":"live/a is published on demand, and by nobody else"}`},
		"not ours":     {"", strings.ReplaceAll(body, "live", "tv"), http.StatusOK, `{"code":0}`},
		"of no weight": {"", strings.ReplaceAll(body, "on_publish", "on_connect"), http.StatusOK, `{"code":0}`},
		"no JSON":      {"", "code", http.StatusBadRequest, ""},
		"too long":     {"", strings.Repeat(" ", maxBody+1), http.StatusRequestEntityTooLarge, ""},
		"unsigned":     {"s3cret", body, http.StatusUnauthorized, ""},
	} {
		r := httptest.NewRequest(http.MethodPost, "/hooks", strings.NewReader(c.body))
		w := httptest.NewRecorder()
		(&receiver{stage: s, secret: c.secret}).ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s: %d %s; want %d %s", name, w.Code, w.Body, c.status, c.says)
		}
	}
}

func TestSignature(t *testing.T) {
	const body = `{"action": "on_publish", "client_id": "1", "vhost": "__defaultVhost__", "app": "live", "stream": "a", "param": "", "stream_url": "/live/a"}`
	// echo -n "1900000000.$body" | openssl dgst -sha256 -hmac s3cret
	const signature = "sha256=c9977bbacccf0c2b192d241a0ef0934dcce56812f02ddce4142c81a40abc84a6"
	at := time.Unix(1_900_000_000, 0)
	for name, c := range map[string]struct {
		time, signature, body string
		now                   time.Time
		want                  bool
	}{
		"good":        {"1900000000", signature, body, at.Add(time.Minute), true},
		"none":        {"", "", body, at, false},
		"of nothing":  {"1900000000", "sha256=", body, at, false},
		"another":     {"1900000000", strings.Replace(signature, "=", "=0", 1), body, at, false},
		"of another":  {"1900000000", signature, body + " ", at, false},
		"with a time": {"1900000001", signature, body, at, false},
		"old":         {"1900000000", signature, body, at.Add(6 * time.Minute), false},
		"early":       {"1900000000", signature, body, at.Add(-6 * time.Minute), false},
	} {
		h := http.Header{}
		h.Set("X-Weir-Timestamp", c.time)
		h.Set("X-Weir-Signature", c.signature)
		if got := signed(h, []byte(c.body), "s3cret", c.now); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestAddress(t *testing.T) {
	for url, want := range map[string][3]string{
		"/live/a":       {"live/a", "live/a", "/live/a?"},
		"a.test/live/a": {"a.test/live/a", "live/a", "/live/a?vhost=a.test&"},
	} {
		e := event{Vhost: "__defaultVhost__", StreamURL: url}
		if !strings.HasPrefix(url, "/") {
			e.Vhost = "a.test"
		}
		if got := [3]string{e.key(), e.name(), e.address()}; got != want {
			t.Errorf("%s: %v, want %v", url, got, want)
		}
	}
}

func TestCatalogue(t *testing.T) {
	var c catalogue
	for _, line := range []string{"live/a=a.flv", "live/*=test", "tv/b=rtsp://cam/1?a=b"} {
		if err := c.Set(line); err != nil {
			t.Error(err)
		}
	}
	for _, line := range []string{"live/a", "live/a=", "live/[=test"} {
		if c.Set(line) == nil {
			t.Errorf("%q is taken", line)
		}
	}
	for name, want := range map[string]string{"live/a": "a.flv", "live/x": "test", "tv/b": "rtsp://cam/1?a=b", "tv/c": "", "live/x/y": ""} {
		if got, ok := c.find(name); got != want || ok != (want != "") {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
