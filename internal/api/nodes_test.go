package api

import (
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestNodes has servers of a cluster whose registry is away.
func TestNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		want := `{"code":0,"server":"vid-0golden","service":"k2v9x01c","pid":"4242","nodes":[` +
			`{"id":"k2v9x01c","self":true,"registry":"redis://192.0.2.9:6379/0","rtmp":"192.0.2.1:1935","http":"192.0.2.1:8080","api":"192.0.2.1:1985",` +
			`"load":0.26,"clients":7,"streams":3,"claims":2,"draining":false,"age_ms":0,"lease_ms":3600000},` +
			`{"id":"edge0001","self":false,"registry":"redis://192.0.2.9:6379/0","rtmp":null,"http":"[2001:db8::1]:8080","api":null,` +
			`"load":0.00,"clients":0,"streams":0,"claims":0,"draining":true,"age_ms":null,"lease_ms":0}],` +
			`"registries":[{"registry":"redis://192.0.2.9:6379/0","away":"1970-01-01T00:00:09.000Z","error":"nobody there"}]}`
		if got := strings.TrimSpace(s.ask("GET", "/api/v1/nodes/").Body.String()); got != want {
			t.Errorf("%s; want %s", got, want)
		}
		if w := s.ask("GET", "/api/v1/nodes"); w.Code != 302 || w.Header().Get("Location") != "/api/v1/nodes/" {
			t.Errorf("without a slash: %d", w.Code)
		}
		for target, want := range map[string]int{"/api/v1/nodes/": 405, "/api/v1/nodes/k2v9x01c": 404} {
			if w := s.ask("DELETE", target); w.Code != want {
				t.Errorf("DELETE %s: %d", target, w.Code)
			}
		}
	})
}

// TestLoneNode has a server without a registry, that does not know how others reach it: it is where the asker has found it.
func TestLoneNode(t *testing.T) {
	s := newStudio(t)
	told := Cluster{Nodes: []Node{{ID: "k2v9x01c", Self: true, RTMP: 1935, API: 1985, Told: time.Now()}}}
	s.api.o.Cluster = func() Cluster { return told }
	for asked, host := range map[string]string{
		"http://media.example.com:1985": "media.example.com", "http://media.example.com": "media.example.com", "http://[2001:db8::1]:1985": "[2001:db8::1]", "http://[2001:db8::1]": "[2001:db8::1]",
	} {
		got := s.ask("GET", asked+"/api/v1/nodes/").Body.String()
		want := regexp.QuoteMeta(`"nodes":[{"id":"k2v9x01c","self":true,"registry":null,"rtmp":"`+host+`:1935","http":null,"api":"`+host+`:1985","load":0.00,`+
			`"clients":0,"streams":0,"claims":0,"draining":false,"age_ms":`) + `\d+` + regexp.QuoteMeta(`,"lease_ms":null}],"registries":[]}`)
		if !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s: %s; want %s", asked, got, want)
		}
	}
	told.Nodes[0].Self = false
	if got := s.ask("GET", "/api/v1/nodes/").Body.String(); !strings.Contains(got, `"rtmp":null,`) {
		t.Errorf("another server is where this one is: %s", got)
	}
	s.api.o.Cluster = nil
	if got := s.ask("GET", "/api/v1/nodes/").Body.String(); !strings.Contains(got, `"nodes":[],"registries":[]}`) {
		t.Error(got)
	}
}
