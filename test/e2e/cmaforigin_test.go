package e2e

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/internal/testkit/hlsrules"
	"weir/internal/testkit/mpdrules"
)

// origin is a server that is not ours: it tries the viewers of fragmented MP4. It returns the RTMP
// address that stands for it.
func origin(t *testing.T, media http.Handler) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/live/", media)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"code":0}`)) })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	address := s.Listener.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	fixtures.Store(port, &fixture{t: t, http: address, api: address})
	t.Cleanup(func() { fixtures.Delete(port) })
	return "rtmp://" + address + "/live/s"
}

// TestCMAFViewers has ffmpeg write HLS and DASH, and the viewers record them.
func TestCMAFViewers(t *testing.T) {
	t.Parallel()
	c := newClip(t, "h264", "small")
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "live"), 0o700); err != nil {
		t.Fatal(err)
	}
	raw := origin(t, http.FileServer(http.Dir(dir)))
	args := append(strings.Fields("-hide_banner -loglevel error -nostdin -re -i"), c.file)
	args = append(args, strings.Fields("-map 0 -c copy -f hls -hls_time 1 -hls_list_size 5 -hls_segment_type fmp4 -hls_flags program_date_time")...)
	args = append(args, filepath.Join(dir, "live", "s.m3u8"))
	args = append(args, strings.Fields("-map 0 -c copy -f dash -seg_duration 1 -window_size 5 -extra_window_size 5 -use_timeline 1 -utc_timing_url http://clock.example")...)
	args = append(args, filepath.Join(dir, "live", "s.mpd"))
	pub := launch(t, "ffmpeg7", args...)
	hls := cmafHLSPlayer(hlsrules.Options{Wall: 50 * time.Millisecond})(t, raw, c.codec)
	// Its manifests are not all that they should be: they are not held against the rules.
	dash := cmafDASHPlayer(mpdrules.Options{})(t, raw, c.codec).(*cmafDASH)
	watched(t, map[string]viewing{"hls": hls, "dash": dash}, 60)
	if n := len(dash.loads); n < 2 {
		t.Errorf("%d manifests", n)
	}
	dash.mu.Lock()
	dash.loads = nil
	dash.mu.Unlock()
	finish(t, map[string]viewing{"hls": hls, "dash": dash}, expectation{clip: c, frames: 60})
	pub.stop()
}
