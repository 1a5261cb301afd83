package hls

import (
	"io/fs"
	"strings"
	"testing"
	"time"

	"weir/internal/config"
)

func TestNames(t *testing.T) {
	n := name{"v", "live", "a"}
	at := time.Date(2026, 2, 3, 4, 5, 6, 7*int(time.Millisecond), time.UTC)
	o := opened{at: at, stamp: at.UnixMilli(), seq: 42}
	for pattern, want := range map[string]string{
		"[app]/[stream]-[seq].ts":                   "live/a-42.ts",
		"[vhost]/[app]/[stream]/[2006]/[01]/[02]/x": "v/live/a/2026/02/03/x",
		"[15].[04].[05].[999]":                      "04.05.06.007",
		"[timestamp]/[duration].ts":                 "1770091506007/[duration].ts",
		"/./[stream].ts":                            "a.ts",
		"[unknown]-[stream][stream]":                "[unknown]-aa",
	} {
		if got := n.segment(pattern, o); got != want {
			t.Errorf("%s: %s; want %s", pattern, got, want)
		}
	}
	if got := nameLasting("[duration]-1.ts", 2040*time.Millisecond); got != "2040-1.ts" {
		t.Error(got)
	}
	if got := (name{"v", "[seq]", "[stream]"}).segment("[app]/[stream]-[seq]", o); got != "[seq]/[stream]-42" {
		t.Errorf("names are no patterns: %s", got)
	}
}

func TestEntry(t *testing.T) {
	for _, c := range [][5]string{
		{"", "/live/a.m3u8", "live/a.m3u8", "live/a-1.ts", "a-1.ts"},
		{"", "/a.m3u8", "a.m3u8", "x/a-1.ts", "x/a-1.ts"},
		{"", "/live/a.m3u8", "live/a.m3u8", "a b/é?.ts", "../a%20b/%C3%A9%3F.ts"},
		{"", "/live/a.m3u8", "live/a.m3u8", "live/a:1.ts", "./a:1.ts"},
		{"http://cdn", "/hls/live/a.m3u8", "live/a.m3u8", "live/a-1.ts", "http://cdn/hls/live/a-1.ts"},
		{"http://cdn", "/a.m3u8", "a.m3u8", "a-1.ts", "http://cdn/a-1.ts"},
		{"http://cdn/", "/live/a.m3u8", "live/a.m3u8", "live/a-1.ts", "http://cdn/a-1.ts"},
	} {
		got := entry(c[0], c[1], c[2], c[3])
		if got != c[4] {
			t.Errorf("%q: %s; want %s", c, got, c[4])
		}
		o := &output{url: c[1], file: c[2]}
		if back := o.fileOf(got, &config.HLS{HlsEntryPrefix: c[0]}); back != c[3] {
			t.Errorf("%s: back to %s; want %s", got, back, c[3])
		}
	}
}

func TestBase(t *testing.T) {
	for _, c := range []struct {
		dir, hls string
		static   config.HTTPStatic
		want     string
	}{
		{"./html", "./html", config.HTTPStatic{}, "/"},
		{"./html", "./html/hls/x", config.HTTPStatic{}, "/hls/x"},
		{"./html", "/var/hls", config.HTTPStatic{}, "/"},
		{"./html", "/var/hls", config.HTTPStatic{Enabled: true, Mount: "[vhost]/media/", Dir: "/var"}, "/media/hls"},
		{"./html", "./html/b", config.HTTPStatic{Enabled: true, Mount: "[vhost]/", Dir: "/var"}, "/b"},
	} {
		s := config.Settings{}
		s.HTTPServer.Dir = c.dir
		v := &config.Vhost{Name: "v", HTTPStatic: c.static}
		v.HLS.HlsPath = c.hls
		if got := base(&config.Config{Settings: s}, v); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestFloor(t *testing.T) {
	var f floor
	const fragment = 10 * time.Second
	at := func(s int64) time.Time { return time.Unix(1000*10+s, 0) }
	for i, c := range []struct {
		at, n  int64
		longer time.Duration
	}{
		{5, 1000, 0}, {12, 1001, 0}, {19, 1002, 3 * time.Second}, {30, 1003, 0}, {60, 1004, -6 * time.Second},
		{61, 1005, -3 * time.Second}, {400, 1040, 0}, {401, 1041, 3 * time.Second},
	} {
		if n, longer := f.next(at(c.at), fragment); n != c.n || longer != c.longer {
			t.Errorf("%d: %d, %s; want %d, %s", i, n, longer, c.n, c.longer)
		}
	}
}

func FuzzNames(f *testing.F) {
	f.Add("v", "live", "a", "[app]/[stream]-[seq].ts")
	f.Add("v", "..", "../x", "[vhost]/../[app]/[2006]")
	f.Add("v", "a/b", "[stream]", "//[stream]//./[duration]")
	f.Fuzz(func(t *testing.T, vhost, app, stream, pattern string) {
		n := name{vhost, app, stream}
		if !n.safe() {
			return
		}
		file := n.segment(pattern, opened{at: time.Unix(0, 0)})
		if strings.ToValidUTF8(file, "") == file && file != "" && !fs.ValidPath(file) {
			t.Errorf("%q leads to %q", pattern, file)
		}
		for step := range strings.SplitSeq(file, "/") {
			if step == ".." {
				t.Errorf("%q leads to %q", pattern, file)
			}
		}
	})
}
