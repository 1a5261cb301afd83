package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/internal/stream"
)

var dashSettings = []outputSetting{
	{name: "enabled", value: [2]string{"on", "off"}, look: listMade(".mpd"), want: [2]string{"made", "not made"}},
	{name: "dash_fragment", value: [2]string{"1", "3"}, look: dashLength, want: [2]string{"1 s", "3 s"}},
	{name: "dash_update_period", value: [2]string{"0.25", "0.5"}, look: dashAttribute("minimumUpdatePeriod"), want: [2]string{"PT0.25S", "PT0.5S"}},
	{name: "dash_timeshift", value: [2]string{"300", "5"}, look: dashListed, want: [2]string{"8 segments", "6 segments"}, beside: "dash_window_size 8;"},
	{name: "dash_path", value: [2]string{"DIR/a", "DIR/b"}, look: listFile(".mpd"), want: [2]string{"a/live/NAME.mpd", "b/live/NAME.mpd"}},
	{name: "dash_serve_from", value: [2]string{"disk", "memory"}, look: listFile(".mpd"), want: [2]string{"live/NAME.mpd", "none"}},
	{name: "dash_serve_from, both", value: [2]string{"memory", "both"}, look: listFile(".mpd"), want: [2]string{"none", "live/NAME.mpd"}},
	{name: "dash_mpd_file", value: [2]string{"[stream].mpd", "[vhost]/[app]/[stream].mpd"}, look: listFile(".mpd"), want: [2]string{"NAME.mpd", "__defaultVhost__/live/NAME.mpd"}},
	{name: "dash_window_size", value: [2]string{"4", "7"}, look: dashListed, want: [2]string{"4 segments", "7 segments"}},
	{name: "dash_cleanup", value: [2]string{"on", "off"}, look: dashLeft, want: [2]string{"few", "all"}, beside: "dash_window_size 3;"},
	{name: "dash_dispose", value: [2]string{"1", "60"}, look: dashLater, want: [2]string{"gone", "there"}},
	{name: "dash_ctx", value: [2]string{"on", "off"}, look: dashMarks, want: [2]string{"marked", "plain"}},
	{name: "dash_low_latency", value: [2]string{"off", "on"}, look: dashAhead, want: [2]string{"none", "0.797 s"}},
	{name: "dash_part", value: [2]string{"0.2", "0.4"}, look: dashAhead, want: [2]string{"0.797 s", "0.597 s"}, beside: "dash_low_latency on;"},
}

// TestDASHSettings switches each setting of DASH to its other value, and looks at a stream that is published with
// each. None is forgotten.
func TestDASHSettings(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{vhost: quick})
	switchEach(t, f, dashSettings, "dash", "dash_fragment 1;", "dash_window_size 20;", "dash_ctx off;", "dash_path DIR;")
	known := []string{}
	for _, s := range dashSettings {
		known = append(known, s.directive())
	}
	for _, name := range directives(t, "vhost.dash") {
		if !slices.Contains(known, name) {
			t.Errorf("nothing tests vhost.dash.%s", name)
		}
	}
}

// directives lists those of a block that are in the manual.
func directives(t *testing.T, block string) (names []string) {
	t.Helper()
	manual, err := os.ReadFile("../../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(manual), "\n## `"+block+"`")
	text, _, _ = strings.Cut(text, "\n## ")
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` ").FindAllStringSubmatch(text, -1) {
		names = append(names, row[1])
	}
	if len(names) < 3 {
		t.Errorf("the manual has %d directives of %s", len(names), block)
	}
	return names
}

// manifest returns the manifest, once it has most of the stream.
func (h *hlsStream) manifest(query string) string {
	h.t.Helper()
	ok := poll(func() bool {
		status, said := h.f.get("http://" + h.f.http + "/live/" + h.name + ".mpd" + query)
		h.list = said
		return status == http.StatusOK && strings.Contains(said, "<S ") && h.newest() >= 9
	})
	if !ok {
		h.t.Errorf("no manifest of the stream: %s", h.list)
	}
	return h.list
}

var (
	timelines = regexp.MustCompile(`(?s)timescale="(\d+)".*?</SegmentTimeline>`)
	spans     = regexp.MustCompile(`<S (?:t="(\d+)" )?d="(\d+)"(?: r="(\d+)")?`)
)

// newest returns when the newest of the pictures that are listed ends, in seconds.
func (h *hlsStream) newest() float64 {
	var end int
	_, video, _ := strings.Cut(h.list, `contentType="video"`)
	for _, s := range spans.FindAllStringSubmatch(timelines.FindString(video), -1) {
		if s[1] != "" {
			end = number(s[1])
		}
		end += number(s[2]) * (number(s[3]) + 1)
	}
	return float64(end) / 90_000
}

func number(s string) int {
	n, _ := strconv.Atoi(s) // nothing is zero
	return n
}

func dashLength(t *testing.T, _ *fixture, h *hlsStream) string {
	t.Helper()
	s := spans.FindStringSubmatch(h.manifest(""))
	return fmt.Sprint(number(s[2])/90_000, " s")
}

func dashAttribute(name string) func(*testing.T, *fixture, *hlsStream) string {
	return func(t *testing.T, _ *fixture, h *hlsStream) string {
		t.Helper()
		found := regexp.MustCompile(name + `="([^"]*)"`).FindStringSubmatch(h.manifest(""))
		if found == nil {
			return "none"
		}
		return found[1]
	}
}

// dashListed counts the segments of pictures, once all have come.
func dashListed(t *testing.T, _ *fixture, h *hlsStream) string {
	t.Helper()
	waitFor(t, "the last segment", func() bool { h.manifest(""); return h.newest() >= 12 })
	_, video, _ := strings.Cut(h.list, `contentType="video"`)
	n := 0
	for _, s := range spans.FindAllStringSubmatch(timelines.FindString(video), -1) {
		n += number(s[3]) + 1
	}
	return fmt.Sprint(n, " segments")
}

func dashLeft(t *testing.T, _ *fixture, h *hlsStream) string {
	t.Helper()
	waitFor(t, "the last segment", func() bool { h.manifest(""); return h.newest() >= 12 })
	if poll2(9*time.Second, func() bool { return len(h.under(".m4s")) < 12 }) {
		return "few"
	}
	return "all"
}

func dashLater(t *testing.T, _ *fixture, h *hlsStream) string {
	t.Helper()
	h.manifest("")
	h.feed.client.Close()
	if poll2(8*time.Second, func() bool {
		files := 0
		_ = filepath.WalkDir(filepath.Join(h.f.dir, "live", h.name), func(_ string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				files++
			}
			return nil
		})
		return files == 0
	}) {
		return "gone"
	}
	return "there"
}

func dashMarks(t *testing.T, _ *fixture, h *hlsStream) string {
	t.Helper()
	id := stream.NewID()
	said := h.manifest("?dash_ctx=" + id)
	if strings.Contains(said, `$Number$.m4s?dash_ctx=`+id) && strings.Contains(said, "<Location>/live/"+h.name+".mpd?dash_ctx="+id+"</Location>") {
		return "marked"
	}
	if strings.Contains(said, id) || strings.Contains(said, "Location") {
		return said
	}
	return "plain"
}

func dashAhead(t *testing.T, f *fixture, h *hlsStream) string {
	t.Helper()
	if s := dashAttribute("availabilityTimeOffset")(t, f, h); s != "none" {
		return s + " s"
	}
	return "none"
}
