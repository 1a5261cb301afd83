//go:build soak

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	weather "weir/internal/testkit/relay"
)

// TestSoakSRTLoss is TestSRTLoss with less loss, and with packets that come in another order and twice.
func TestSoakSRTLoss(t *testing.T) {
	for name, w := range map[string]weather.Weather{
		"1":         {Loss: 0.01, Delay: 10 * time.Millisecond, Seed: 1},
		"reordered": {Reorder: 0.05, Jitter: 10 * time.Millisecond, Delay: 10 * time.Millisecond, Duplicate: 0.01, Seed: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srtLoss(t, w, 600)
		})
	}
}

// TestSoakSRTHeavyLoss loses a tenth of the packets where there is time to send one again once. What is played decodes without
// a word, and consists of groups of pictures that are whole, or whole up to where one is missing.
func TestSoakSRTHeavyLoss(t *testing.T) {
	t.Parallel()
	l := throughWeather(t, "drop_damaged on;", weather.Weather{Loss: 0.1, Delay: 85 * time.Millisecond, Seed: 4})
	from := l.view.frames()
	waitFor(t, "more pictures", func() bool { return l.view.frames() > from+400 })
	d := l.damage(t)
	l.view.stop()
	if d.Lost == 0 || d.Damaged == 0 || d.Dropped == 0 {
		t.Errorf("damage %+v: the weather was fine", d)
	}
	_, said := run(t, "ffmpeg7", "-hide_banner", "-loglevel", "warning", "-i", l.file, "-f", "null", "-")
	if said != "" {
		t.Errorf("decoding says %q", said)
	}
	list, _ := run(t, "ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=dts_time,flags", "-of", "csv=p=0", l.file)
	var last float64
	groups, pictures := 0, 0
	for line := range strings.Lines(string(list)) {
		var at float64
		var flags string
		if _, err := fmt.Sscanf(strings.ReplaceAll(line, ",", " "), "%g %s", &at, &flags); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		switch {
		case strings.HasPrefix(flags, "K"):
			groups++
		case groups > 0 && at-last > 0.06:
			t.Errorf("in the middle of a group a picture is missing before %.3f", at)
		}
		last = at
		pictures++
	}
	t.Logf("%d groups, %d pictures, damage %+v", groups, pictures, d)
	if groups < 5 {
		t.Errorf("%d groups of pictures", groups)
	}
}
