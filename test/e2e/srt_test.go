package e2e

import (
	"errors"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/datarhei/gosrt"
)

// srtID returns the stream id of what has an address of RTMP.
func srtID(t *testing.T, raw, mode string) (host, id string) {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	id = "#!::r=" + strings.TrimPrefix(u.Path, "/") + ",m=" + mode
	query := u.Query()
	if _, err := netip.ParseAddr(u.Hostname()); err != nil && query.Get("vhost") == "" {
		query.Set("vhost", u.Hostname())
	}
	for _, key := range slices.Sorted(maps.Keys(query)) {
		name := key
		if key == "vhost" {
			name = "h"
		}
		id += "," + name + "=" + query.Get(key)
	}
	return u.Host, id
}

// srtAddress returns the address, for ffmpeg, of what has one of RTMP.
func srtAddress(t *testing.T, raw, mode string) string {
	t.Helper()
	host, id := srtID(t, raw, mode)
	return "srt://" + host + "?pkt_size=1316&streamid=" + id
}

func srtPlay(t *testing.T, raw string) string {
	t.Helper()
	return srtAddress(t, raw, "request")
}

// srtPublisher is ffmpeg, with more options in the address.
func srtPublisher(options string) func(*testing.T, string, clip, time.Duration) publication {
	return func(t *testing.T, raw string, c clip, at time.Duration) publication {
		t.Helper()
		args := slices.Concat(
			strings.Fields("-hide_banner -loglevel error -re -stream_loop -1 -i"), []string{c.file},
			strings.Fields("-c copy -muxdelay 0 -muxpreload 0 -pes_payload_size 0 -output_ts_offset"),
			[]string{strconv.FormatFloat(at.Seconds(), 'f', 3, 64), "-f", "mpegts", srtAddress(t, raw, "publish") + options},
		)
		return launch(t, "ffmpeg", args...)
	}
}

// srtPlayer is ffmpeg, with more options in the address.
func srtPlayer(options string) func(*testing.T, string, string) viewing {
	return func(t *testing.T, raw, codec string) viewing {
		t.Helper()
		return ffmpegPlayer(t, srtPlay(t, raw)+options, codec)
	}
}

// srtSays is all that ffmpeg tells of a refusal.
func srtSays(_, _ string) string { return "Input/output error" }

// dialSRT comes as a client, and returns why it was refused.
func dialSRT(t *testing.T, host, id, passphrase string) (srt.Conn, error) {
	t.Helper()
	c := srt.DefaultConfig()
	c.StreamId, c.Passphrase = id, passphrase
	conn, err := srt.Dial("srt", host, c)
	if err == nil {
		t.Cleanup(func() { conn.Close() })
	}
	return conn, err
}

// TestSRTPassphrase has clients with the right passphrase, a wrong one and none.
func TestSRTPassphrase(t *testing.T) {
	t.Parallel()
	const right = "correct horse battery"
	f := serve(t, conf{srt: "passphrase \"" + right + "\"; pbkeylen 16;", vhost: "srt { enabled on; }"})
	c := newClip(t, "h264", "small")
	srtPublisher("&passphrase=wrong+horse+battery")(t, f.url("wrong"), c, 0)
	srtPublisher("")(t, f.url("none"), c, 0)
	srtPublisher("&passphrase="+url.QueryEscape(right)+"&pbkeylen=32")(t, f.url("right"), c, 0)
	published(t, f)
	v := srtPlayer("&passphrase="+url.QueryEscape(right))(t, f.url("right"), "h264")
	watched(t, map[string]viewing{"srt": v}, 60)
	finish(t, map[string]viewing{"srt": v}, expectation{clip: c, frames: 40})
	for name, code := range map[string]string{"wrong": "1010", "none": "1011"} {
		waitFor(t, "the refusal to be in the log", func() bool {
			return slices.ContainsFunc(f.log.Lines("refused"), func(l string) bool {
				return strings.Contains(l, "code="+code) && strings.Contains(l, "passphrase")
			})
		})
		if slices.ContainsFunc(f.log.Lines("msg=publishing"), func(l string) bool { return strings.Contains(l, "/live/"+name) }) {
			t.Errorf("%s publishes", name)
		}
	}
}

// TestSRTRefusals holds the codes that clients are told.
func TestSRTRefusals(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{srt: "latency 120;", vhost: "srt { enabled on; }\nsecurity { enabled on; allow play all; allow publish all; deny publish 127.0.0.9; }",
		more: "vhost off.test { enabled off; srt { enabled on; } }\nvhost bare.test { }\nvhost shut.test { srt { enabled on; } security { enabled on; deny publish all; } }"})
	srtPublisher("")(t, f.url("busy"), newClip(t, "h264", "small"), 0)
	published(t, f)
	for id, want := range map[string]srt.RejectionReason{
		"#!::r=live/busy,m=publish":          srt.REJX_CONFLICT,
		"#!::r=live/s,m=record":              srt.REJX_BAD_MODE,
		"#!::m=publish":                      srt.REJX_BAD_REQUEST,
		"#!::h=off.test,r=live/s,m=publish":  srt.REJX_FORBIDDEN,
		"#!::h=bare.test,r=live/s,m=publish": srt.REJX_FORBIDDEN,
		"#!::h=shut.test,r=live/s,m=publish": srt.REJX_FORBIDDEN,
		"#!::r=live/busy,m=request":          0,
		"live/busy":                          0,
	} {
		conn, err := dialSRT(t, f.rtmp, id, "")
		if want == 0 {
			if err != nil {
				t.Errorf("%s: %v", id, err)
				continue
			}
			b := make([]byte, 1500)
			if n, err := conn.Read(b); err != nil || n%188 != 0 || b[0] != 0x47 {
				t.Errorf("%s: %d bytes, %v", id, n, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), "("+strconv.FormatInt(int64(want), 32)+")") {
			t.Errorf("%s: %v; want %d", id, err, want)
		}
	}
	if conn, err := dialSRT(t, f.rtmp, "#!::r=live/s,m=publish", "a secret that nobody wants"); err == nil {
		conn.Close()
		t.Error("a passphrase where there is none is accepted")
	}
}

// TestSRTTools publishes and plays with Haivision's own tool and with GStreamer.
func TestSRTTools(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{srt: "latency 120;", vhost: "srt { enabled on; }"})
	c := newClip(t, "h264", "small")
	feed := freeAddress(t)
	launch(t, "ffmpeg", slices.Concat(strings.Fields("-hide_banner -loglevel error -re -stream_loop -1 -i"), []string{c.file},
		strings.Fields("-c copy -muxdelay 0 -muxpreload 0 -pes_payload_size 0 -f mpegts udp://"+feed+"?pkt_size=1316"))...)
	_, id := srtID(t, f.url("s"), "publish")
	launch(t, "srt-live-transmit", "-q", "udp://"+feed, "srt://"+f.rtmp+"?streamid="+id)
	published(t, f)
	views := map[string]viewing{"srt": srtPlayer("")(t, f.url("s"), "h264"), "rtmp": ffmpegPlayer(t, f.url("s"), "h264")}
	file := filepath.Join(t.TempDir(), "transmitted.ts")
	_, id = srtID(t, f.url("s"), "request")
	out := launch(t, "srt-live-transmit", "-q", "srt://"+f.rtmp+"?streamid="+id, "file://con")
	gst := filepath.Join(t.TempDir(), "gst.ts")
	launch(t, "gst-launch-1.0", "-q", "srtsrc", "uri=srt://"+f.rtmp+"?streamid=live/s", "!", "filesink", "buffer-mode=unbuffered", "location="+gst)
	watched(t, views, 75)
	finish(t, views, expectation{clip: c, frames: 40})
	out.interrupt()
	if err := os.WriteFile(file, []byte(out.out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, each := range []string{file, gst} {
		if n := decodes(t, each); n < 40 {
			t.Errorf("%s: %d pictures", filepath.Base(each), n)
		}
	}
}

// TestSRTGStreamer publishes with GStreamer.
func TestSRTGStreamer(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{srt: "latency 120; passphrase \"a long enough secret\";", vhost: "srt { enabled on; }"})
	c := newClip(t, "h264", "small")
	_, id := srtID(t, f.url("s"), "publish")
	launch(t, "gst-launch-1.0", "-q", "-e",
		"filesrc", "location="+c.file, "!", "flvdemux", "name=d",
		"d.video", "!", "queue", "!", "h264parse", "!", "identity", "sync=true", "!", "mux.",
		"d.audio", "!", "queue", "!", "aacparse", "!", "mux.",
		"mpegtsmux", "name=mux", "alignment=7", "!", "srtsink", "uri=srt://"+f.rtmp, "streamid="+id, "passphrase=a long enough secret", "pbkeylen=16")
	published(t, f)
	views := map[string]viewing{"rtmp": ffmpegPlayer(t, f.url("s"), "h264"), "srt": srtPlayer("&passphrase=a+long+enough+secret")(t, f.url("s"), "h264")}
	watched(t, views, 75)
	finish(t, views, expectation{clip: c, frames: 40})
}

// TestSRTEnds has players end with the publisher, within a second.
func TestSRTEnds(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{srt: "latency 120;", vhost: "srt { enabled on; }"})
	p := srtPublisher("")(t, f.url("s"), newClip(t, "h264", "small"), 0)
	published(t, f)
	conn, err := dialSRT(t, f.rtmp, "live/s", "")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	got := make(chan struct{})
	go func() {
		b := make([]byte, 1500)
		for n := 0; ; n++ {
			if _, err := conn.Read(b); err != nil {
				close(ended)
				return
			}
			if n == 50 {
				close(got)
			}
		}
	}()
	<-got
	p.stop()
	unpublished(t, f)
	select {
	case <-ended:
	case <-time.After(time.Second):
		t.Error("a second after the publisher the player is still there")
	}
	f.said(t, 1, "srt-play ended", "the publisher has ended")
	if conn, err := dialSRT(t, f.rtmp, "#!::r=live/t,m=publish", ""); err != nil {
		t.Error(err)
	} else {
		published(t, f)
		f.kick(f.publishers()[0].ID)
		if _, err := conn.Read(make([]byte, 1500)); err == nil || errors.Is(err, srt.ErrListenerClosed) {
			t.Errorf("kicked: %v", err)
		}
	}
}
