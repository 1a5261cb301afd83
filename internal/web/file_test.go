package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/internal/config"
)

// escapes are paths by which somebody may try to leave the directory, or to see what is not meant
// for him. The file that each would reach exists.
var escapes = []string{
	"/../secret.txt", "/sub/../../secret.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "/%2e%2e%2fsecret.txt",
	"/..%5csecret.txt", "/..\\secret.txt", "/sub/..%2f..%2fsecret.txt", "/sub%2f..%2f..%2fsecret.txt", "/.%2e/secret.txt",
	"/....//secret.txt", "/./a.txt", "/sub/./b.txt", "/sub/../a.txt", "//a.txt", "/sub//b.txt", "/sub%2fb.txt", "/sub%5cb.txt",
	"/a.txt%00", "/a.txt%00.html", "/a.txt%0a", "/%00", "/a.txt.", "/a.txt%20", "/sub./b.txt", "/a.txt/", "/a.txt/b",
	"/out.txt", "/outdir/secret.txt", "/outdir/", "/absolute.txt", "/loop", "/pipe",
	"/c:/a.txt", "/C:a.txt", "/C:%5ca.txt", "/%5c%5chost%5cshare", "/..;/secret.txt", "/%c0%ae%c0%ae/secret.txt",
	"/live/s.m3u8.temp", "/live/s-0.ts.tmp", "/live/s-0.ts.TMP", "/live/s-0.ts.tmp/", "/live/s-0.ts.tmp.",
}

func escapeSite(t testing.TB) *site {
	t.Helper()
	s := newSite(t)
	s.dir = filepath.Join(s.dir, "html")
	s.conf.HTTPServer.Dir = s.dir
	s.put("a.txt", "file a")
	s.put("sub/b.txt", "file b")
	s.put("../secret.txt", "secret")
	s.put("../away/secret.txt", "secret")
	for _, name := range []string{"live/s.m3u8.temp", "live/s-0.ts.tmp", "live/s-0.ts.TMP"} {
		s.put(name, "secret")
	}
	for name, to := range map[string]string{
		"in.txt": "sub/b.txt", "indir": "sub", "out.txt": "../secret.txt", "outdir": "../away",
		"absolute.txt": filepath.Join(s.dir, "a.txt"), "loop": "loop",
	} {
		if err := os.Symlink(filepath.FromSlash(to), filepath.Join(s.dir, name)); err != nil {
			t.Skip(err) // Windows asks for a right
		}
	}
	return s
}

func TestEscape(t *testing.T) {
	s := escapeSite(t)
	pipe(t, filepath.Join(s.dir, "pipe"))
	for _, target := range escapes {
		path, err := url.PathUnescape(target)
		if err != nil {
			t.Fatal(err)
		}
		r := &http.Request{Method: http.MethodGet, Host: "h", URL: &url.URL{Path: path, RawPath: target}, Header: http.Header{}, Body: http.NoBody}
		w := &answer{header: http.Header{}}
		New(s.o).ServeHTTP(w, r)
		if w.status != http.StatusNotFound || strings.Contains(w.body.String(), "secret") || strings.Contains(w.body.String(), "file") {
			t.Errorf("%s = %d %q", target, w.status, w.body.String())
		}
	}
	for target, want := range map[string]string{"/a.txt": "file a", "/sub/b.txt": "file b", "/in.txt": "file b", "/indir/b.txt": "file b", "/%61.txt": "file a"} {
		if got := s.get(target); got != want {
			t.Errorf("%s = %q, want %q", target, got, want)
		}
	}
}

// FuzzPath asks for anything at all.
func FuzzPath(f *testing.F) {
	for _, target := range escapes {
		f.Add(target)
	}
	for _, target := range []string{"/a.txt", "/sub/b.txt", "/sub/", "/sub"} {
		f.Add(target)
	}
	s := escapeSite(f)
	h := New(s.o)
	f.Fuzz(func(t *testing.T, target string) {
		path, err := url.PathUnescape(target)
		if err != nil {
			return
		}
		r := &http.Request{Method: http.MethodGet, Host: "h", URL: &url.URL{Path: path, RawPath: target}, Header: http.Header{}, Body: http.NoBody}
		w := &answer{header: http.Header{}}
		h.ServeHTTP(w, r)
		if strings.Contains(w.body.String(), "secret") {
			t.Errorf("%q = %q", target, w.body.String())
		}
		if w.status == http.StatusOK && strings.Contains(path, "..") && !strings.Contains(w.body.String(), "page") {
			t.Errorf("%q = %q", target, w.body.String())
		}
		if to := w.header.Get("Location"); strings.HasPrefix(to, "//") || to != "" && to[0] != '/' {
			t.Errorf("%q leads to %q", target, to)
		}
	})
}

func TestDirectory(t *testing.T) {
	s := newSite(t)
	s.put("with/index.html", "<b>")
	s.put("without/a.txt", "a")
	s.put("a b?/index.html", "<i>")
	for target, want := range map[string]string{
		"/with/": "<b>", "/with": "302 Found", "/with/index.html": "<b>", "/without/": notFound, "/without": notFound, "/with/index.html/": notFound,
	} {
		if got := s.get(target); got != want {
			t.Errorf("%s = %q, want %q", target, got, want)
		}
	}
	for target, want := range map[string]string{
		"/with": "/with/", "/with?a=1&b=%2f": "/with/?a=1&b=%2f", "/a%20b%3f?x": "/a%20b%3F/?x",
	} {
		if got := s.ask(http.MethodGet, target).Header().Get("Location"); got != want {
			t.Errorf("%s leads to %q, want %q", target, got, want)
		}
	}
}

func TestKinds(t *testing.T) {
	s := newSite(t)
	for ext, want := range map[string]string{
		"ts": "video/MP2T", "flv": "video/x-flv", "mp4": "video/mp4", "m4v": "video/x-m4v", "3gp": "video/3gpp", "3gpp": "video/3gpp",
		"aac": "audio/x-aac", "mp3": "audio/mpeg", "m4a": "audio/x-m4a", "ogg": "audio/ogg", "m3u8": "application/vnd.apple.mpegurl",
		"mpd": "application/dash+xml", "m4s": "video/iso.segment", "mp4v": "video/mp4", "rss": "application/rss+xml",
		"json": "application/json", "xml": "text/xml", "html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8",
		"css": "text/css; charset=utf-8", "ico": "image/x-icon", "png": "image/png", "jpeg": "image/jpeg", "jpg": "image/jpeg", "gif": "image/gif",
		"TS": "video/MP2T", "unknown": "application/octet-stream", "": "application/octet-stream",
	} {
		name := strings.TrimSuffix("x."+ext, ".")
		s.put(name, "<html>")
		if got := s.ask(http.MethodGet, "/"+name).Header().Get("Content-Type"); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestConditions(t *testing.T) {
	s := newSite(t)
	path := s.put("a.ts", "0123456789")
	when := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	if err := os.Chtimes(path, when, when); err != nil {
		t.Fatal(err)
	}
	w := s.ask(http.MethodGet, "/a.ts")
	tag, modified := w.Header().Get("Etag"), w.Header().Get("Last-Modified")
	if w.Body.String() != "0123456789" || tag == "" || modified != "Mon, 06 May 2024 07:08:09 GMT" || w.Header().Get("Accept-Ranges") != "bytes" {
		t.Fatalf("%q %v", w.Body, w.Header())
	}
	for _, c := range []struct {
		header []string
		status int
		body   string
	}{
		{[]string{"If-None-Match", tag}, 304, ""},
		{[]string{"If-None-Match", `"other"`}, 200, "0123456789"},
		{[]string{"If-Modified-Since", modified}, 304, ""},
		{[]string{"If-Modified-Since", "Mon, 06 May 2024 07:08:08 GMT"}, 200, "0123456789"},
		{[]string{"If-Match", `"other"`}, 412, ""},
		{[]string{"Range", "bytes=2-4"}, 206, "234"},
		{[]string{"Range", "bytes=7-"}, 206, "789"},
		{[]string{"Range", "bytes=-2"}, 206, "89"},
		{[]string{"Range", "bytes=2-4", "If-Range", `"other"`}, 200, "0123456789"},
		{[]string{"Range", "bytes=2-4", "If-Range", tag}, 206, "234"},
		{[]string{"Range", "bytes=20-"}, 416, "invalid range: failed to overlap\n"},
	} {
		w := s.ask(http.MethodGet, "/a.ts", c.header...)
		if w.Code != c.status || w.Body.String() != c.body {
			t.Errorf("%q = %d %q, want %d %q", c.header, w.Code, w.Body, c.status, c.body)
		}
	}
	if w := s.ask(http.MethodHead, "/a.ts"); w.Code != 200 || w.Body.Len() > 0 || w.Header().Get("Content-Length") != "10" {
		t.Errorf("HEAD = %d %q %v", w.Code, w.Body, w.Header())
	}
	s.put("a.ts", "another")
	if w := s.ask(http.MethodGet, "/a.ts", "If-None-Match", tag); w.Body.String() != "another" {
		t.Errorf("a changed file is %q", w.Body)
	}
}

func TestRangeQuery(t *testing.T) {
	s := newSite(t)
	s.put("a.mp4", "0123456789")
	s.put("a.ts", "0123456789")
	for _, c := range []struct{ target, body, part string }{
		{"/a.mp4?range=2-4", "234", "bytes 2-4/10"},
		{"/a.mp4?bytes=2-4", "234", "bytes 2-4/10"},
		{"/a.mp4?bytes=7-", "789", "bytes 7-9/10"},
		{"/a.mp4?bytes=7-99", "789", "bytes 7-9/10"},
		{"/a.mp4?bytes=0-", "0123456789", "bytes 0-9/10"},
		{"/a.mp4?bytes=4-2", "0123456789", ""},
		{"/a.mp4?bytes=10-", "0123456789", ""},
		{"/a.mp4?bytes=-2", "0123456789", ""},
		{"/a.mp4?bytes=x-y", "0123456789", ""},
		{"/a.mp4?bytes=1", "0123456789", ""},
		{"/a.ts?bytes=2-4", "0123456789", ""},
	} {
		w := s.ask(http.MethodGet, c.target)
		if w.Body.String() != c.body || w.Header().Get("Content-Range") != c.part || (w.Code == 206) != (c.part != "") {
			t.Errorf("%s = %d %q %q", c.target, w.Code, w.Body, w.Header().Get("Content-Range"))
		}
	}
}

func TestMounts(t *testing.T) {
	s := newSite(t)
	for _, name := range []string{"root", "a", "b.com", "deep", "off"} {
		s.put(name+"/x.txt", name)
		s.put(name+"/vod/x.txt", name+" vod")
	}
	mount := func(vhost, at, dir string) {
		v := *config.Default().Vhosts[0]
		v.Name, v.Enabled = vhost, true
		v.HTTPStatic = config.HTTPStatic{Enabled: true, Mount: at, Dir: filepath.Join(s.dir, dir)}
		s.conf.Vhosts = append(s.conf.Vhosts, &v)
	}
	s.conf.HTTPServer.Dir = filepath.Join(s.dir, "root")
	s.conf.Vhosts = s.conf.Vhosts[:0:0]
	mount("a.com", "[vhost]/", "a")
	mount("b.com", "[vhost]/files", "[vhost]")
	mount("c.com", "/deep/vod/", "deep")
	mount("d.com", "[vhost]/", "off")
	s.conf.Vhosts[3].Enabled = false
	for _, c := range []struct{ host, target, want string }{
		{"a.com", "/x.txt", "a"},
		{"A.Com", "/x.txt", "a"},
		{"a.com:8080", "/vod/x.txt", "a vod"},
		{"a.com", "/deep/vod/x.txt", notFound}, // the host's own are asked first
		{"b.com", "/files/x.txt", "b.com"},
		{"b.com", "/x.txt", "root"},
		{"any", "/files/x.txt", notFound},
		{"any", "/x.txt", "root"},
		{"any", "/deep/vod/x.txt", "deep"},
		{"any", "/vod/x.txt", "root vod"},
		{"d.com", "/x.txt", "root"},
		{"any", "/x.txt?vhost=a.com", "a"},
	} {
		if got := s.get(c.target, "Host", c.host); got != c.want {
			t.Errorf("%s at %s = %q, want %q", c.target, c.host, got, c.want)
		}
	}
	mount(config.DefaultVhost, "[vhost]/", "deep")
	if got := s.get("/x.txt", "Host", "any"); got != "deep" {
		t.Errorf("the default vhost's mount: %q", got)
	}
	s.put("b.com/index.html", "index")
	if w := s.ask(http.MethodGet, "/files?a=1", "Host", "b.com"); w.Code != 302 || w.Header().Get("Location") != "/files/?a=1" {
		t.Errorf("/files = %d, to %q", w.Code, w.Header().Get("Location"))
	}
}

// answer is the simplest of writers: no deadlines, no flushing.
type answer struct {
	header http.Header
	status int
	body   strings.Builder
}

func (a *answer) Header() http.Header { return a.header }
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// TestParts copies a file of many strides.
func TestParts(t *testing.T) {
	s := newSite(t)
	text := strings.Repeat("0123456789abcdef", stride/4)
	s.put("big.bin", text)
	if got := s.get("/big.bin"); got != text {
		t.Errorf("%d bytes of %d", len(got), len(text))
	}
	var out answer
	p := newPatient(&out)
	src := &io.LimitedReader{R: strings.NewReader(text), N: stride + 5}
	if n, err := p.ReadFrom(src); n != stride+5 || err != nil || src.N != 0 || out.body.String() != text[:stride+5] {
		t.Errorf("ReadFrom = %d, %v; %d left", n, err, src.N)
	}
	src = &io.LimitedReader{R: strings.NewReader("short"), N: 10}
	if n, err := p.ReadFrom(src); n != 5 || err != nil || src.N != 5 {
		t.Errorf("ReadFrom = %d, %v; %d left", n, err, src.N)
	}
}

func pipe(t *testing.T, path string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		return
	}
	if err := mkfifo(path); err != nil {
		t.Fatal(err)
	}
}

// TestForgets asks for thousands of paths that there are not: nothing remembers them.
func TestForgets(t *testing.T) {
	s := newSite(t)
	h := New(s.o)
	ask := func(n int) {
		for i := range n {
			r := httptest.NewRequest(http.MethodGet, "/live/"+strings.Repeat("x", 1000)+strconv.Itoa(i)+".m3u8", nil)
			r.Host = "host" + strconv.Itoa(i)
			h.ServeHTTP(&answer{header: http.Header{}}, r)
		}
	}
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	ask(100)
	before := heap()
	ask(5000)
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("%d bytes are kept", grown)
	}
}
