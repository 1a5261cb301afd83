package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPagesPictures makes the pictures of docs/images, where WEIR_PICTURES is set.
func TestPagesPictures(t *testing.T) {
	if os.Getenv("WEIR_PICTURES") == "" {
		t.Skip("WEIR_PICTURES is not set")
	}
	f := serve(t, watchable(t))
	for name, size := range map[string]string{"garden": "1280x720", "stage-left": "640x360", "stage-right": "640x360"} {
		camera(t, f.url(name), size)
	}
	b := openBrowser(t, f)
	for _, page := range []struct{ name, path, ready string }{
		{"streams", "/", "[...document.querySelectorAll('.card')].filter((c) => /bps/.test(c.textContent) && /Live [1-9][0-9] s/.test(c.textContent)).length === 3"},
		{"player", "/players/?stream=live/garden", "/of [3-9][0-9][0-9]/.test(document.getElementById('dropped').textContent)"},
	} {
		b.size(1280, 800)
		b.scheme("light")
		b.open(page.path)
		b.until("the page to be complete", page.ready)
		b.keep(page.name + "-light")
		b.scheme("dark")
		b.keep(page.name + "-dark")
		b.size(390, 844)
		b.scheme("light")
		b.keep(page.name + "-phone")
	}
}

// TestPagesQuickPictures makes those of low latency, with a picture that tells the time.
func TestPagesQuickPictures(t *testing.T) {
	if os.Getenv("WEIR_PICTURES") == "" {
		t.Skip("WEIR_PICTURES is not set")
	}
	f := serve(t, quickly(t))
	launch(t, "ffmpeg", strings.Fields("-hide_banner -loglevel error -re -f lavfi -i testsrc2=size=1280x720:rate=25 "+
		"-f lavfi -i sine=frequency=440:sample_rate=44100 "+
		"-c:v libx264 -preset ultrafast -tune zerolatency -g 25 -pix_fmt yuv420p -b:v 1500k -c:a aac -f flv "+f.url("studio"))...)
	waitFor(t, "the publisher", func() bool { return len(f.publishers()) == 1 })
	b := openBrowser(t, f)
	for _, page := range []struct{ name, query, scheme, ready string }{
		{"player-ll-hls", "format=hls", "light", "/of [5-9][0-9][0-9]/.test(document.getElementById('dropped').textContent)"},
		{"player-ll-dash", "format=dash", "dark", "/of [5-9][0-9][0-9]/.test(document.getElementById('dropped').textContent)"},
		{"compare", "compare=1", "light", "[...document.querySelectorAll('.tile video')].filter((v) => v.getVideoPlaybackQuality().totalVideoFrames > 500).length === 3"},
	} {
		b.scheme(page.scheme)
		b.open("/players/?stream=live/studio&" + page.query)
		b.until("the page to be complete", page.ready)
		b.keep(page.name)
	}
	b.size(390, 844)
	b.keep("compare-phone")
}

// TestRTCPictures makes those of WebRTC, with a camera that shows something.
func TestRTCPictures(t *testing.T) {
	if os.Getenv("WEIR_PICTURES") == "" {
		t.Skip("WEIR_PICTURES is not set")
	}
	film := filepath.Join(t.TempDir(), "film.y4m")
	run(t, "ffmpeg", strings.Fields("-hide_banner -loglevel error -f lavfi -i gradients=size=1280x720:rate=25:duration=12:"+
		"c0=0x0b6b8f:c1=0xf2b134:c2=0xe9eff3:c3=0x0d2b3a:nb_colors=4:seed=7:speed=0.02 -pix_fmt yuv420p "+film)...)
	f := serve(t, conf{rtc: " ", vhost: "rtc { enabled on; }"})
	publisher := openBrowser(t, f, append([]string{"use-file-for-fake-video-capture=" + film}, pageSwitches...)...)
	publisher.scheme("light")
	publisher.goLive("studio")
	publisher.until("all figures", allFigures+" && /Live for [1-9][0-9] s/.test(document.getElementById('about').textContent)")
	ask[any](publisher, "void(document.getElementById('camera').options[0].text = 'Camera of the desk')")
	publisher.keep("publish-light")
	publisher.size(390, 844)
	publisher.keep("publish-phone")
	player := openBrowser(t, f, pageSwitches...)
	player.scheme("dark")
	player.open("/players/?stream=live/studio")
	player.until("the page to be complete", allFigures+" && /of [3-9][0-9][0-9]/.test(document.getElementById('dropped').textContent)")
	player.keep("player-webrtc")
	player.open("/players/")
	publisher.open("/players/")
	unpublished(t, f)
}

// keep takes a picture of the window for the docs.
func (b *browser) keep(name string) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join("../../docs/images", name+".png"), b.shot(), 0o644); err != nil {
		b.t.Fatal(err)
	}
}
