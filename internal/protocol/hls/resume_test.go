package hls

import (
	"strings"
	"testing"
	"time"
	"weir/internal/shelf"
)

// playlists of other makers, or damaged, and whether they are gone on with.
var playlists = map[string]struct {
	text string
	goes bool
}{
	"ours": {"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-DISCONTINUITY-SEQUENCE:3\n" +
		"#EXTINF:2.00000,\na-7.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:2.00000,\na-8.ts\n", true},
	"another server's": {"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-TARGETDURATION:2\n#EXT-X-DISCONTINUITY\n" +
		"#EXT-X-KEY:METHOD=AES-128,URI=\"a-7.key\",IV=0x00000000000000000000000000000000\n#EXTINF:2.000, no desc\na-7.ts\n#EXTINF:2.000, no desc\na-8.ts\n", true},
	"nothing":   {"", false},
	"HTML":      {"<html>", false},
	"master":    {"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8?hls_ctx=1\n", false},
	"cut":       {"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQ", false},
	"two forms": {"#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na-7.ts\n#EXT-X-MAP:URI=\"i.mp4\"\n#EXTINF:2,\na.m4s\n", false},
	"endless":   {"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:1e300,\na-7.ts\n", false},
	"backwards": {"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:-2,\na-7.ts\n", false},
}

func TestResume(t *testing.T) {
	for name, c := range playlists {
		t.Run(name, func(t *testing.T) {
			bubble(t, short, func(t *testing.T, r *rig) {
				r.Put("www/live/a.m3u8", c.text)
				r.Put("www/live/a-7.ts", strings.Repeat("\x47", 188))
				r.Put("www/live/a-8.ts", strings.Repeat("\x47", 188))
				r.Publish("live", "a").Run(5 * time.Second).End()
				p := newReader(t).see(r.Must("/live/a.m3u8"))
				last := p.entries[len(p.entries)-1]
				if c.goes != (p.sequence == 7) || c.goes != (last.uri == "a-11.ts") {
					t.Errorf("goes on as %+v", p)
				}
				if cuts := p.entries[2].discontinuity; cuts != c.goes {
					t.Errorf("discontinuity: %t", cuts)
				}
				if n := r.Log.Count("cannot be gone on with"); n != 1 && !c.goes || n != 0 && c.goes {
					t.Errorf("%d lines in the log", n)
				}
			})
		})
	}
}

// TestResumeWithoutFiles leaves out what is not there any more, and counts it.
func TestResumeWithoutFiles(t *testing.T) {
	bubble(t, short, func(t *testing.T, r *rig) {
		r.Put("www/live/a.m3u8", playlists["ours"].text)
		r.Publish("live", "a").Run(5 * time.Second).End()
		p := read(t, r.Must("/live/a.m3u8"))
		if p.sequence != 9 || p.entries[0].uri != "a-9.ts" || p.entries[0].number != 5 {
			t.Errorf("goes on as %+v", p)
		}
	})
}

func FuzzResume(f *testing.F) {
	for _, c := range playlists {
		f.Add(c.text)
	}
	r := newRig(f, "")
	r.Put("www/a-7.ts", "x")
	v := r.Config.Load().Vhosts[0]
	f.Fuzz(func(t *testing.T, playlist string) {
		m, maps, err := parse([]byte(playlist))
		if err != nil {
			return
		}
		s := New(Options{Config: r.Config.Load})
		o := s.newOutput(shelf.Name{Vhost: v.Name, App: "live", Stream: "a"}, v)
		o.take(m, maps, &v.HLS)
		if p, _ := o.look(); p == nil && len(o.list) > 0 || len(o.list) > 0 && o.next != o.list[len(o.list)-1].seq+1 {
			t.Errorf("%d segments, next %d", len(o.list), o.next)
		}
	})
}
