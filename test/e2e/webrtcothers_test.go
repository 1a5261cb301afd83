package e2e

import (
	"bytes"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"

	"weir/internal/format/flv"
)

// TestRTCFromOthers plays over WebRTC what comes over SRT, and sound that is MP3.
func TestRTCFromOthers(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{srt: "latency 120;", rtc: " ", vhost: bridged(t, "")})
	c := newClip(t, "h264", "small")
	mp3 := c
	mp3.file = filepath.Join(t.TempDir(), "mp3.flv")
	run(t, "ffmpeg", append(append(strings.Fields("-hide_banner -loglevel error -t 12 -i"), c.file), append(strings.Fields("-c:v copy -c:a libmp3lame"), mp3.file)...)...)
	srtPublisher("")(t, f.url("srt"), c, 0)
	ffmpegPublisher("ffmpeg")(t, f.url("mp3"), mp3, 0)
	waitFor(t, "the publishers", func() bool { return len(f.publishers()) == 2 })
	views := map[string]viewing{}
	for _, name := range []string{"srt", "mp3"} {
		views[name] = whepPlayer(t, f.url(name), "h264")
	}
	watched(t, views, 70)
	for name, v := range views {
		r := v.stop()
		t.Run(name, func(t *testing.T) {
			check(t, r, expectation{clip: c, frames: 60, gap: 0.2})
			if peak := loudest(t, r.file); peak < -25 {
				t.Errorf("the loudest sound has %v dB", peak)
			}
		})
	}
}

// loudest is the peak of a file's sound, in dB.
func loudest(t *testing.T, file string) float64 {
	t.Helper()
	_, said := run(t, "ffmpeg7", "-hide_banner", "-i", file, "-vn", "-af", "volumedetect", "-f", "null", "-")
	m := regexp.MustCompile(`max_volume: (\S+) dB`).FindStringSubmatch(said)
	if m == nil {
		t.Fatalf("no sound:\n%s", said)
	}
	peak, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return peak
}

// TestRTCFromAV1 has a browser play AV1, and hear Opus as the publisher sent it.
func TestRTCFromAV1(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{rtc: " ", shared: true, vhost: bridges})
	tags := readClip(t, clip{file: filepath.Join("testdata", "av1-opus.flv")})
	publishTags(t, f.url("s"), tags, 0)
	published(t, f)
	v := rtcPlay(t, f, "app=live&stream=s")
	b := openBrowser(t, f, rtcSwitches...)
	b.rtc(false, "/rtc/v1/whep/?app=live&stream=s")
	b.until("pictures and sound", "rtc.frames > 50 && rtc.energy > 0")
	if lost, codec := ask[int](b, "rtc.lost"), ask[string](b, "rtc.codec"); lost > 0 || codec != webrtc.MimeTypeAV1 {
		t.Errorf("%d packets lost of %s", lost, codec)
	}
	ask[any](b, "rtc.pc.close()")
	v.close()
	if len(v.sound) < 50 {
		t.Fatalf("%d packets of sound", len(v.sound))
	}
	for _, k := range v.sound {
		if !slices.ContainsFunc(tags, func(tag flv.Tag) bool { return tag.Type == flv.TagAudio && bytes.HasSuffix(tag.Body, k.Payload) }) {
			t.Fatalf("the publisher has not sent %x", k.Payload)
		}
	}
}

// TestRTCToRTMPOrder has a publisher whose pictures are shown in another order than they come in, and who sends a second
// track of pictures, which no player shows who shows one. An RTMP player and one of WebRTC stay while it leaves and comes back.
func TestRTCToRTMPOrder(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{rtc: " ", vhost: bridges})
	c, large := newClip(t, "h264", "small"), newClip(t, "h264", "large")
	own := playClient(t, f.url("s"))
	v := rtcPlay(t, f, "app=live&stream=s")
	for range 2 {
		before, seen := own.frames(), v.pictures()
		p := rtcPublish(t, f, "app=live&stream=s", c, large)
		published(t, f)
		waitFor(t, "pictures", func() bool { return own.frames() > before+120 && v.pictures() > seen+60 })
		p.stop()
		unpublished(t, f)
	}
	v.whole(t, 110)
	r := own.stop()
	decode(t, r.file, expectation{clip: c})
	raw, said := run(t, "ffprobe7", "-loglevel", "error", "-select_streams", "v:0", "-show_entries", probeEntries, "-of", "json", r.file)
	quiet(t, said)
	var p probed
	unmarshal(t, raw, &p)
	if len(p.Streams) != 1 || p.Streams[0].Width != c.width {
		t.Errorf("streams %+v", p.Streams)
	}
	later := 0
	for i := range p.Packets {
		if k := &p.Packets[i]; k.DTS != k.PTS {
			later++
		}
		if i > 0 && p.Packets[i].dts() < p.Packets[i-1].dts() {
			t.Errorf("time goes from %s to %s", p.Packets[i-1].DTS, p.Packets[i].DTS)
		}
	}
	if n := len(p.Packets); n < 110 || later < n/3 {
		t.Errorf("of %d pictures %d are shown later than they are decoded", n, later)
	}
}
