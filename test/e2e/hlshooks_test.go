package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestCallbacksHLS has a receiver hear of each segment, when it is there, with the length that the
// playlist says; and a CDN be asked for it.
func TestCallbacksHLS(t *testing.T) {
	t.Parallel()
	v := receive(t, nil)
	dir := t.TempDir()
	block := v.hooks("on_hls_notify " + v.at("/notify/[server_id]/[service_id]/[app]/[stream]/[ts_url][param]") + ";")
	f := serve(t, conf{vhost: block + "hls { enabled on; hls_fragment 1; hls_window 60; hls_ctx off; hls_dispose 0; hls_path " + dir + "; }"})
	pub := startClientPublisher(t, f.url("s?k=v"), newClip(t, "h264", "small"), 0)
	v.wait(3, "on_hls")
	id := f.publishers()[0].ID
	stream := f.streamID("/live/s")
	pub.stop()
	v.wait(1, "on_close")

	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	playlist, err := os.ReadFile(filepath.Join(dir, "live", "s.m3u8"))
	if err != nil {
		t.Fatal(err)
	}
	calls := v.calls(`"action":"on_hls"`)
	lengths := extinf.FindAllStringSubmatch(string(playlist), -1)
	if len(calls) != len(lengths) {
		t.Errorf("%d callbacks of %d segments:\n%s", len(calls), len(lengths), playlist)
	}
	for n, c := range calls[:min(len(calls), len(lengths))] {
		if c.SeqNo != n || c.Duration == 0 || fmt.Sprintf("%.2f", c.Duration) != lengths[n][1][:4] && n < len(calls)-1 {
			t.Errorf("segment %d: the callback says %d, %g s; the playlist %s s", n, c.SeqNo, c.Duration, lengths[n][1])
		}
		if info, err := os.Stat(c.File); err != nil || info.Size() == 0 || !strings.HasPrefix(c.File, dir) {
			t.Errorf("the file %s: %v", c.File, err)
		}
		if got, err := os.ReadFile(c.M3u8); err != nil || string(got) != string(playlist) {
			t.Errorf("the playlist %s: %v", c.M3u8, err)
		}
		duration := regexp.MustCompile(`"duration":([0-9.]+)`).FindStringSubmatch(c.body)[1]
		isBody(t, c, "$client", id, "$vhost", "__defaultVhost__", "$stream", "s", "$param", "?k=v", "$tcUrl", "rtmp://"+f.rtmp+"/live",
			"$url", "/live/s", "$id", stream, "$duration", duration, "$cwd", cwd, "$dir", dir, "$seq", fmt.Sprint(n))
	}
	all := v.calls("")
	if last := all[len(all)-1]; last.Action == "on_hls" && last.at.Sub(all[0].at) > time.Minute {
		t.Error("segments are told of long after the end")
	}
	v.wait(len(calls), "/notify/")
	for n, c := range v.calls("/notify/") {
		want := fmt.Sprintf("/notify/vid-testing/testing0/live/s/s-%d.ts?k=v", n)
		if c.method != "GET" || c.path != want {
			t.Errorf("%s %s, want GET %s", c.method, c.path, want)
		}
	}
}
