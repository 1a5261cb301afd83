//go:build !windows

package server

import (
	"slices"
	"testing"
	"time"
)

// TestDraining tells who looks at a pid file what there is to be seen, and hears what is said of it.
func TestDraining(t *testing.T) {
	type look struct {
		holder int
		runs   []int
		after  time.Duration
	}
	for name, c := range map[string]struct {
		looks []look
		want  string // after the last
	}{
		"it ends":                   {[]look{{holder: 1, runs: []int{1}}, {runs: []int{1}}, {}}, "pid 1 has ended\n"},
		"it is started anew":        {[]look{{holder: 1, runs: []int{1}}, {holder: 3, runs: []int{3}}}, "pid 1 has ended, and pid 3 runs now\n"},
		"an upgrade is undone":      {[]look{{runs: []int{1, 2}}, {holder: 2, runs: []int{1, 2}}, {runs: []int{1}}, {holder: 1, runs: []int{1}}, {}}, "pid 1, which was being upgraded, and pid 2 have ended\n"},
		"it was upgraded":           {[]look{{holder: 2, runs: []int{1, 2}}, {holder: 2, runs: []int{2}}, {}}, "pid 1, which was being upgraded, and pid 2 have ended\n"},
		"the old one is the last":   {[]look{{holder: 2, runs: []int{1, 2}}, {runs: []int{1}, after: time.Hour}, {}}, "pid 1, which was being upgraded, and pid 2 have ended\n"},
		"nobody asks how it ended":  {[]look{{holder: 1, runs: []int{1}}, {runs: []int{1}}, {runs: []int{1}, after: takeOverTime + 1}}, "pid 1 has ended\n"},
		"it has not ended":          {[]look{{holder: 1, runs: []int{1}, after: time.Hour}}, ""},
		"an upgrade takes its time": {[]look{{runs: []int{1}}, {runs: []int{1, 2}, after: takeOverTime - 1}}, ""},
		"the new one has not ended": {[]look{{holder: 2, runs: []int{1, 2}}, {holder: 2, runs: []int{2}, after: time.Hour}}, ""},
	} {
		now, said := time.Now(), ""
		var runs []int
		d := draining{pids: []int{1}, runs: func(pid int) bool { return slices.Contains(runs, pid) }}
		for i, l := range c.looks {
			now, runs = now.Add(l.after), l.runs
			if said = d.see(l.holder, now); said != "" && i < len(c.looks)-1 {
				t.Errorf("%s: %q after look %d", name, said, i)
			}
		}
		if said != c.want {
			t.Errorf("%s: %q, want %q", name, said, c.want)
		}
	}
}
