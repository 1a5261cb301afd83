package shelf

import (
	"io/fs"
	"strings"
	"testing"
	"time"

	"weir/internal/config"
)

func TestNames(t *testing.T) {
	n := Name{"v", "live", "a"}
	at := time.Date(2026, 2, 3, 4, 5, 6, 7*int(time.Millisecond), time.UTC)
	o := Opened{At: at, Stamp: at.UnixMilli(), Seq: 42}
	for pattern, want := range map[string]string{
		"[app]/[stream]-[seq].ts":                   "live/a-42.ts",
		"[vhost]/[app]/[stream]/[2006]/[01]/[02]/x": "v/live/a/2026/02/03/x",
		"[15].[04].[05].[999]":                      "04.05.06.007",
		"[timestamp]/[duration].ts":                 "1770091506007/[duration].ts",
		"/./[stream].ts":                            "a.ts",
		"[unknown]-[stream][stream]":                "[unknown]-aa",
	} {
		if got := n.Segment(pattern, o); got != want {
			t.Errorf("%s: %s; want %s", pattern, got, want)
		}
	}
	if got := Lasting("[duration]-1.ts", 2040*time.Millisecond); got != "2040-1.ts" {
		t.Error(got)
	}
	if got := (Name{"v", "[seq]", "[stream]"}).Segment("[app]/[stream]-[seq]", o); got != "[seq]/[stream]-42" {
		t.Errorf("names are no patterns: %s", got)
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
		if got := Base(&config.Config{Settings: s}, v, c.hls); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func FuzzNames(f *testing.F) {
	f.Add("v", "live", "a", "[app]/[stream]-[seq].ts")
	f.Add("v", "..", "../x", "[vhost]/../[app]/[2006]")
	f.Add("v", "a/b", "[stream]", "//[stream]//./[duration]")
	f.Fuzz(func(t *testing.T, vhost, app, stream, pattern string) {
		n := Name{vhost, app, stream}
		if !n.Safe() {
			return
		}
		file := n.Segment(pattern, Opened{At: time.Unix(0, 0)})
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
