package e2e

import (
	"strings"
	"testing"
	"time"

	"weir/internal/testkit/hlsrules"
	"weir/internal/testkit/mpdrules"
)

// cmafOutputs are directives of a vhost that makes HLS and DASH of MP4, of low latency or not.
func cmafOutputs(low bool) func(*testing.T, string) string {
	return func(t *testing.T, _ string) string {
		t.Helper()
		more := ""
		if low {
			more = "hls_low_latency on;"
		}
		return "hls { enabled on; hls_use_fmp4 on; hls_fragment 1; hls_window 20; hls_path " + t.TempDir() + "; " + more + " }\n" +
			"dash { enabled on; dash_fragment 1; dash_update_period 1; dash_window_size 20; dash_path " + t.TempDir() + "; " +
			strings.Replace(more, "hls", "dash", 1) + " }"
	}
}

// cmafPlayers are the rows of those, which hold all that they see against the rules.
func cmafPlayers(low bool) []player {
	return []player{
		{name: "hls-mp4", start: cmafHLSPlayer(hlsrules.Options{LowLatency: low, KeyFrames: true}), web: httpHLS, late: true, light: true},
		{
			name: "dash", web: httpDASH, late: true, light: true,
			// ffmpeg sends half a second ahead of its time: where it returns at once, the period before is not over.
			start: cmafDASHPlayer(mpdrules.Options{LowLatency: low, Newest: 10 * time.Second, Tolerance: 600 * time.Millisecond}),
		},
	}
}
