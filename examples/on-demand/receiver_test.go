package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestReceiver(t *testing.T) {
	const body = `{"action": "on_publish", "client_id": "1", "vhost": "__defaultVhost__", "app": "live", "stream": "a", "param": "", "stream_url": "/live/a"}`
	// echo -n "$body" | openssl dgst -sha256 -hmac s3cret
	const signature = "sha256=3d6378181d4a5eba3bf60405ee7860d56b2053287e36aeb99b67dc5cb2a731c5"
	s := newStage(context.Background(), stageOptions{catalogue: catalogue{{"live/*", "test"}}, most: 1})
	defer s.close()
	for name, c := range map[string]struct {
		secret, signature, body string
		status                  int
		says                    string
	}{
		"refused":      {"", "", body, http.StatusOK, `{"code":1,"msg":"live/a is published on demand, and by nobody else"}`},
		"not ours":     {"", "", strings.ReplaceAll(body, "live", "tv"), http.StatusOK, `{"code":0}`},
		"of no weight": {"", "", strings.ReplaceAll(body, "on_publish", "on_connect"), http.StatusOK, `{"code":0}`},
		"no JSON":      {"", "", "code", http.StatusBadRequest, ""},
		"too long":     {"", "", strings.Repeat(" ", maxBody+1), http.StatusRequestEntityTooLarge, ""},
		"signed":       {"s3cret", signature, body, http.StatusOK, `{"code":1`},
		"unsigned":     {"s3cret", "", body, http.StatusUnauthorized, ""},
		"signed wrong": {"s3cret", strings.Replace(signature, "=", "=00", 1), body, http.StatusUnauthorized, ""},
		"changed":      {"s3cret", signature, body + " ", http.StatusUnauthorized, ""},
	} {
		r := httptest.NewRequest(http.MethodPost, "/hooks", strings.NewReader(c.body))
		if c.signature != "" {
			r.Header.Set("X-Weir-Signature", c.signature)
		}
		w := httptest.NewRecorder()
		(&receiver{stage: s, secret: c.secret}).ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s: %d %s; want %d %s", name, w.Code, w.Body, c.status, c.says)
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
