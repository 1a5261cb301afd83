package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// rtcSwitches have a browser use a fake camera and this machine's own address.
var rtcSwitches = []string{"allow-loopback-in-peer-connection", "use-fake-device-for-media-stream", "use-fake-ui-for-media-stream", "autoplay-policy=no-user-gesture-required"}

// TestRTCFromRTMP plays what ffmpeg publishes over RTMP over WebRTC: by a client that looks at each packet, and by a browser.
func TestRTCFromRTMP(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{rtc: " ", shared: true, vhost: bridges})
	wallClock(t, f.url("s"))
	published(t, f)
	time.Sleep(2500 * time.Millisecond) // half a GOP and more: there is something to catch up with
	began := time.Now()
	v := rtcPlay(t, f, "app=live&stream=s")
	waitFor(t, "a picture", func() bool { return v.pictures() > 0 })
	t.Logf("first picture %v after the request", time.Since(began).Round(time.Millisecond))
	waitFor(t, "pictures", func() bool { return v.pictures() > 60 })
	v.whole(t, 60)
	b := openBrowser(t, f, rtcSwitches...)
	b.rtc(false, "/rtc/v1/whep/?app=live&stream=s")
	b.until("pictures and sound", "rtc.frames > 100 && rtc.energy > 0")
	if lost, codec := ask[int](b, "rtc.lost"), ask[string](b, "rtc.codec"); lost > 0 || codec != "video/H264" {
		t.Errorf("%d packets lost of %s", lost, codec)
	}
	for range 5 {
		t.Logf("glass to glass %v s", b.behind("video"))
		time.Sleep(300 * time.Millisecond)
	}
	ask[any](b, "rtc.pc.close()")
}

// heardRate is the bit rate of the sound that a player was sent, in bits per second.
func (p *rtcPlayer) heardRate() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	bytes := 0
	for _, k := range p.sound {
		bytes += len(k.Payload)
	}
	return float64(bytes) * 8 / (float64(len(p.sound)) * 0.02)
}

// backwards counts pictures whose times are before those of earlier ones.
func (p *rtcPlayer) backwards() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, k := range p.packets {
		if i > 0 && int32(k.Timestamp-p.packets[i-1].Timestamp) < 0 {
			n++
		}
	}
	return n
}

// TestRTCFromRTMPSettings plays one clip, which has B-frames and supplemental information, by the rules of two virtual hosts.
func TestRTCFromRTMPSettings(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{
		rtc: " ", vhost: "rtc { enabled on; rtmp_to_rtc on; keep_avc_nalu_sei off; opus_bitrate 16000; }",
		more: "vhost other.test { rtc { enabled on; rtmp_to_rtc on; keep_bframe on; opus_bitrate 128000; } }\nvhost none.test { rtc { enabled on; } }",
	})
	c := newClip(t, "h264", "small")
	usual, other := rtcPlay(t, f, "app=live&stream=s"), rtcPlay(t, f, "app=live&stream=s&vhost=other.test") // for the clip's beginning
	for _, url := range []string{"s", "s?vhost=other.test", "s?vhost=none.test"} {
		startClientPublisher(t, f.url(url), c, 0)
	}
	waitFor(t, "the publishers", func() bool { return len(f.publishers()) == 3 })
	for _, v := range []*rtcPlayer{usual, other} {
		waitFor(t, "pictures and sound", func() bool { v.mu.Lock(); defer v.mu.Unlock(); return len(v.sound) > 150 })
	}
	usual.whole(t, 20)
	other.whole(t, 60)
	if n := usual.backwards(); n > 0 {
		t.Errorf("without B-frames %d pictures go back", n)
	}
	if n := other.backwards(); n < 20 {
		t.Errorf("with B-frames %d pictures go back", n)
	}
	sei := []byte("x264 - core")
	with, _ := other.stream()
	without, _ := usual.stream()
	if !bytes.Contains(with, sei) || bytes.Contains(without, sei) {
		t.Errorf("supplemental information: %t where it is kept, %t where not", bytes.Contains(with, sei), bytes.Contains(without, sei))
	}
	if low, high := usual.heardRate(), other.heardRate(); low > 40000 || high < 60000 {
		t.Errorf("sound of %.0f and %.0f bits a second", low, high)
	}
	peer := newRTCPeer(t, f)
	if _, err := peer.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo); err != nil {
		t.Fatal(err)
	}
	o, err := peer.pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	status, _, said := f.offer("/rtc/v1/whep/?app=live&stream=s&vhost=none.test", "application/sdp", o.SDP)
	if status != http.StatusForbidden || !strings.Contains(said, "rtmp_to_rtc") {
		t.Errorf("without a bridge: %d %s", status, said)
	}
}

// TestRTCToRTMP has a browser publish its camera, and ffmpeg play that over everything else; by the rules of two virtual hosts.
func TestRTCToRTMP(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{
		rtc: " ", shared: true, vhost: "rtc { enabled on; rtc_to_rtmp on; aac_bitrate 32000; pli_for_rtmp 0.5; }\n" + flvAndHLS(t, ""),
		more: "vhost other.test { rtc { enabled on; rtc_to_rtmp on; aac_bitrate 160000; pli_for_rtmp 30; }\n" + flvAndHLS(t, "") + "}\nvhost none.test { rtc { enabled on; }\n" + flvAndHLS(t, "") + "}",
	})
	rates, keys := map[string]float64{}, map[string]int{}
	for _, vhost := range []string{"", "&vhost=other.test"} {
		b := openBrowser(t, f, rtcSwitches...)
		b.rtc(true, "/rtc/v1/whip/?app=live&stream=cam"+vhost)
		at := f.url("cam") + strings.Replace(vhost, "&", "?", 1)
		for _, o := range []struct{ name, address, form string }{{"rtmp", at, "flv"}, {"flv", httpFLV(t, at), "flv"}, {"hls", httpHLS(t, at), "mpegts"}} {
			if o.name == "hls" {
				if vhost != "" { // a segment ends with a key frame, and there are few
					continue
				}
				awaitPlaylist(t, f, o.address)
			}
			file := filepath.Join(t.TempDir(), o.name+"."+o.form)
			_, said := run(t, "ffmpeg7", append(strings.Fields("-hide_banner -loglevel warning -nostdin -i"), o.address, "-c", "copy", "-t", "5", "-f", o.form, file)...)
			quiet(t, said)
			s := look(t, file, "aac h264")
			if !s.video || !s.audio {
				t.Errorf("%s: pictures %t, sound %t", o.name, s.video, s.audio)
			}
			rates[vhost] = soundRate(t, file)
			keys[vhost] = max(keys[vhost], keyFrames(t, file))
		}
		ask[any](b, "rtc.pc.close()")
		for _, v := range f.players() { // HLS: the player has gone, and its session ends later
			f.kick(v.ID)
		}
	}
	t.Logf("sound of %v bits a second, %v key frames", rates, keys)
	if rates[""] > 80_000 || rates["&vhost=other.test"] < 1.5*rates[""] {
		t.Errorf("sound of %v bits a second", rates)
	}
	if keys[""] < 6 || keys["&vhost=other.test"] > 5 {
		t.Errorf("%v key frames in 5 s", keys)
	}
}

// soundRate is the bit rate of a file's sound where it is loudest, in bits per second: a camera that only beeps now and then is silent
// for most of the time, which takes next to nothing at any rate.
func soundRate(t *testing.T, file string) float64 {
	t.Helper()
	list, _ := run(t, "ffprobe7", "-loglevel", "error", "-select_streams", "a", "-show_entries", "packet=size", "-of", "csv=p=0", file)
	var sizes []int
	for line := range strings.Lines(string(list)) {
		var size int
		if _, err := fmt.Sscanf(line, "%d", &size); err == nil {
			sizes = append(sizes, size)
		}
	}
	slices.Sort(sizes)
	sum, loud := 0, sizes[len(sizes)*9/10:]
	for _, size := range loud {
		sum += size
	}
	return float64(sum) * 8 / (float64(len(loud)) * 1024 / 48000)
}

// keyFrames counts those of a file.
func keyFrames(t *testing.T, file string) int {
	t.Helper()
	list, _ := run(t, "ffprobe7", "-loglevel", "error", "-select_streams", "v", "-show_entries", "packet=flags", "-of", "csv=p=0", file)
	return strings.Count(string(list), "K")
}

// TestRTCSources has a player name more and more SSRCs, for each of which a library keeps something: its session ends, and
// says why.
func TestRTCSources(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{rtc: " ", vhost: bridges})
	startClientPublisher(t, f.url("s"), newClip(t, "h264", "small"), 0)
	published(t, f)
	v := rtcPlay(t, f, "app=live&stream=s")
	waitFor(t, "pictures", func() bool { return v.pictures() > 5 })
	for i := range 10 {
		fir := &rtcp.FullIntraRequest{SenderSSRC: 1}
		for j := range 100 {
			fir.FIR = append(fir.FIR, rtcp.FIREntry{SSRC: uint32(1000 + 100*i + j)})
		}
		if err := v.pc.WriteRTCP([]rtcp.Packet{fir}); err != nil {
			break
		}
	}
	waitFor(t, "the session to end", func() bool { return f.log.Count("more SSRCs than anybody needs") == 1 })
	waitFor(t, "the player to be gone", func() bool { return len(f.players()) == 0 })
}
