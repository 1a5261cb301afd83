package dash

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/internal/shelf"
)

const old = `<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic" availabilityStartTime="1999-12-31T23:00:00Z">
  <Period id="6" start="PT0S"><AdaptationSet contentType="video">
    <SegmentTemplate timescale="1000" startNumber="40" media="$RepresentationID$-$Number$.m4s" initialization="$RepresentationID$-init-6.mp4">
      <SegmentTimeline><S t="0" d="2000" r="2"></S></SegmentTimeline></SegmentTemplate>
    <Representation id="video" bandwidth="1"></Representation></AdaptationSet></Period>
</MPD>`

// manifests that may be there, and whether they are gone on with.
var manifests = map[string]struct {
	text string
	goes bool
}{
	"ours": {old, true}, "nothing": {"", false}, "HTML": {"<html>", false}, "text": {"x", false}, "cut": {old[:300], false},
	"endless":            {strings.Replace(old, `r="2"`, `r="2000000000"`, 1), false},
	"negative":           {strings.Replace(old, `r="2"`, `r="-1"`, 1), false},
	"elsewhere":          {strings.Replace(strings.Replace(old, `"video"`, `"../x"`, 2), `id="video"`, `id="../x"`, 1), false},
	"a header elsewhere": {strings.Replace(old, "$RepresentationID$-init-6.mp4", "../../index.html", 1), true},
	"the future":         {strings.Replace(old, "1999", "2999", 1), true},
}

func TestRecall(t *testing.T) {
	for name, c := range manifests {
		t.Run(name, func(t *testing.T) {
			bubble(t, short, func(t *testing.T, r *rig) {
				r.put("live/a.mpd", c.text)
				r.put("index.html", "x")
				r.put("live/a/video-41.m4s", "x")
				r.Publish("live", "a").Run(5 * time.Second).End()
				v := newReader(t).see(r.Must("/live/a.mpd"))
				if l := v.sets["video"][0]; (l.uri == "a/video-43.m4s") != c.goes {
					t.Errorf("goes on as %+v", l)
				}
				if _, err := os.Stat(filepath.Join(r.Dir, "www/index.html")); err != nil {
					t.Error(err)
				}
				if _, err := os.Stat(filepath.Join(r.Dir, "www/live/a/video-41.m4s")); (err != nil) != c.goes {
					t.Errorf("what nobody lists any more: %v", err)
				}
			})
		})
	}
}

// TestRestart goes on with the numbers and the clock of the process before.
func TestRestart(t *testing.T) {
	bubble(t, short+"dash_dispose 0;", func(t *testing.T, r *rig) {
		player := newReader(t)
		r.Publish("live", "a").Run(9 * time.Second).End()
		before := player.see(r.Must("/live/a.mpd"))
		r.Stop()
		time.Sleep(5 * time.Second)
		r.start()
		e := r.Publish("live", "a").Run(5 * time.Second)
		v := player.see(r.Must("/live/a.mpd"))
		if l := v.sets["video"][0]; !v.begin.Equal(before.begin) || l.uri != "a/video-5.m4s" || l.period != "1" || l.header != "a/video-init-1.mp4" || v.starts[0] < 14*time.Second {
			t.Errorf("was\n%s\nis\n%s", before.text, v.text)
		}
		e.Run(20 * time.Second)
		for _, f := range r.files() {
			if strings.HasSuffix(f, "init.mp4") || strings.HasSuffix(f, "video-0.m4s") {
				t.Errorf("file %s", f)
			}
		}
	})
}

func FuzzRecall(f *testing.F) {
	for _, c := range manifests {
		f.Add(c.text)
	}
	r := newRig(f, short)
	r.put("live/a.mpd", "")
	r.put("index.html", "x")
	file := filepath.Join(r.Dir, "www/live/a.mpd")
	v := r.Config.Load().Vhosts[0]
	f.Fuzz(func(t *testing.T, manifest string) {
		if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
			t.Fatal(err)
		}
		s := New(Options{Config: r.Config.Load, Log: slog.New(slog.DiscardHandler)})
		o := s.newOutput(shelf.Name{Vhost: v.Name, App: "live", Stream: "a"}, v)
		o.recall(&v.Dash)
		if o.begin.After(time.Now()) || len(o.next) > 2 || o.nextPeriod > 1<<32 {
			t.Errorf("begin %s, next %v, period %d", o.begin, o.next, o.nextPeriod)
		}
		for _, name := range []string{"index.html", "live/a.mpd"} {
			if _, err := os.Stat(filepath.Join(r.Dir, "www", name)); err != nil {
				t.Error(err)
			}
		}
	})
}
