package api

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestProfiles(t *testing.T) {
	s := newStudio(t)
	on := false
	s.api.o.Profiles = func() bool { return on }
	const path = "/debug/pprof/goroutine?debug=1"
	lists := s.ask("GET", "/").Body.String()
	for _, profiles := range []func() bool{nil, s.api.o.Profiles} {
		s.api.o.Profiles = profiles
		for _, path := range []string{path, "/debug/pprof/", "/debug/pprof/cmdline"} {
			expect(t, s.ask("GET", path), 200, lists) // as at every other unknown path
		}
	}
	on = true // by a reload
	w := s.ask("GET", path, "Origin", "http://example.com")
	if w.Code != 200 || !strings.HasPrefix(w.Body.String(), "goroutine profile: total") {
		t.Errorf("%d %.100s", w.Code, w.Body)
	}
	if w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Error("pages of other sites may read the profiles")
	}
	expect(t, s.ask("GET", "/debug/pprof"), 200, lists)
	expect(t, s.ask("GET", "/api/v1/clients/none"), 200, `{"code":2049}`)
}

// TestProcessorProfile asks for a profile as go tool pprof does, by a server whose answers have a
// time limit.
func TestProcessorProfile(t *testing.T) {
	s := newStudio(t)
	s.api.o.Profiles = func() bool { return true }
	server := httptest.NewUnstartedServer(nil)
	server.Config = Server(s.api)
	server.Start()
	defer server.Close()
	r, err := server.Client().Get(server.URL + "/debug/pprof/profile?seconds=1")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var profile bytes.Buffer
	if _, err := profile.ReadFrom(r.Body); err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != http.StatusOK || !bytes.HasPrefix(profile.Bytes(), []byte{0x1f, 0x8b}) {
		t.Errorf("%s: %.200q", r.Status, profile.Bytes())
	}
}
