package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// rtcSwitches give a browser a camera and a microphone that do not exist, and WebRTC on this machine alone.
var rtcSwitches = []string{"allow-loopback-in-peer-connection", "use-fake-device-for-media-stream", "use-fake-ui-for-media-stream"}

// goLive has the page that publishes take the camera and start.
func (b *browser) goLive(name string) {
	b.t.Helper()
	b.open("/players/publish.html?stream=live/" + name)
	b.click("#begin")
	b.state("ready")
	b.click("#go")
	b.until("the stream to be on", "!document.getElementById('badge').hidden")
}

// plays checks which player is at work.
func (b *browser) plays(format string) {
	b.t.Helper()
	b.state("playing")
	if got := ask[string](b, "document.getElementById('main').dataset.format"); got != format {
		b.t.Errorf("what plays is %s, want %s; the page says:\n%s", got, format, ask[string](b, "document.body.innerText"))
	}
}

// value returns what the row of that name says among the figures.
func (b *browser) value(name string) string {
	b.t.Helper()
	return ask[string](b, fmt.Sprintf("[...document.querySelectorAll('.figures div')].find((d) => d.firstElementChild.textContent === %q)?.lastElementChild.textContent ?? 'nothing'", name))
}

// TestRTCPages publishes on one page and watches on the other. The API has a port of its own.
func TestRTCPages(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{rtc: " ", vhost: "rtc { enabled on; }"})
	publisher := openBrowser(t, f, rtcSwitches...)
	publisher.goLive("cam")
	published(t, f)
	if got := f.publishers()[0]; got.Type != "rtc-publish" || got.URL != "/live/cam" {
		t.Errorf("the API lists %+v", got)
	}
	publisher.until("all figures", "[...document.querySelectorAll('.figures dd')].every((d) => d.textContent !== '–')")
	t.Log(ask[string](publisher, "document.querySelector('.measured').innerText"))
	player := openBrowser(t, f, rtcSwitches...)
	player.open("/players/?stream=live/cam")
	player.plays("webrtc")
	t.Log(ask[string](player, "document.querySelector('.measured').innerText"))
	player.moves()
	player.until("all figures", "[...document.querySelectorAll('.figures dd')].every((d) => d.textContent !== '–')")
	t.Log(ask[string](player, "document.querySelector('.measured').innerText"))
	player.delay(0.5)
	if got := player.value("Codecs"); !strings.HasSuffix(got, " + Opus") {
		t.Errorf("the codecs are %s", got)
	}
	player.open("/players/")
	waitFor(t, "the player to be gone", func() bool { return len(f.players()) == 0 })
	publisher.open("/players/")
	unpublished(t, f)
}
