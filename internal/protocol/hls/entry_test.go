package hls

import (
	"testing"
	"time"

	"weir/internal/config"
)

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
