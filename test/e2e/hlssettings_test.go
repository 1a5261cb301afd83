package e2e

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/stream"
)

var hlsSettings = []outputSetting{
	{name: "enabled", value: [2]string{"on", "off"}, look: listMade(".m3u8"), want: [2]string{"made", "not made"}},
	{name: "hls_fragment", value: [2]string{"1", "3"}, look: hlsLength, want: [2]string{"1 s", "3 s"}},
	{name: "hls_td_ratio", value: [2]string{"1", "2"}, look: hlsLength, want: [2]string{"1 s", "2 s"}},
	{name: "hls_aof_ratio", value: [2]string{"2", "4"}, look: hlsLength, want: [2]string{"2 s", "4 s"}, beside: "hls_wait_keyframe off; hls_vcodec vn;"},
	{name: "hls_window", value: [2]string{"6", "9"}, look: hlsEntries, want: [2]string{"7 entries", "10 entries"}},
	{name: "hls_on_error", value: [2]string{"ignore", "disconnect"}, look: hlsError, want: [2]string{"goes on", "ended"}, beside: "hls_path DIR/file;"},
	{name: "hls_path", value: [2]string{"DIR/a", "DIR/b"}, look: listFile(".m3u8"), want: [2]string{"a/live/NAME.m3u8", "b/live/NAME.m3u8"}},
	{name: "hls_serve_from", value: [2]string{"disk", "memory"}, look: listFile(".m3u8"), want: [2]string{"live/NAME.m3u8", "none"}},
	{name: "hls_serve_from, both", value: [2]string{"memory", "both"}, look: listFile(".m3u8"), want: [2]string{"none", "live/NAME.m3u8"}},
	{name: "hls_m3u8_file", value: [2]string{"[stream].m3u8", "[vhost]/[app]/[stream].m3u8"}, look: listFile(".m3u8"), want: [2]string{"NAME.m3u8", "__defaultVhost__/live/NAME.m3u8"}},
	{name: "hls_ts_file", value: [2]string{"[app]/[stream]-[seq].ts", "[app]/[stream]/[duration]/[seq].ts"}, look: hlsEntry, want: [2]string{"NAME-N.ts", "NAME/N/N.ts"}},
	{name: "hls_ts_floor", value: [2]string{"off", "on"}, look: hlsEntry, want: [2]string{"NAME-N.ts 13 digits", "NAME-N.ts 10 digits"}, beside: "hls_ts_file [app]/[stream]-[timestamp].ts;"},
	{name: "hls_entry_prefix", value: [2]string{"http://one.example", "http://two.example/"}, look: hlsEntry, want: [2]string{"http://one.example/live/NAME-N.ts", "http://two.example/NAME-N.ts"}},
	{name: "hls_acodec", value: [2]string{"aac", "an"}, look: hlsTracks, want: [2]string{"video audio", "video"}},
	{name: "hls_vcodec", value: [2]string{"h264", "vn"}, look: hlsTracks, want: [2]string{"video audio", "audio"}},
	{name: "hls_cleanup", value: [2]string{"on", "off"}, look: hlsLeft, want: [2]string{"few", "all"}, beside: "hls_window 1;"},
	{name: "hls_dispose", value: [2]string{"1", "60"}, look: hlsLater, want: [2]string{"gone", "there"}},
	{name: "hls_wait_keyframe", value: [2]string{"on", "off"}, look: hlsLength, want: [2]string{"1 s", "0.6 s"}, beside: "hls_fragment 0.6;"},
	{name: "hls_ctx", value: [2]string{"on", "off"}, look: hlsFirst, want: [2]string{"master", "media"}},
	{name: "hls_ts_ctx", value: [2]string{"on", "off"}, look: hlsMarks, want: [2]string{"marked", "plain"}, beside: "hls_ctx on;"},
	{name: "hls_dts_directly", value: [2]string{"on", "off"}, look: hlsSound, want: [2]string{"as sent", "even"}},
	{name: "hls_keys", value: [2]string{"off", "on"}, look: hlsKey, want: [2]string{"none", "NAME-N.key"}},
	{name: "hls_fragments_per_key", value: [2]string{"1", "100"}, look: hlsKeyCount, want: [2]string{"many", "one"}, beside: "hls_keys on;"},
	{name: "hls_key_file", value: [2]string{"[app]/[stream]-[seq].key", "k/[stream].[seq]"}, look: hlsKey, want: [2]string{"NAME-N.key", "../k/NAME.N"}, beside: "hls_keys on;"},
	{name: "hls_key_file_path", value: [2]string{"DIR/ka", "DIR/kb"}, look: hlsKeyFile, want: [2]string{"ka", "kb"}, beside: "hls_keys on;"},
	{name: "hls_key_url", value: [2]string{"http://one.example/", "http://two.example/x/"}, look: hlsKey,
		want: [2]string{"http://one.example/live/NAME-N.key", "http://two.example/x/live/NAME-N.key"}, beside: "hls_keys on;"},
	{name: "hls_use_fmp4", value: [2]string{"off", "on"}, look: hlsForm, want: [2]string{"NAME-N.ts 47", "NAME-N.m4s moof"}},
	{name: "hls_fmp4_file", value: [2]string{"[stream]/[seq].m4s", "[app]/[stream]-[seq].mp4"}, look: hlsForm,
		want: [2]string{"../NAME/N.m4s moof", "NAME-N.mp4 moof"}, beside: "hls_use_fmp4 on;"},
	{name: "hls_init_file", value: [2]string{"[app]/[stream]/init.mp4", "h/[stream].mp4"}, look: hlsMap,
		want: [2]string{"NAME/init.mp4 ftyp", "../h/NAME.mp4 ftyp"}, beside: "hls_use_fmp4 on;"},
	{name: "hls_low_latency", value: [2]string{"off", "on"}, look: hlsPart, want: [2]string{"no parts", "0.20000 s"}},
	{name: "hls_part", value: [2]string{"0.2", "0.5"}, look: hlsPart, want: [2]string{"0.20000 s", "0.48000 s"}, beside: "hls_low_latency on;"},
}

// hlsElsewhere are the directives that other tests look at.
var hlsElsewhere = []string{"hls_nb_notify"}

// TestHLSSettings switches each setting of HLS to its other value, and looks at a stream that is published
// with each.
func TestHLSSettings(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{vhost: quick})
	if err := os.WriteFile(filepath.Join(f.dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	switchEach(t, f, hlsSettings, "hls", "hls_fragment 1;", "hls_window 60;", "hls_ctx off;", "hls_path DIR;")
}

// hlsStream is 13 s of a stream, published at once: a key frame each second and sound whose times
// jitter. Its publisher stays.
type hlsStream struct {
	t    *testing.T
	f    *fixture
	name string
	feed *feed
	list string // its playlist
}

func newHLSStream(t *testing.T, f *fixture) *hlsStream {
	t.Helper()
	h := &hlsStream{t: t, f: f, name: stream.NewID()}
	h.feed = openFeed(t, f.url(h.name))
	h.feed.header(t)
	h.feed.send(8, 0, 0xaf, 0, 0x12, 0x10)
	h.feed.atOnce(func() {
		for n := range uint32(13*25 + 1) {
			h.feed.frame(n%25 == 0, n*40, byte(n))
			h.feed.send(8, n*40+n%2*8, 0xaf, 1, 0x21, 0x10, byte(n))
		}
	})
	return h
}

// anonymous takes out of a text what is another each time.
func (h *hlsStream) anonymous(said string) string {
	said = strings.ReplaceAll(said, h.name, "NAME")
	return regexp.MustCompile(`([-/.])\d+(\.ts|\.m4s|\.mp4|\.key|$|/)`).ReplaceAllString(
		regexp.MustCompile(`([-/.])\d+/`).ReplaceAllString(said, "${1}N/"), "${1}N$2")
}

// read returns the playlist, once it has most of the stream.
func (h *hlsStream) read(path string) string {
	h.t.Helper()
	ok := poll(func() bool {
		status, said := h.f.get("http://" + h.f.http + path)
		if h.list = said; status != http.StatusOK {
			return false
		}
		var sum float64
		for _, m := range extinf.FindAllStringSubmatch(said, -1) {
			var d float64
			_, _ = fmt.Sscanf(m[1], "%f", &d)
			sum += d
		}
		return sum >= 6 && strings.Contains(said, "MEDIA-SEQUENCE:0\n") && sum >= 11 || !strings.Contains(said, "MEDIA-SEQUENCE:0\n") && sum >= 3
	})
	if !ok {
		h.t.Errorf("no playlist of the stream: %s", h.list)
	}
	return h.list
}

func (h *hlsStream) playlist() string { h.t.Helper(); return h.read("/live/" + h.name + ".m3u8") }

var (
	extinf = regexp.MustCompile(`#EXTINF:([\d.]+),`)
	entry  = regexp.MustCompile(`(?m)^[^#\n]+$`)
	keyTag = regexp.MustCompile(`#EXT-X-KEY:METHOD=AES-128,URI="([^"]*)"`)
)

func hlsLength(t *testing.T, _ *fixture, h *hlsStream) string {
	t.Helper()
	all := extinf.FindAllStringSubmatch(h.playlist(), -1)
	return strings.TrimRight(all[min(1, len(all)-1)][1], ".0") + " s"
}

func hlsEntries(t *testing.T, _ *fixture, h *hlsStream) string {
	t.Helper()
	waitFor(t, "the window to be full", func() bool { return strings.Contains(h.playlist(), h.name+"-12.ts") })
	return fmt.Sprint(len(entry.FindAllString(h.list, -1)), " entries")
}

func hlsError(t *testing.T, f *fixture, h *hlsStream) string {
	t.Helper()
	waitFor(t, "an error in the log", func() bool {
		return f.log.Count("hls segment could not be written", "/"+h.name) > 0
	})
	deadline := time.Now().Add(500 * time.Millisecond)
	for time.Now().Before(deadline) {
		select {
		case err := <-h.feed.ended:
			if err != nil {
				return "ended"
			}
		case <-time.After(20 * time.Millisecond):
		}
	}
	return "goes on"
}

// under lists the files of the stream with that ending, below the server's directory.
func (h *hlsStream) under(ending string) (list []string) {
	_ = filepath.WalkDir(h.f.dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ending) && strings.Contains(path, h.name) {
			name, _ := filepath.Rel(h.f.dir, path)
			list = append(list, filepath.ToSlash(name))
		}
		return nil
	})
	slices.Sort(list)
	return list
}

func hlsEntry(t *testing.T, _ *fixture, h *hlsStream) string {
	t.Helper()
	list := entry.FindAllString(h.playlist(), -1)
	if stamp := regexp.MustCompile(`-(\d{9,})\.ts`).FindStringSubmatch(list[0]); stamp != nil {
		return fmt.Sprintf("%s %d digits", h.anonymous(list[0]), len(stamp[1]))
	}
	return list[0]
}

// segment returns one of the stream's.
func (h *hlsStream) segment(n int) []byte {
	h.t.Helper()
	_, said := h.f.get("http://" + h.f.http + "/live/" + entry.FindAllString(h.playlist(), -1)[n])
	if said == "" || said[0] != 0x47 || len(said)%188 != 0 {
		h.t.Fatalf("a segment of %d bytes", len(said))
	}
	return []byte(said)
}

func hlsTracks(t *testing.T, _ *fixture, h *hlsStream) string {
	t.Helper()
	var found []string
	for b := h.segment(1); len(b) > 0; b = b[188:] {
		kind := map[int]string{0x100: "video", 0x101: "audio"}[int(b[1]&0x1f)<<8|int(b[2])]
		if kind != "" && !slices.Contains(found, kind) {
			found = append(found, kind)
		}
	}
	slices.SortFunc(found, func(a, b string) int { return strings.Compare(b, a) })
	return strings.Join(found, " ")
}

// hlsSound looks at the distances between the times of sound.
func hlsSound(t *testing.T, _ *fixture, h *hlsStream) string {
	t.Helper()
	var times []int64
	for b := h.segment(1); len(b) > 0; b = b[188:] {
		if b[1]&0x5f == 0x41 && b[2] == 1 {
			p := b[4:]
			if b[3]&0x20 != 0 {
				p = p[1+int(p[0]):]
			}
			p = p[9:]
			times = append(times, int64(p[0]>>1&7)<<30|int64(p[1])<<22|int64(p[2]>>1)<<15|int64(p[3])<<7|int64(p[4]>>1))
		}
	}
	for i := 1; i < min(4, len(times)); i++ { // a few: they come apart, since the frames are not 40 ms long
		if d := times[i] - times[i-1]; d == 48*90 || d == 32*90 {
			return "as sent"
		}
	}
	return "even"
}

func hlsLeft(t *testing.T, _ *fixture, h *hlsStream) string {
	t.Helper()
	waitFor(t, "the last segment", func() bool { return strings.Contains(h.playlist(), h.name+"-12.ts") })
	if poll2(9*time.Second, func() bool { return len(h.under(".ts")) < 8 }) {
		return "few"
	}
	return "all"
}

func poll2(limit time.Duration, ok func() bool) bool {
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if ok() {
			return true
		}
	}
	return false
}

func hlsLater(t *testing.T, _ *fixture, h *hlsStream) string {
	t.Helper()
	h.playlist()
	h.feed.client.Close()
	if poll2(8*time.Second, func() bool { return len(h.under("")) == 0 }) {
		return "gone"
	}
	return "there"
}

func hlsFirst(t *testing.T, f *fixture, h *hlsStream) string {
	t.Helper()
	var status int
	var said string
	poll2(3*time.Second, func() bool {
		status, said = f.get("http://" + f.http + "/live/" + h.name + ".m3u8")
		return status == http.StatusOK
	})
	switch {
	case strings.Contains(said, "#EXT-X-STREAM-INF:"):
		return "master"
	case strings.Contains(said, "#EXTINF:"):
		return "media"
	}
	return said
}

func hlsMarks(t *testing.T, _ *fixture, h *hlsStream) string {
	t.Helper()
	if strings.Contains(entry.FindString(h.read("/live/"+h.name+".m3u8?hls_ctx="+stream.NewID())), "hls_ctx=") {
		return "marked"
	}
	return "plain"
}

func hlsKey(t *testing.T, _ *fixture, h *hlsStream) string {
	t.Helper()
	found := keyTag.FindStringSubmatch(h.playlist())
	if found == nil {
		return "none"
	}
	return found[1]
}

func hlsKeyCount(t *testing.T, _ *fixture, h *hlsStream) string {
	t.Helper()
	if len(keyTag.FindAllString(h.playlist(), -1)) > 5 {
		return "many"
	}
	return "one"
}

func hlsKeyFile(t *testing.T, _ *fixture, h *hlsStream) string {
	t.Helper()
	h.playlist()
	list := h.under(".key")
	if len(list) == 0 {
		return "none"
	}
	place, _, _ := strings.Cut(list[0], "/")
	return place
}

// kind tells what bytes are: the first one of a transport stream, or the type of the first box.
func kind(said string) string {
	if len(said) < 8 || said[0] == 0x47 {
		return fmt.Sprintf("%.1x", said)
	}
	return said[4:8]
}

func hlsForm(t *testing.T, f *fixture, h *hlsStream) string {
	t.Helper()
	at := entry.FindString(h.playlist())
	_, said := f.get("http://" + f.http + path.Join("/live", at))
	return at + " " + kind(said)
}

func hlsMap(t *testing.T, f *fixture, h *hlsStream) string {
	t.Helper()
	at := regexp.MustCompile(`#EXT-X-MAP:URI="([^"]*)"`).FindStringSubmatch(h.playlist())
	if at == nil {
		return "none"
	}
	_, said := f.get("http://" + f.http + path.Join("/live", at[1]))
	return at[1] + " " + kind(said)
}

// hlsPart looks at how long parts are, one of which it fetches.
func hlsPart(t *testing.T, f *fixture, h *hlsStream) string {
	t.Helper()
	part := regexp.MustCompile(`#EXT-X-PART:DURATION=([\d.]+),URI="([^"]*)"`).FindStringSubmatch(h.playlist())
	if part == nil {
		return "no parts"
	}
	if _, said := f.get("http://" + f.http + "/live/" + part[2]); kind(said) != "moof" {
		return "no part of MP4: " + kind(said)
	}
	return part[1] + " s"
}
