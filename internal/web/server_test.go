package web

import (
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/internal/config"
)

// site is a server of files in a directory of the test's own.
type site struct {
	t    testing.TB
	conf *config.Config
	dir  string
	o    Options
	tls  *tls.Config // nil: without
	log  bytes.Buffer
}

func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{t: t, conf: config.Default(), dir: t.TempDir()}
	s.conf.HTTPServer.Enabled = true
	s.conf.HTTPServer.Dir = s.dir
	s.o = Options{
		Config: func() *config.Config { return s.conf }, Product: "SRS/7",
		API:   says("api"),
		Pages: says("page"),
		Log:   slog.New(slog.NewTextHandler(&s.log, nil)),
	}
	return s
}

// says is a handler that answers with a word.
func says(word string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, word) })
}

// put writes a file below the directory.
func (s *site) put(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// ask sends a request with headers, given as name and value.
func (s *site) ask(method, target string, header ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	w := httptest.NewRecorder()
	New(s.o).ServeHTTP(w, r)
	return w
}

// get returns the body of a good answer, or the status of another.
func (s *site) get(target string, header ...string) string {
	s.t.Helper()
	w := s.ask(http.MethodGet, target, header...)
	if w.Code != http.StatusOK {
		return w.Result().Status
	}
	return w.Body.String()
}

const notFound = "404 Not Found"

func TestOrder(t *testing.T) {
	s := newSite(t)
	s.put("a.txt", "file a")
	s.put("live/a.flv", "recorded")
	s.o.Routes = []Route{
		func(r *http.Request) http.Handler {
			if strings.HasSuffix(r.URL.Path, ".flv") {
				return says("live")
			}
			return nil
		},
		func(r *http.Request) http.Handler {
			if strings.HasPrefix(r.URL.Path, "/live/") {
				return says("second")
			}
			return nil
		},
	}
	apart := map[string]string{
		"/a.txt": "file a", "/live/a.flv": "live", "/live/a.m3u8": "second", "/other": notFound,
		"/": "page", "/players/": "page", "/players/x.js": "page", "/players": "page", "/playersx": notFound,
		"/api/v1/versions": "api", "/api/v1/streams/": notFound, "/rtc/v1/whip/": notFound, "/metrics": notFound,
		"/api/x.flv": notFound, "/debug/pprof/": notFound,
	}
	shared := map[string]string{
		"/a.txt": "file a", "/live/a.flv": "live", "/": "page",
		"/api/v1/versions": "api", "/api/v1/streams/": "api", "/api": "api", "/rtc/v1/whip/": "api", "/metrics": "api",
		"/debug/pprof/": notFound, "/apix": notFound,
	}
	check := func(name string, want map[string]string) {
		t.Helper()
		for target, want := range want {
			if got := s.get(target); got != want {
				t.Errorf("%s: %s = %q, want %q", name, target, got, want)
			}
		}
	}
	check("apart", apart)
	s.conf.HTTPAPI.Enabled = true
	check("other ports", apart)
	s.conf.HTTPAPI.Listen = s.conf.HTTPServer.Listen
	check("shared", shared)
	for target, want := range map[string]bool{
		"/a.txt": true, "/live/a.flv": true, "/live": false, "/live/": false, "/none": false, "/live%2fa.flv": false, "/../a.txt": false,
	} {
		if got := New(s.o).Has(httptest.NewRequest(http.MethodGet, target, nil)); got != want {
			t.Errorf("Has(%s) = %v", target, got)
		}
	}
	s.put("index.html", "mine")
	s.put("players/index.html", "my players")
	if a, b := s.get("/"), s.get("/players/"); a != "mine" || b != "my players" {
		t.Errorf("files win over pages: %q %q", a, b)
	}
	s.conf.HTTPServer.Dir = filepath.Join(s.dir, "nobody", "made")
	if a, b := s.get("/"), s.get("/a.txt"); a != "page" || b != notFound {
		t.Errorf("without a directory: %q %q", a, b)
	}
}

func TestCrossDomain(t *testing.T) {
	s := newSite(t)
	s.put("a.txt", "a")
	names := map[string]string{
		"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*", "Access-Control-Allow-Methods": "*",
		"Access-Control-Expose-Headers": "*", "Access-Control-Allow-Credentials": "false", "Access-Control-Request-Private-Network": "true",
	}
	for _, on := range []bool{true, false} {
		s.conf.HTTPServer.Crossdomain = on
		for _, target := range []string{"/a.txt", "/none"} {
			w := s.ask(http.MethodGet, target, "Origin", "http://elsewhere")
			for name, want := range names {
				if !on {
					want = ""
				}
				if got := w.Header().Get(name); got != want {
					t.Errorf("%v %s: %s is %q, want %q", on, target, name, got, want)
				}
			}
			if w := s.ask(http.MethodGet, target); w.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s: headers for nobody", target)
			}
		}
		want := http.StatusOK
		if !on {
			want = http.StatusMethodNotAllowed
		}
		if w := s.ask(http.MethodOptions, "/live/x.flv", "Origin", "http://elsewhere"); w.Code != want {
			t.Errorf("%v: OPTIONS = %d, want %d", on, w.Code, want)
		}
	}
	if w := s.ask(http.MethodPost, "/a.txt"); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST = %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
	if w := s.ask(http.MethodGet, "/a.txt"); w.Header().Get("Server") != "SRS/7" {
		t.Errorf("Server is %q", w.Header().Get("Server"))
	}
}

func TestFail(t *testing.T) {
	w := httptest.NewRecorder()
	Fail(w, http.StatusForbidden, `no "x"`)
	if w.Code != 403 || w.Body.String() != `{"code":403,"reason":"no \"x\""}`+"\n" ||
		w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
	}
}

func TestHost(t *testing.T) {
	for _, c := range []struct{ target, host, want string }{
		{"/x", "a.com", "a.com"},
		{"/x", "a.com:8080", "a.com"},
		{"/x", "[::1]:8080", "::1"},
		{"/x", "[::1]", "::1"},
		{"/x", "", ""},
		{"/x?vhost=b.com", "a.com", "b.com"},
		{"/x?domain=c.com", "a.com", "c.com"},
		{"/x?domain=c.com&vhost=b.com", "a.com", "b.com"},
		{"/x?vhost=", "a.com", "a.com"},
	} {
		r := httptest.NewRequest(http.MethodGet, c.target, nil)
		r.Host = c.host
		if got := Host(r); got != c.want {
			t.Errorf("Host of %s at %q = %q, want %q", c.target, c.host, got, c.want)
		}
	}
}

func TestClientAddr(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for remote, want := range map[string]netip.Addr{
		"192.0.2.7:1":          netip.MustParseAddr("192.0.2.7"),
		"[::ffff:192.0.2.7]:1": netip.MustParseAddr("192.0.2.7"),
		"[2001:db8::1]:1":      netip.MustParseAddr("2001:db8::1"),
		"pipe":                 {},
	} {
		if r.RemoteAddr = remote; ClientAddr(r) != want {
			t.Errorf("ClientAddr of %s = %s", remote, ClientAddr(r))
		}
	}
}

func TestPanic(t *testing.T) {
	s := newSite(t)
	s.o.Routes = []Route{func(*http.Request) http.Handler {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("ouch") })
	}}
	func() {
		defer func() {
			if recover() != http.ErrAbortHandler { //nolint:errorlint // it is the value itself that net/http wants
				t.Error("the connection goes on")
			}
		}()
		s.get("/x")
	}()
	if got := s.log.String(); !strings.Contains(got, "ouch") || !strings.Contains(got, "server_test.go") {
		t.Errorf("the log says %q", got)
	}
}
