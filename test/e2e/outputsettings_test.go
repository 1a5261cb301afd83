package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// outputSetting is a directive of HLS or DASH with two values, and what becomes of a stream with each.
type outputSetting struct {
	name   string // and behind a comma what is looked at, if the directive is there twice
	value  [2]string
	look   glance
	want   [2]string
	beside string // what else the block says
}

// glance tells what has become of a stream.
type glance func(t *testing.T, f *fixture, h *hlsStream) string

func (s outputSetting) directive() string {
	name, _, _ := strings.Cut(s.name, ",")
	return name
}

// conf has the directive in a block of that name, with one of its values and the rest of what the block says.
func (s outputSetting) conf(f *fixture, n int, name string, rest []string) conf {
	block := s.directive() + " " + s.value[n] + "; " + s.beside
	for _, line := range append([]string{"enabled on;"}, rest...) {
		if word, _, _ := strings.Cut(line, " "); !strings.Contains(" "+block, " "+word+" ") {
			block += line
		}
	}
	return conf{vhost: quick + name + " { " + strings.ReplaceAll(block, "DIR", f.dir) + " }"}
}

// switchEach switches each setting to its other value, and looks at a stream that is published with each.
func switchEach(t *testing.T, f *fixture, settings []outputSetting, block string, rest ...string) {
	t.Helper()
	for _, s := range settings {
		for n := range s.value {
			f.reload(s.conf(f, n, block, rest))
			h := newHLSStream(t, f)
			if got := h.anonymous(s.look(t, f, h)); got != s.want[n] {
				t.Errorf("%s %s: %s, want %s\n%s", s.name, s.value[n], got, s.want[n], h.list)
			}
			h.feed.client.Close()
		}
	}
	waitFor(t, "the sessions to end", func() bool {
		for _, c := range f.players() {
			f.kick(c.ID)
		}
		return len(f.players()) == 0
	})
}

// listMade looks whether the playlist or manifest is served.
func listMade(ending string) glance {
	return func(t *testing.T, f *fixture, h *hlsStream) string {
		t.Helper()
		if poll2(2*time.Second, func() bool {
			status, _ := f.get("http://" + f.http + "/live/" + h.name + ending)
			return status == http.StatusOK
		}) {
			return "made"
		}
		return "not made"
	}
}

// listFile looks where the playlist or manifest is on the disk, once it is served.
func listFile(ending string) glance {
	return func(t *testing.T, f *fixture, h *hlsStream) string {
		t.Helper()
		said := "no list"
		poll2(3*time.Second, func() bool {
			for _, at := range []string{"/live/", "/", "/a/live/", "/b/live/", "/__defaultVhost__/live/"} {
				if status, _ := f.get("http://" + f.http + at + h.name + ending); status == http.StatusOK {
					said = "none"
				}
			}
			if list := h.under(ending); len(list) > 0 && said == "none" {
				said = list[0]
			}
			return strings.HasSuffix(said, ending)
		})
		return said
	}
}
