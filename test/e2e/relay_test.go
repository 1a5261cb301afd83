package e2e

import (
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// rest ends what a fixture relays, so that its sessions end before it does.
func (f *fixture) rest(c conf) {
	f.t.Cleanup(func() { f.reload(c) })
}

// said waits until the log has so many lines with all of the words.
func (f *fixture) said(t *testing.T, lines int, words ...string) {
	t.Helper()
	waitFor(t, "the log to say "+strings.Join(words, " "), func() bool { return len(f.logged(words...)) >= lines })
}

func (f *fixture) logged(words ...string) []string {
	return slices.DeleteFunc(f.log.Lines(words[0]), func(l string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(l, w) })
	})
}

// evenAddress is an address whose port and the next are free.
func evenAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := freeAddress(t)
		_, port, _ := strings.Cut(address, ":")
		if (port[len(port)-1]-'0')%2 == 0 {
			return address
		}
	}
	t.Fatal("no port is even")
	return ""
}

// TestForward sends a stream on to another server: by RTMP and SRT, with and without names of its own. What comes over
// SRT goes on by packets, what comes over RTMP by frames. A target that throws the stream out is sent it again.
func TestForward(t *testing.T) {
	t.Parallel()
	const secret = "a long enough secret"
	for source, publish := range map[string]func(*testing.T, string, clip, time.Duration) publication{
		"rtmp": ffmpegPublisher("ffmpeg"), "srt": srtPublisher(""),
	} {
		for name, to := range map[string]struct{ destination, srt, stream string }{
			"rtmp":       {"HOST", "", "s"},
			"rtmp named": {"rtmp://HOST/live/[stream]_copy", "", "s_copy"},
			"srt":        {"srt://HOST", "latency 120;", "s"},
			"srt secret": {`"srt://HOST?passphrase=` + url.QueryEscape(secret) + `&latency=200&streamid=#!::r=[app]/[stream]_copy,m=publish"`, `passphrase "` + secret + `"; latency 120;`, "s_copy"},
		} {
			t.Run(source+" "+name, func(t *testing.T) {
				t.Parallel()
				far := serve(t, conf{srt: to.srt, vhost: "srt { enabled on; }"})
				near := serve(t, conf{srt: "latency 120;", vhost: "srt { enabled on; }\nforward { enabled on; destination " + strings.ReplaceAll(to.destination, "HOST", far.rtmp) + "; }"})
				c := newClip(t, "h264", "small")
				p := publish(t, near.url("s"), c, 0)
				published(t, far)
				views := map[string]viewing{"rtmp": ffmpegPlayer(t, far.url(to.stream), "h264")}
				watched(t, views, 60)
				finish(t, views, expectation{clip: c, frames: 40})
				far.kick(far.publishers()[0].ID)
				near.said(t, 2, "stream is sent on", "level=INFO", "stream=/live/s")
				published(t, far)
				if lines := near.logged("stream is not sent on"); len(lines) != 1 {
					t.Errorf("the log says %q", lines)
				}
				p.stop()
				unpublished(t, far)
				near.said(t, 1, "stream was sent on to its end")
				if strings.Contains(near.log.String(), "enough") {
					t.Error("the passphrase is in the log")
				}
			})
		}
	}
}

// TestForwardReload turns the sending on and off while a stream is live.
func TestForwardReload(t *testing.T) {
	t.Parallel()
	far, other := serve(t, conf{srt: "latency 120;", vhost: "srt { enabled on; }"}), serve(t, conf{})
	near := serve(t, conf{})
	ffmpegPublisher("ffmpeg")(t, near.url("s"), newClip(t, "h264", "small"), 0)
	published(t, near)
	near.reload(conf{vhost: "forward { enabled on; destination srt://" + far.rtmp + "; }"})
	published(t, far)
	near.reload(conf{vhost: "forward { enabled on; destination " + other.rtmp + "; }"})
	published(t, other)
	unpublished(t, far)
	near.reload(conf{vhost: "forward { enabled off; destination " + other.rtmp + "; }"})
	unpublished(t, other)
}

// TestForwardUnreachable has a target that is not there, and one that refuses: neither disturbs the stream nor the other
// target, each is told of once, and no attempt leaves anything behind.
func TestForwardUnreachable(t *testing.T) {
	t.Parallel()
	far := serve(t, conf{srt: "latency 120;", vhost: "srt { enabled on; }\nsecurity { enabled on; deny publish all; }", more: "vhost open.test { }"})
	nobody := freeAddress(t)
	near := serve(t, conf{vhost: "forward { enabled on; destination srt://" + nobody + "?connect_timeout=500 srt://" + far.rtmp + " rtmp://" + far.rtmp + "/live/[stream]?vhost=open.test; }"})
	c := newClip(t, "h264", "small")
	p := ffmpegPublisher("ffmpeg")(t, near.url("s"), c, 0)
	published(t, far)
	near.said(t, 1, "stream is not sent on", nobody, "timeout")
	near.said(t, 1, "stream is not sent on", far.rtmp, "code 1403: it does not allow it")
	views := map[string]viewing{"near": ffmpegPlayer(t, near.url("s"), "h264"), "far": ffmpegPlayer(t, far.url("s")+"?vhost=open.test", "h264")}
	watched(t, views, 200) // several attempts
	finish(t, views, expectation{clip: c, frames: 150})
	if lines := near.logged("stream is not sent on"); len(lines) != 2 {
		t.Errorf("the log says %q", lines)
	}
	p.stop()
	unpublished(t, far)
}

// TestForwardListener has receivers call for the stream.
func TestForwardListener(t *testing.T) {
	t.Parallel()
	at := freeAddress(t)
	near := serve(t, conf{vhost: `forward { enabled on; destination "srt://` + at + `?mode=listener&passphrase=only+for+friends"; }`})
	c := newClip(t, "h264", "small")
	p := ffmpegPublisher("ffmpeg")(t, near.url("s"), c, 0)
	near.said(t, 1, "waiting for SRT peers to call")
	views := map[string]viewing{}
	for _, name := range []string{"one", "two"} {
		views[name] = ffmpegPlayer(t, "srt://"+at+"?passphrase=only+for+friends", "h264")
	}
	if _, err := dialSRT(t, at, "", "guess what it may be"); err == nil {
		t.Error("a wrong passphrase is taken")
	}
	watched(t, views, 60)
	finish(t, views, expectation{clip: c, frames: 40})
	conn, err := dialSRT(t, at, "", "only for friends")
	if err != nil {
		t.Fatal(err)
	}
	p.stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for b := make([]byte, 1500); err == nil; {
			_, err = conn.Read(b)
		}
	}()
	select {
	case <-ended:
	case <-time.After(2 * time.Second):
		t.Error("two seconds after the publisher the receiver is still there")
	}
}

// TestForwardRIST sends a stream to another server by RIST, and to librist.
func TestForwardRIST(t *testing.T) {
	t.Parallel()
	at, bare := evenAddress(t), evenAddress(t)
	far := serve(t, conf{global: "stream_caster { enabled on; caster rist; listen " + at + "; output rtmp://127.0.0.1/live/came; }"})
	near := serve(t, conf{srt: "latency 120;", vhost: "srt { enabled on; }\nforward { enabled on; destination rist://" + at + " rist://" + bare + "; }"})
	feed := freeAddress(t)
	launch(t, "ristreceiver", "-p", "0", "-i", "rist://@"+bare, "-o", "udp://"+feed)
	received := ffmpegPlayer(t, "udp://"+feed+"?timeout=20000000", "h264")
	c := newClip(t, "h264", "small")
	p := srtPublisher("")(t, near.url("s"), c, 0)
	published(t, far)
	views := map[string]viewing{"weir": ffmpegPlayer(t, far.url("came"), "h264"), "librist": received}
	watched(t, views, 100)
	finish(t, views, expectation{clip: c, frames: 40})
	p.stop()
	unpublished(t, far)
}

// TestIngest fetches streams of another server, and has them sent here.
func TestIngest(t *testing.T) {
	t.Parallel()
	const secret = "a long enough secret"
	far := serve(t, conf{srt: "latency 120; passphrase \"" + secret + "\";", vhost: "srt { enabled on; }"})
	c := newClip(t, "h264", "small")
	srtPublisher("&passphrase="+url.QueryEscape(secret))(t, far.url("s"), c, 0)
	published(t, far)
	listens := freeAddress(t)
	for name, input := range map[string]string{
		"caller":   `"srt://` + far.rtmp + "?passphrase=" + url.QueryEscape(secret) + `&streamid=#!::r=live/s,m=request"`,
		"rtmp":     far.url("s"),
		"listener": `"srt://` + listens + "?mode=listener&passphrase=" + url.QueryEscape(secret) + `"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			with := func(on string) conf {
				return conf{vhost: "ingest it { enabled " + on + "; input { type stream; url " + input + "; } engine { enabled off; output rtmp://127.0.0.1:[port]/live?vhost=[vhost]/fetched; } }"}
			}
			near := serve(t, with("off"))
			near.reload(with("on"))
			near.rest(with("off"))
			if name == "listener" {
				near.said(t, 1, "waiting for SRT peers to call")
				if _, err := dialSRT(t, listens, "", "guess what it may be"); err == nil {
					t.Error("a wrong passphrase is taken")
				}
				sent := launch(t, "ffmpeg", slices.Concat(strings.Fields("-hide_banner -loglevel error -re -stream_loop -1 -i"), []string{c.file},
					strings.Fields("-c copy -muxdelay 0 -muxpreload 0 -pes_payload_size 0 -f mpegts"), []string{"srt://" + listens + "?pkt_size=1316&passphrase=" + url.QueryEscape(secret)})...)
				published(t, near)
				if conn, err := dialSRT(t, listens, "", secret); err == nil {
					conn.Close()
					t.Error("a second sender is taken")
				}
				defer sent.stop()
			}
			published(t, near)
			views := map[string]viewing{"rtmp": ffmpegPlayer(t, near.url("fetched"), "h264")}
			watched(t, views, 60)
			finish(t, views, expectation{clip: c, frames: 40})
			if got := near.publishers()[0]; got.Type != "ingest" || got.URL != "/live/fetched" {
				t.Errorf("the API lists %+v", got)
			}
			if name != "listener" {
				near.kick(near.publishers()[0].ID)
				unpublished(t, near)
				published(t, near) // again
			}
			if strings.Contains(near.log.String(), "enough") {
				t.Error("the passphrase is in the log")
			}
		})
	}
}

// TestIngestStandsBack leaves a stream to an encoder, until that has gone.
func TestIngestStandsBack(t *testing.T) {
	t.Parallel()
	far := serve(t, conf{})
	c := newClip(t, "h264", "small")
	ffmpegPublisher("ffmpeg")(t, far.url("s"), c, 0)
	published(t, far)
	with := func(on string) conf {
		return conf{vhost: "publish { takeover on; }\ningest it { enabled " + on + "; input { type stream; url " + far.url("s") + "; } engine { output rtmp://127.0.0.1/live/s; } }"}
	}
	near := serve(t, with("off"))
	near.reload(with("on"))
	near.rest(with("off"))
	published(t, near)
	ids := func() (types []string) {
		for _, p := range near.publishers() {
			types = append(types, p.Type)
		}
		return types
	}
	live := ffmpegPublisher("ffmpeg")(t, near.url("s"), c, 0)
	waitFor(t, "the encoder to take over", func() bool { return slices.Equal(ids(), []string{"fmle-publish"}) })
	time.Sleep(4 * time.Second) // longer than from one attempt to the next
	if got := ids(); !slices.Equal(got, []string{"fmle-publish"}) {
		t.Errorf("the publishers are %v", got)
	}
	live.stop()
	waitFor(t, "the ingest to come back", func() bool { return slices.Equal(ids(), []string{"ingest"}) })
}

// TestCasterUDP receives transport streams in datagrams: bare, in RTP, and of a multicast group. Rubbish and another
// sender change nothing, and when the sender has gone the stream ends.
func TestCasterUDP(t *testing.T) {
	t.Parallel()
	c := newClip(t, "h264", "small")
	for name, format := range map[string]string{"bare": "mpegts", "rtp": "rtp_mpegts", "group": "mpegts"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := freeAddress(t)
			_, port, _ := net.SplitHostPort(at)
			to := "udp://" + at + "?pkt_size=1316"
			with := func(on string) conf {
				return conf{global: "stream_caster { enabled " + on + "; caster mpegts_over_udp; listen " + at + "; output rtmp://127.0.0.1/live/came; }", vhost: "publish { normal_timeout 2000; }"}
			}
			switch name {
			case "rtp":
				to = "rtp://" + at + "?pkt_size=1328"
			case "group":
				to = "udp://239.255.7.7:" + port + "?pkt_size=1316&localaddr=127.0.0.1"
				with = func(on string) conf {
					return conf{vhost: "publish { normal_timeout 2000; }\ningest it { enabled " + on + "; input { type stream; url udp://@239.255.7.7:" + port + "?iface=lo; } engine { output rtmp://127.0.0.1/live/came; } }"}
				}
			}
			f := serve(t, with("on"))
			if name == "group" {
				f.rest(with("off"))
			}
			rubbish, err := net.Dial("udp", at)
			if err != nil {
				t.Fatal(err)
			}
			defer rubbish.Close()
			_, _ = rubbish.Write([]byte("rubbish"))
			p := launch(t, "ffmpeg", slices.Concat(strings.Fields("-hide_banner -loglevel error -re -stream_loop -1 -i"), []string{c.file},
				strings.Fields("-c copy -muxdelay 0 -muxpreload 0 -pes_payload_size 0 -f "+format), []string{to})...)
			published(t, f)
			_, _ = rubbish.Write([]byte("rubbish"))
			foreign := make([]byte, 1316)
			for at := 0; at < len(foreign); at += 188 {
				foreign[at], foreign[at+1], foreign[at+2] = 0x47, 0x41, 0x00
			}
			_, _ = rubbish.Write(foreign)
			views := map[string]viewing{"rtmp": ffmpegPlayer(t, f.url("came"), "h264")}
			watched(t, views, 60)
			finish(t, views, expectation{clip: c, frames: 40})
			p.stop()
			unpublished(t, f)
			f.said(t, 1, "publisher sent nothing for 2s")
			if name != "group" {
				f.said(t, 1, "ended", "foreign=1")
			}
		})
	}
}
