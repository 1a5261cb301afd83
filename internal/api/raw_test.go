package api

import (
	"errors"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"

	"weir/internal/stream"
)

// TestShapes holds the shapes of the answers about the process, its machine and the server: keys,
// their order and the types of their values.
func TestShapes(t *testing.T) {
	s := newStudio(t)
	for _, name := range []string{"rusages", "self_proc_stats", "system_proc_stats", "meminfos", "authors", "features"} {
		w := s.ask("GET", "/api/v1/"+name)
		compare(t, name, w.Body.String(), false)
	}
}

// TestMachineTold holds that what is told of the machine is not made up.
func TestMachineTold(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no Linux")
	}
	s := newStudio(t)
	var self selfAnswer
	decode(t, s, "/api/v1/self_proc_stats", &self)
	if d := self.Data; !d.OK || d.PPid != os.Getppid() || d.RSS < 100 || d.Threads < 2 || d.VSize == 0 || d.StartTime == 0 {
		t.Errorf("%+v", d)
	}
	var used rusagesAnswer
	decode(t, s, "/api/v1/rusages", &used)
	if d := used.Data; !d.OK || d.MaxRSS < 1000 || d.MinFaults == 0 {
		t.Errorf("%+v", d)
	}
	var all processorsAnswer
	decode(t, s, "/api/v1/system_proc_stats", &all)
	if d := all.Data; !d.OK || d.User == 0 || d.Idle == 0 {
		t.Errorf("%+v", d)
	}
	var memory memoryAnswer
	decode(t, s, "/api/v1/meminfos", &memory)
	if d := memory.Data; !d.OK || d.Total < 100_000 || d.InUse+d.NotInUse != d.Total || d.PercentRAM <= 0 || d.PercentRAM >= 1 {
		t.Errorf("%+v", d)
	}
}

func TestTests(t *testing.T) {
	s := newStudio(t)
	expect(t, s.ask("GET", "/api/v1/tests/errors"), 200, `{"code":100}`)
	w := s.ask("GET", "/api/v1/tests/redirects")
	if w.Code != 301 || w.Header().Get("Location") != "/api/v1/tests/errors" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	var got requestAnswer
	decode(t, s, "/api/v1/tests/requests?a=b", &got)
	if d := got.Data; d.URI != "/api/v1/tests/requests?a=b" || d.Path != "/api/v1/tests/requests" || d.Method != http.MethodGet || d.Headers.Version == "" {
		t.Errorf("%+v", d)
	}
}

func TestRaw(t *testing.T) {
	for name, c := range map[string]struct {
		raw  Raw
		rpc  string
		want string
	}{
		"raw, off": {
			Raw{Enabled: true, Listen: []string{"1985"}, CrossDomain: true}, "raw",
			`{"code":0,"http_api":{"enabled":true,"listen":"1985","crossdomain":true,"raw_api":{"enabled":false,"allow_reload":false,"allow_query":false,"allow_update":false}}}`,
		},
		"raw, on": {
			Raw{Commands: true, Reload: true}, "raw",
			`{"code":0,"http_api":{"enabled":false,"listen":"","crossdomain":false,"raw_api":{"enabled":true,"allow_reload":true,"allow_query":false,"allow_update":false}}}`,
		},
		"reload, off":         {Raw{Reload: true}, "reload", `{"code":1061}`},
		"reload, not allowed": {Raw{Commands: true}, "reload", `{"code":1061}`},
		"reload":              {Raw{Commands: true, Reload: true}, "reload", `{"code":0,"applied":["listen"],"restart":[]}`},
		"fetch, off":          {Raw{}, "reload-fetch", `{"code":1061}`},
		"fetch":               {Raw{Commands: true}, "reload-fetch", `{"code":0,"data":{"err":0,"msg":"","state":0,"rid":""}}`},
		"query":               {Raw{Commands: true}, "query", `{"code":1061}`},
		"unknown":             {Raw{Commands: true}, "dance", `{"code":1060}`},
		"none":                {Raw{Commands: true}, "", `{"code":1060}`},
		"unknown, off":        {Raw{}, "dance", `{"code":1061}`},
	} {
		s := newStudio(t)
		s.api.o.Raw = func() Raw { return c.raw }
		s.api.o.Reload = func() (applied, restart []string, err error) { return []string{"listen"}, nil, nil }
		if got := s.ask("GET", "/api/v1/raw?rpc="+c.rpc).Body.String(); got != c.want {
			t.Errorf("%s: %s\nwant %s", name, got, c.want)
		}
	}
	s := newStudio(t)
	s.api.o.Raw = func() Raw { return Raw{Commands: true, Reload: true} }
	s.api.o.Reload = func() (applied, restart []string, err error) { return nil, nil, errors.New("a line is wrong") }
	expect(t, s.ask("GET", "/api/v1/raw?rpc=reload"), 200, `{"code":1023,"applied":[],"restart":[],"reason":"a line is wrong"}`)
	expect(t, s.ask("GET", "/api/v1/raw?rpc=reload-fetch"), 200, `{"code":0,"data":{"err":1023,"msg":"a line is wrong","state":90,"rid":"k2v9x01c"}}`)
}

func TestClusters(t *testing.T) {
	s := newStudio(t)
	s.api.o.Origin = func(coworker string) *Origin {
		return &Origin{IP: "10.0.0.1", Port: 1935, API: "10.0.0.1:1985", Routers: []string{coworker}}
	}
	const query = `{"ip":"1.2.3.4","vhost":"__defaultVhost__","app":"live","stream":"`
	for name, origin := range map[string]string{
		"cam":  `{"ip":"10.0.0.1","port":1935,"vhost":"__defaultVhost__","api":"10.0.0.1:1985","routers":["10.0.0.1:1985"]}`,
		"none": `null`,
	} {
		path := "/api/v1/clusters?vhost=" + stream.DefaultVhost + "&app=live&stream=" + name + "&ip=1.2.3.4&coworker=10.0.0.1:1985"
		for _, method := range []string{"GET", "POST"} {
			expect(t, s.ask(method, path), 200, `{"code":0,"data":{"query":`+query+name+`"},"origin":`+origin+`}}`)
		}
	}
}

// TestLogin asks for all that the API has, in all the forms that may get past somebody who looks less
// closely than the one who answers.
func TestLogin(t *testing.T) {
	s := newStudio(t)
	on := true
	s.api.o.Login = func() (Login, bool) { return Login{"admin", "correct horse"}, on }
	forms := []string{
		"/api/v1/streams/", "/api/v1/streams", "/api", "/api/", "//api/v1/streams/", "/api//v1/streams/", "/API/v1/streams/",
		"/%61pi/v1/streams/", "/api%2fv1%2fstreams%2f", "/./api/v1/streams/", "/x/../api/v1/streams/", "/console/../api/v1/clients/",
		"/api/v1/streams/?callback=f", "/api/v1/clients/x?method=DELETE&callback=f", "/api/v1/events", "/api/v1/openapi.json",
		"/api/v1/raw?rpc=reload", "/api/v1/nosuch", "/live/api/x", "/Api/V1/Versions", "/api/v1/versions;x=y", "http://h/api/v1/versions",
		"/debug/pprof/heap", "/debug/pprof",
	}
	for _, path := range forms {
		for _, method := range []string{"GET", "POST", "DELETE", "HEAD", "PUT"} {
			w := s.ask(method, path)
			if w.Code != 401 || w.Body.String() != "Unauthorized" || !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Basic") {
				t.Errorf("%s %s: %d %v", method, path, w.Code, w.Header())
			}
		}
	}
	wrong := []string{"Basic", "Basic !", "Basic YWRtaW46", "Basic YWRtaW46Y29ycmVjdCBob3JzZQ", "Bearer YWRtaW46Y29ycmVjdCBob3JzZQ==", "Basic QURNSU46Y29ycmVjdCBob3JzZQ=="}
	for _, auth := range wrong {
		w := s.ask("GET", "/api/v1/versions", "Authorization", auth)
		if w.Code != 401 || w.Header().Get("WWW-Authenticate") != "" {
			t.Errorf("%s: %d", auth, w.Code)
		}
	}
	for _, auth := range []string{"Basic YWRtaW46Y29ycmVjdCBob3JzZQ==", "basic YWRtaW46Y29ycmVjdCBob3JzZQ=="} {
		if w := s.ask("GET", "/api/v1/versions", "Authorization", auth); w.Code != 200 {
			t.Errorf("%s: %d", auth, w.Code)
		}
	}
	if w := s.ask("OPTIONS", "/api/v1/versions", "Origin", "http://x"); w.Code != 200 {
		t.Errorf("OPTIONS: %d", w.Code)
	}
	if w := s.ask("GET", "/"); w.Code != 200 {
		t.Errorf("the root: %d", w.Code)
	}
	on = false
	if w := s.ask("GET", "/api/v1/versions"); w.Code != 200 {
		t.Errorf("without a login: %d", w.Code)
	}
}
