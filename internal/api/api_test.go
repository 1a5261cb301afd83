package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"weir/internal/stream"
)

// errorAnswers also seed FuzzServe.
var errorAnswers = []struct {
	method, path string
	status       int
	body         string
}{
	{"GET", "/api/v1/vhosts/none", 200, `{"code":2014}`},
	{"GET", "/api/v1/streams/none", 200, `{"code":2048}`},
	{"GET", "/api/v1/streams/none/more", 200, `{"code":2048}`},
	{"GET", "/api/v1/clients/none", 200, `{"code":2049}`},
	{"PUT", "/api/v1/clients/none", 200, `{"code":2049}`},
	{"DELETE", "/api/v1/clients/none", 200, `{"code":2049}`},
	{"DELETE", "/api/v1/clients/", 200, `{"code":2049}`},
	{"DELETE", "/api/v1/clients/rec00001", 200, `{"code":400}`},
	{"POST", "/api/v1/clients/pub00001", 405, "Method Not Allowed"},
	{"POST", "/api/v1/clients/", 405, "Method Not Allowed"},
	{"DELETE", "/api/v1/streams/", 405, "Method Not Allowed"},
	{"PUT", "/api/v1/vhosts/", 405, "Method Not Allowed"},
	{"GET", "/api/v1/clients/none?callback=a.b-c_1", 200, `a.b-c_1({"code":2049})`},
	{"GET", "/api/v1/clients/none?callback=f;method=DELETE", 200, `f({"code":2049})`},
	{"GET", "/api/v1/streams/?callback=f&method=DELETE", 405, "Method Not Allowed"},
	{"GET", "/api/v1/clients/none?callback=alert(1)", 400, "Bad Request"},
	{"GET", "/api/v1/clients/none?method=DELETE", 200, `{"code":2049}`},
	{"GET", "/api/v1/streams?start=1", 302, "Found"},
	{"GET", "/api", 302, "Found"},
}

func TestErrors(t *testing.T) {
	s := newStudio(t)
	for _, x := range errorAnswers {
		t.Run(x.method+" "+x.path, func(t *testing.T) {
			expect(t, s.ask(x.method, x.path), x.status, x.body)
		})
	}
	if len(s.registry.Sessions()) != 4 || len(s.kicked) != 0 {
		t.Error("somebody was kicked")
	}
}

func TestRedirect(t *testing.T) {
	s := newStudio(t)
	for from, to := range map[string]string{
		"/api": "/api/", "/api/v1": "/api/v1/", "/api/v1/vhosts": "/api/v1/vhosts/",
		"/api/v1/streams?start=1&count=20": "/api/v1/streams/?start=1&count=20",
	} {
		w := s.ask("GET", from)
		if got := w.Header().Get("Location"); w.Code != http.StatusFound || got != to {
			t.Errorf("%s leads with %d to %q; want %q", from, w.Code, got, to)
		}
	}
}

// TestUnknownPath: what nobody answers is answered by who lists what there is.
func TestUnknownPath(t *testing.T) {
	s := newStudio(t)
	for path, like := range map[string]string{
		"/nosuch": "/", "/api/v2": "/api/", "/api/v1/nosuch": "/api/v1/",
		"/api/v1/versions/": "/api/v1/", "/api/v1/perf": "/api/v1/",
	} {
		expect(t, s.ask("GET", path), 200, s.ask("GET", like).Body.String())
	}
}

func TestKick(t *testing.T) {
	s := newStudio(t)
	const done = `{"code":0,"server":"vid-0golden","service":"k2v9x01c","pid":"4242"}`
	expect(t, s.ask("DELETE", "/api/v1/clients/pub00001"), 200, done)
	if err := <-s.kicked; !errors.Is(err, stream.ErrKicked) {
		t.Errorf("kicked for %v", err)
	}
	expect(t, s.ask("GET", "/api/v1/clients/pub00001?callback=cb&method=DELETE"), 200, "cb("+done+")")
	if err := <-s.kicked; !errors.Is(err, stream.ErrKicked) {
		t.Errorf("kicked for %v", err)
	}
	if err := s.publish.Close(); err != nil {
		t.Fatal(err)
	}
	expect(t, s.ask("DELETE", "/api/v1/clients/pub00001"), 200, `{"code":2049}`)
	var got streamAnswer
	decode(t, s, "/api/v1/streams/"+s.id("cam"), &got)
	if got.Stream.Publish.Active || got.Stream.Video != nil || got.Stream.Audio != nil || got.Stream.Frames != 3 {
		t.Errorf("after its publisher: %+v", got.Stream)
	}
}

func decode(t *testing.T, s *studio, path string, to any) {
	t.Helper()
	if err := json.Unmarshal(s.ask("GET", path).Body.Bytes(), to); err != nil {
		t.Fatal(path, err)
	}
}

func TestPaging(t *testing.T) {
	s := newStudio(t)
	for n := range 26 { // and the four of the studio: thirty
		s.subscribe(t, &stream.Request{ID: fmt.Sprintf("z%07d", n), Vhost: "v", App: "a", Stream: fmt.Sprint(n)})
	}
	all := s.registry.Sessions()
	for query, want := range map[string][2]int{ // where, how many
		"":                              {0, 10},
		"start=-5":                      {0, 10},
		"count=3":                       {0, 10},
		"count=12":                      {0, 12},
		"start=5,count=12abc":           {5, 12},
		"start=+25;count=12":            {25, 5},
		"start=30":                      {30, 0},
		"start=99999999999999999999":    {30, 0},
		"start=2&count=999999999999999": {2, 28},
		"start=2&start=4&count=":        {4, 10},
		"&&count&&start=1&&=":           {1, 10},
	} {
		var got clientsAnswer
		decode(t, s, "/api/v1/clients/?"+query, &got)
		if got.Clients == nil || len(got.Clients) != want[1] {
			t.Errorf("%q: %d clients; want %d", query, len(got.Clients), want[1])
			continue
		}
		for i, c := range got.Clients {
			if c.ID != all[want[0]+i].Request.ID {
				t.Errorf("%q: client %d is %s", query, i, c.ID)
			}
		}
		var streams streamsAnswer
		decode(t, s, "/api/v1/streams/?"+query, &streams)
		if want := max(0, min(want[1], 28-want[0])); streams.Streams == nil || len(streams.Streams) != want {
			t.Errorf("%q: %d streams; want %d", query, len(streams.Streams), want)
		}
	}
}

func TestCrossDomain(t *testing.T) {
	s := newStudio(t)
	origin := []string{"Origin", "http://example.com"}
	w := s.ask("OPTIONS", "/api/v1/clients/none", origin...)
	expect(t, w, 200, "")
	want := http.Header{}
	for name, value := range map[string]string{
		"Origin": "*", "Headers": "*", "Methods": "*", "Credentials": "false",
	} {
		want.Set("Access-Control-Allow-"+name, value)
	}
	want.Set("Access-Control-Expose-Headers", "*")
	want.Set("Access-Control-Request-Private-Network", "true")
	for name := range want {
		if got := w.Header().Get(name); got != want.Get(name) {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := w.Header().Get("Content-Length"); got != "0" {
		t.Errorf("Content-Length: %q", got)
	}
	if s.ask("GET", "/").Header().Get("Access-Control-Allow-Origin") != "" {
		t.Error("CORS headers for a client that names no origin")
	}
	s.api.o.CrossDomain = func() bool { return false }
	expect(t, s.ask("OPTIONS", "/", origin...), 405, "Method Not Allowed")
	if s.ask("GET", "/", origin...).Header().Get("Access-Control-Allow-Origin") != "" {
		t.Error("CORS headers though they are off")
	}
}

func TestHead(t *testing.T) {
	s := newStudio(t)
	if w := s.ask("HEAD", "/api/v1/streams/"); w.Code != 200 {
		t.Errorf("status %d", w.Code)
	}
}

func TestFLVRate(t *testing.T) {
	for hz, want := range map[int]int{
		0: 44100, 5512: 5512, 8000: 44100, 11025: 11025, 22050: 22050, 44100: 44100, 48000: 44100,
	} {
		if got := flvRate(hz); got != want {
			t.Errorf("%d Hz is told as %d; want %d", hz, got, want)
		}
	}
}

// FuzzServe: whatever is asked, nothing panics, and the answer is JSON, a call with JSON, or
// the phrase of its status.
func FuzzServe(f *testing.F) {
	for _, x := range errorAnswers {
		path, query, _ := strings.Cut(x.path, "?")
		f.Add(x.method, path, query)
	}
	f.Add("HEAD", "", "callback")
	f.Add("GET", "/api/v1/clients/", "start=9223372036854775807&count=9223372036854775807")
	s := newStudio(f)
	f.Fuzz(func(t *testing.T, method, path, query string) {
		r := &http.Request{Method: method, URL: &url.URL{Path: path, RawQuery: query}, Header: http.Header{}}
		w := httptest.NewRecorder()
		s.api.ServeHTTP(w, r)
		select {
		case err := <-s.kicked:
			if !errors.Is(err, stream.ErrKicked) {
				t.Errorf("kicked for %v", err)
			}
		default:
		}
		body := w.Body.String()
		callback := parseQuery(query)["callback"]
		switch {
		case method == http.MethodOptions && w.Code == 200:
			if body != "" {
				t.Errorf("OPTIONS answers %q", body)
			}
		case w.Code != 200:
			if body != http.StatusText(w.Code) {
				t.Errorf("status %d with %q", w.Code, body)
			}
		case callback != "":
			inner, ok := strings.CutPrefix(body, callback+"(")
			inner, end := strings.CutSuffix(inner, ")")
			if !ok || !end || !json.Valid([]byte(inner)) {
				t.Errorf("no call of %s: %q", callback, body)
			}
		case !json.Valid([]byte(body)):
			t.Errorf("no JSON: %q", body)
		}
	})
}
