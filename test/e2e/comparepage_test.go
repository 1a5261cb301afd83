package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// tile is a player of the comparison as the page has it.
type tile struct {
	Kind    string  `json:"kind"`
	State   string  `json:"state"`
	Time    float64 `json:"time"`
	Latency string  `json:"latency"`
	Target  string  `json:"target"`
	Stalls  string  `json:"stalls"`
	Silent  bool    `json:"silent"`
	Width   int     `json:"width"`
}

const readTiles = `[...document.querySelectorAll('.tile')].map((t) => {
	const video = t.querySelector('video');
	return {
		kind: t.dataset.kind, state: t.dataset.state, time: video.currentTime, silent: video.muted, width: t.offsetWidth,
		latency: t.querySelector('.latency').textContent, target: t.querySelector('.aim').textContent,
		stalls: t.querySelector('.stalls').textContent,
	};
})`

// compares waits until so many players are at work, and have gone on for two seconds.
func (b *browser) compares(kinds ...string) map[string]tile {
	b.t.Helper()
	b.state("comparing")
	all := fmt.Sprintf("document.querySelectorAll('.tile[data-state=playing]').length === %d", len(kinds))
	b.until("all players of the comparison", all)
	from := map[string]float64{}
	for _, t := range ask[[]tile](b, readTiles) {
		from[t.Kind] = t.Time
	}
	tiles := map[string]tile{}
	ok := poll(func() bool {
		gone := 0
		for _, t := range ask[[]tile](b, readTiles) {
			tiles[t.Kind] = t
			if t.Time > from[t.Kind]+2 && t.Latency != "–" {
				gone++
			}
		}
		return gone == len(kinds)
	})
	if !ok {
		b.t.Errorf("not all players go on: from %v to %+v", from, tiles)
	}
	for _, kind := range kinds {
		if t := tiles[kind]; !t.Silent || t.Stalls == "" {
			b.t.Errorf("the player of %s: %+v", kind, t)
		}
	}
	return tiles
}

// TestPagesCompare goes to the comparison and back, by the button and by the address.
func TestPagesCompare(t *testing.T) {
	t.Parallel()
	f := serve(t, watchable(t))
	encoder := camera(t, f.url("garden"), "640x360")
	waitFor(t, "playlists", func() bool {
		return webStatus(f, "/live/garden.m3u8") == 200 && webStatus(f, "/live/garden.mpd") == 200
	})
	b := openBrowser(t, f)
	b.open("/players/?stream=live/garden")
	b.moves()
	b.click("#compare")
	b.compares("flv", "hls", "dash")
	if got := ask[string](b, "location.search"); got != "?stream=live/garden&compare=1" {
		t.Errorf("the address has become %q", got)
	}
	if got := ask[string](b, "document.getElementById('compare').ariaPressed"); got != "true" {
		t.Errorf("the button says it is pressed: %s", got)
	}
	b.fits()
	b.size(390, 844)
	b.fits()
	for _, tile := range ask[[]tile](b, readTiles) {
		if tile.Width < 300 {
			t.Errorf("on a phone the player of %s is %d pixels wide", tile.Kind, tile.Width)
		}
	}

	encoder.interrupt()
	b.until("the end to be said", "document.querySelectorAll('.tile[data-state=ended]').length === 3")
	camera(t, f.url("garden"), "640x360")
	b.compares("flv", "hls", "dash")

	b.click("#formats button[value=hls]")
	b.moves()
	if got := ask[string](b, "location.search"); got != "?stream=live/garden&format=hls" {
		t.Errorf("the address has become %q", got)
	}
	if left := ask[int](b, "document.querySelectorAll('.tile').length"); left != 0 {
		t.Errorf("%d players of the comparison stay", left)
	}
	b.open("/players/?stream=live/garden&compare=1")
	b.compares("flv", "hls", "dash")
	b.do(chromedp.Focus("#compare"), chromedp.KeyEvent(kb.Enter))
	b.moves()
}
