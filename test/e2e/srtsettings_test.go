package e2e

import (
	"testing"
	"time"

	"github.com/datarhei/gosrt"

	weather "weir/internal/testkit/relay"
)

// TestSRTSettings has each directive of srt_server with two values.
func TestSRTSettings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		values [2]string
		look   func(t *testing.T, f *fixture) any
		want   [2]any
	}{
		"enabled":           {[2]string{"enabled on", "enabled off"}, srtIn, [2]any{true, false}},
		"default_app":       {[2]string{"default_app live", "default_app other"}, srtApp, [2]any{"/live/s", "/other/s"}},
		"recvlatency":       {[2]string{"recvlatency 120", "recvlatency 700"}, srtReceives, [2]any{uint64(120), uint64(700)}},
		"latency":           {[2]string{"latency 130", "latency 800"}, srtReceives, [2]any{uint64(130), uint64(800)}},
		"peerlatency":       {[2]string{"peerlatency 0", "peerlatency 900"}, srtSends, [2]any{uint64(120), uint64(900)}},
		"payloadsize":       {[2]string{"payloadsize 1316", "payloadsize 400"}, srtPacket, [2]any{1316, 376}},
		"mss":               {[2]string{"mss 1500", "mss 640"}, srtPacket, [2]any{1316, 564}},
		"peer_idle_timeout": {[2]string{"peer_idle_timeout 1000", "peer_idle_timeout 20000"}, srtGone, [2]any{true, false}},
		"maxbw":             {[2]string{"maxbw -1", "maxbw 5000"}, srtSlow, [2]any{false, true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i, value := range c.values {
				f := serve(t, conf{srt: value + ";", vhost: "srt { enabled on; }\nplay { gop_cache on; }"})
				if got := c.look(t, f); got != c.want[i] {
					t.Errorf("%s: %v, want %v", value, got, c.want[i])
				}
			}
		})
	}
}

// srtIn tells whether anybody is let in.
func srtIn(t *testing.T, f *fixture) any {
	t.Helper()
	_, err := dialSRT(t, f.rtmp, "#!::r=live/s,m=publish", "")
	return err == nil
}

// srtApp is the stream that a name alone plays.
func srtApp(t *testing.T, f *fixture) any {
	t.Helper()
	if _, err := dialSRT(t, f.rtmp, "s", ""); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the player", func() bool { return len(f.players()) == 1 })
	return f.players()[0].URL
}

// srtReceives is how late the server hands on what it receives, in ms.
func srtReceives(t *testing.T, f *fixture) any {
	t.Helper()
	return srtDelays(t, f).MsSendTsbPdDelay
}

// srtSends is how late a player does.
func srtSends(t *testing.T, f *fixture) any {
	t.Helper()
	return srtDelays(t, f).MsRecvTsbPdDelay
}

func srtDelays(t *testing.T, f *fixture) srt.StatisticsInstantaneous {
	t.Helper()
	conn, err := dialSRT(t, f.rtmp, "live/s", "")
	if err != nil {
		t.Fatal(err)
	}
	var s srt.Statistics
	conn.Stats(&s)
	return s.Instantaneous
}

// srtOfRTMP plays by SRT what is published by RTMP.
func srtOfRTMP(t *testing.T, f *fixture, size string) srt.Conn {
	t.Helper()
	ffmpegPublisher("ffmpeg")(t, f.url("s"), newClip(t, "h264", size), 0)
	published(t, f)
	conn, err := dialSRT(t, f.rtmp, "live/s", "")
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// srtPacket is how large a packet of a key frame is that a player gets of a publisher of RTMP.
func srtPacket(t *testing.T, f *fixture) any {
	t.Helper()
	conn := srtOfRTMP(t, f, "large")
	largest := 0
	for range 60 {
		b := make([]byte, 2000)
		n, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		largest = max(largest, n)
	}
	return largest
}

// srtGone tells whether a player that is cut off is gone after 5 s.
func srtGone(t *testing.T, f *fixture) any {
	t.Helper()
	r := weather.New(t, f.rtmp, weather.Weather{}, weather.Weather{})
	if _, err := dialSRT(t, r.Addr(), "live/s", ""); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the player", func() bool { return len(f.players()) == 1 })
	r.Filter(func(up bool, _ []byte) bool { return !up })
	gone := poll2(5*time.Second, func() bool { return len(f.players()) == 0 })
	r.Filter(nil)
	return gone
}

// srtSlow tells whether a player gets less than the stream has.
func srtSlow(t *testing.T, f *fixture) any {
	t.Helper()
	conn := srtOfRTMP(t, f, "small")
	bytes, b := 0, make([]byte, 2000)
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); {
		n, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		bytes += n
	}
	return bytes < 5*8000
}

// TestSRTToRTMP has what comes over SRT for all, and for SRT players alone.
func TestSRTToRTMP(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{"on": true, "off": false} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			f := serve(t, conf{srt: "latency 120;", vhost: "srt { enabled on; srt_to_rtmp " + value + "; }"})
			c := newClip(t, "h264", "small")
			srtPublisher("")(t, f.url("s"), c, 0)
			published(t, f)
			views := map[string]viewing{"srt": srtPlayer("")(t, f.url("s"), "h264")}
			other := playClient(t, f.url("s"))
			watched(t, views, 75)
			finish(t, views, expectation{clip: c, frames: 50})
			if got := other.frames() > 0; got != want {
				t.Errorf("an RTMP player has %d pictures", other.frames())
			}
			other.client.Close()
		})
	}
}

// TestSRTHooks has the callbacks of a publisher and a player, with the parameters of their stream ids.
func TestSRTHooks(t *testing.T) {
	t.Parallel()
	v := receive(t, nil)
	f := serve(t, conf{srt: "latency 120;", vhost: v.hooks("") + "srt { enabled on; }"})
	p := srtPublisher(",token=x")(t, f.url("s"), newClip(t, "h264", "small"), 0)
	published(t, f)
	conn, err := dialSRT(t, f.rtmp, "live/s?a=b", "")
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the player", func() bool { return len(f.players()) == 1 })
	conn.Close()
	waitFor(t, "the player to be gone", func() bool { return len(f.players()) == 0 })
	p.stop()
	unpublished(t, f)
	for action, param := range map[string]string{
		"on_connect": "", "on_publish": "token=x", "on_play": "a=b", "on_stop": "a=b", "on_unpublish": "token=x", "on_close": "",
	} {
		if c := v.wait(1, action)[0]; param != "" && c.Param != param || c.Vhost != "__defaultVhost__" || c.App != "live" {
			t.Errorf("%s: %s", action, c.body)
		}
	}
}
