package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// says waits for words in an element of the page.
func (b *browser) says(selector, words string) {
	b.t.Helper()
	if !poll(func() bool { return strings.Contains(b.text(selector), words) }) {
		b.t.Fatalf("%s says %q, want %q", selector, b.text(selector), words)
	}
}

// TestEdgePage has the page of an edge play what is published at the origin alone, also once somebody publishes it there, and
// again after an end. The page asks no more often than it says.
func TestEdgePage(t *testing.T) {
	t.Parallel()
	origin := serve(t, conf{name: "origin"})
	at := watchable(t)
	at.name, at.rtc = "edge", " "
	at.vhost = "cluster { mode remote; origin " + origin.rtmp + "; }\n" + bridges + at.vhost
	edge := serve(t, at)
	camera(t, origin.url("garden"), "640x360")
	published(t, origin)
	b := openBrowser(t, edge, pageSwitches...)
	b.open("/")
	b.state("empty")
	b.says("#tally", "Nothing is on here") // for all that is known here, somebody publishes elsewhere
	b.size(390, 844)
	b.fits()
	b.do(chromedp.SendKeys("#wanted", "live/garden"))
	b.click("#choose button")
	b.plays("webrtc")
	b.moves()
	b.lit()

	b.open("/players/?stream=live/later&format=flv")
	b.says("#state", "Asking other servers")
	asked, hint := 0, ""
	waitFor(t, "that it was in vain", func() bool {
		hint = b.text("#hint")
		asked = strings.Count(edge.log.String(), "playing, once somebody publishes")
		return strings.Contains(hint, "Asked for again in ") && hint == b.text("#hint")
	})
	if state, title := ask[string](b, "document.getElementById('main').dataset.state"), b.text("#state"); state != "waiting" || !strings.Contains(title, "not there yet") {
		t.Errorf("the page says %q in the state %s", title, state)
	}
	wait := []string{"", "1 s", "2 s", "4 s"}[min(asked, 3)] // after so many times
	if want := "nobody publishes it there yet, or they cannot be reached. Asked for again in " + wait + "."; !strings.Contains(hint, want) {
		t.Errorf("when it was asked for %d times the page says %q, want %q", asked, hint, want)
	}
	encoder := camera(t, origin.url("later"), "640x360")
	b.plays("flv")
	encoder.interrupt()
	b.state("ended")
	camera(t, origin.url("later"), "640x360")
	b.plays("flv")
	b.lit()

	b.open("/players/?stream=live/garden&compare=1")
	b.compares("webrtc", "flv", "hls", "dash")
	b.complaints()      // Chromium itself tells of the status on its console
	b.open("/players/") // its sessions end
	b.state("failed")
}
