//go:build soak

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSoakEdgePlayers is TestEdgePlayers with other codecs, and with more runs of the origin. The clips of the others are short: where
// one begins again a frame lasts longer, and so does the part of HLS that it is in.
func TestSoakEdgePlayers(t *testing.T) {
	for _, c := range []struct{ publisher, codec, without string }{
		{"ffmpeg7-hvc1", "hevc", "hls-low"}, {"ffmpeg7-av01", "av1", "hls-low"}, {"ffmpeg", "h264", ""},
	} {
		t.Run(c.codec, func(t *testing.T) {
			for _, p := range publishers {
				if p.name == c.publisher {
					edgePlayers(t, p.start, c.codec, 3, c.without)
				}
			}
		})
	}
}

// TestSoakEdgeBrowser has the players of web pages come first to a stream that an edge does not have, which must neither give up nor
// complain.
func TestSoakEdgeBrowser(t *testing.T) {
	for name, script := range map[string]string{
		"hls.js":  `<script src="/players/vendor/hls.min.js"></script><script>const h = new Hls(); h.on(Hls.Events.ERROR, (_, e) => { if (e.fatal) failed = e.details; }); h.loadSource("/live/garden.m3u8"); h.attachMedia(video);</script>`,
		"dash.js": `<script src="/players/vendor/dash.mediaplayer.min.js"></script><script>const d = dashjs.MediaPlayer().create(); d.updateSettings({ debug: { logLevel: 0 } }); d.initialize(video, "/live/garden.mpd", true); d.on("error", (e) => { failed = e.error.message; });</script>`,
	} {
		t.Run(name, func(t *testing.T) {
			origin := serve(t, conf{name: "origin"})
			at := watchable(t)
			at.name, at.vhost = "edge", "cluster { mode remote; origin "+origin.rtmp+"; }\n"+at.vhost
			edge := serve(t, at)
			dir := strings.Trim(strings.Fields(at.http)[1], ";")
			page := `<!doctype html><link rel="icon" href="data:,"><body><video id="video" muted autoplay></video><script>let failed = ""; const video = document.getElementById("video");</script>` + script
			if err := os.WriteFile(filepath.Join(dir, "page.html"), []byte(page), 0o600); err != nil {
				t.Fatal(err)
			}
			camera(t, origin.url("garden"), "640x360")
			published(t, origin)
			b := openBrowser(t, edge)
			b.open("/page.html")
			b.until("the picture to move", "video.currentTime > 3")
			if said := ask[string](b, "failed"); said != "" {
				t.Errorf("the player says %s", said)
			}
			if sample := ask[[]float64](b, sampleVideo); sample[0] < 20 || sample[1] < 8 {
				t.Errorf("the picture is black or of one colour: mean %.1f, %v colours", sample[0], sample[1])
			}
		})
	}
}

// TestSoakEdgePage has each player of the page ask for what nobody publishes, say so, and play it once it is published, and
// again after its end. Each asks once at a time: what is refused is not asked for again to find out why.
func TestSoakEdgePage(t *testing.T) {
	for _, format := range []string{"webrtc", "flv", "hls", "dash"} {
		t.Run(format, func(t *testing.T) {
			origin := serve(t, conf{name: "origin"})
			at := paged(t, "wait_timeout 8;", "hls_window 8;", "")
			at.name, at.rtc = "edge", " "
			at.vhost = "cluster { mode remote; origin " + origin.rtmp + "; }\n" + bridges + at.vhost
			b := openBrowser(t, serve(t, at), pageSwitches...)
			b.open("/players/?stream=live/garden&format=" + format)
			b.says("#state", "Asking other servers")
			b.says("#hint", "starts here by itself")
			b.says("#hint", "Asked for again in 1 s.")
			b.until("the next time", "document.getElementById('again').hidden")
			b.says("#hint", "Asked for again in 2 s.")
			if asked := strings.Count(origin.log.String(), "playing, once somebody publishes"); asked < 2 || asked > 4 { // each time maybe anew, as it is silent
				t.Errorf("the origin was asked for the stream %d times", asked)
			}
			for range 2 {
				encoder := camera(t, origin.url("garden"), "640x360")
				b.plays(format)
				b.moves()
				b.lit()
				encoder.interrupt()
				b.state("ended")
			}
			b.complaints() // Chromium itself tells of the status on its console
			b.open("/players/")
			b.state("failed")
		})
	}
}
