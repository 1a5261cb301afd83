package e2e

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// pageSwitches give a browser a camera and a microphone that do not exist, and WebRTC on this machine alone.
var pageSwitches = []string{"allow-loopback-in-peer-connection", "use-fake-device-for-media-stream", "use-fake-ui-for-media-stream"}

// goLive has the page that publishes take the camera and start.
func (b *browser) goLive(name string) {
	b.t.Helper()
	b.open("/players/publish.html?stream=live/" + name)
	b.click("#begin")
	b.state("ready")
	b.click("#go")
	b.until("the stream to be on", "!document.getElementById('badge').hidden")
}

// plays waits for a player to be at work, which must be that of a format.
func (b *browser) plays(format string) {
	b.t.Helper()
	b.until(format+" to play", fmt.Sprintf("(({state, format}) => state === 'playing' && format === %q)(document.getElementById('main')?.dataset ?? {})", format))
}

// value returns what the row of that name says among the figures.
func (b *browser) value(name string) string {
	b.t.Helper()
	return ask[string](b, fmt.Sprintf("[...document.querySelectorAll('.figures div')].find((d) => d.firstElementChild.textContent === %q)?.lastElementChild.textContent ?? 'nothing'", name))
}

// shows counts on the pictures of the player: so many more must come.
func (b *browser) shows(more int) {
	b.t.Helper()
	const count = "document.getElementById('video').getVideoPlaybackQuality().totalVideoFrames"
	from := ask[int](b, count)
	b.until("more pictures", fmt.Sprintf("%s >= %d", count, from+more))
}

// clockCamera has the camera show the time, as glass does, and has the page take it once more.
const clockCamera = `(() => {
	const canvas = document.createElement('canvas'), context = canvas.getContext('2d');
	canvas.width = 640; canvas.height = 360;
	setInterval(() => {
		const now = Date.now();
		for (let i = 0; i < 32; i++) {
			context.fillStyle = Math.floor(now / 2 ** (31 - i)) % 2 ? '#fff' : '#000';
			context.fillRect(i % 8 * 80, Math.floor(i / 8) * 80, 80, 80);
		}
	}, 20);
	const before = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
	navigator.mediaDevices.getUserMedia = async (want) => (want.video ? canvas.captureStream(25) : before(want));
	document.getElementById('camera').dispatchEvent(new Event('change'));
})()`

const allFigures = "[...document.querySelectorAll('.figures dd')].every((d) => d.textContent !== '–')"

// TestRTCPages publishes on one page and watches on the other. The API has a port of its own.
func TestRTCPages(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{rtc: " ", vhost: "rtc { enabled on; }"})
	publisher := openBrowser(t, f, "allow-loopback-in-peer-connection", "use-fake-device-for-media-stream=device-count=3", "use-fake-ui-for-media-stream")
	publisher.goLive("cam")
	published(t, f)
	if got := f.publishers()[0]; got.Type != "rtc-publish" || got.URL != "/live/cam" {
		t.Errorf("the API lists %+v", got)
	}
	publisher.until("all figures", allFigures)
	publisher.until("sound", "Number(document.getElementById('level').ariaValueNow) > 0")
	publisher.fits()

	player := openBrowser(t, f, pageSwitches...)
	player.open("/players/?stream=live/cam")
	player.plays("webrtc")
	player.shows(30)
	player.until("all figures", allFigures)
	player.delay(0.5)
	if codecs, way := player.value("Codecs"), player.value("Transport"); !strings.HasSuffix(codecs, " + Opus") || way != "UDP" {
		t.Errorf("the codecs are %s, the transport %s", codecs, way)
	}
	if got := player.text("#play"); !strings.Contains(got, "http://"+f.api+"/rtc/v1/whep/?app=live&stream=cam") {
		t.Errorf("the addresses are %s", got)
	}
	player.fits()

	publisher.do(chromedp.SetValue("#limit", "500"))
	ask[any](publisher, `['limit', 'camera'].forEach((id) => {
		const list = document.getElementById(id);
		if (id === 'camera') list.selectedIndex = 2; // the second one measures depths
		list.dispatchEvent(new Event('change'));
	})`)
	publisher.until("the other camera", "document.getElementById('preview').srcObject.getVideoTracks()[0].label === 'fake_device_2'")
	player.shows(60)
	ask[any](publisher, clockCamera)
	var age float64
	waitFor(t, "a picture that is less than a second old", func() bool {
		age = player.behind("#video")[0]
		return age < 1
	})
	t.Logf("from camera to screen %.2f s, of which the page says %s", age, player.text("#latency"))

	f.kick(f.players()[0].ID)
	player.until("the end to be noticed", "document.getElementById('main').dataset.state !== 'playing'")
	player.plays("webrtc")
	f.kick(f.publishers()[0].ID)
	publisher.until("the end to be noticed", "document.getElementById('badge').hidden")
	publisher.until("the stream to be on again", "!document.getElementById('badge').hidden")
	publisher.click("#go")
	unpublished(t, f)
	player.state("ended")
	publisher.click("#go")
	player.plays("webrtc")
	player.shows(10)

	player.open("/players/")
	waitFor(t, "the player to be gone", func() bool { return len(f.players()) == 0 })
	publisher.open("/players/")
	unpublished(t, f)
}

// TestRTCPagesFallBack has the server give out an address that leads nowhere: the page plays something else in
// a moment, and says why.
func TestRTCPagesFallBack(t *testing.T) {
	t.Parallel()
	c := paged(t, "", "hls_low_latency on; hls_window 3;", "")
	c.rtc = "candidate 192.0.2.1; api_as_candidates off;"
	c.vhost += "\nrtc { enabled on; rtmp_to_rtc on; }"
	f := serve(t, c)
	launch(t, "ffmpeg", strings.Fields("-hide_banner -loglevel error -re -stream_loop -1 -i "+newClip(t, "h264", "small").file+" -an -c copy -f flv "+f.url("garden"))...)
	waitFor(t, "a playlist", func() bool { return webStatus(f, "/live/garden.m3u8") == 200 })
	b := openBrowser(t, f, pageSwitches...)
	b.open("/players/?stream=live/garden")
	start := time.Now()
	b.plays("hls")
	if took := time.Since(start); took > 12*time.Second {
		t.Errorf("it took %v to find out", took)
	}
	if got := b.text("#aside"); !strings.Contains(got, "WebRTC does not play here, LL-HLS") || !strings.Contains(got, "rtc_server.candidate") {
		t.Errorf("the page explains: %q", got)
	}
	b.moves()
	b.click("#formats button[value=webrtc]")
	b.until("the reason", "document.getElementById('state').textContent.includes('No way to the server')")
	if got := b.text("#formats button[aria-pressed=true]") + b.text("#hint"); !strings.Contains(got, "rtc_server.candidate") {
		t.Errorf("a viewer who wants WebRTC alone reads %q", got)
	}

	b.open("/players/publish.html?stream=live/garden")
	b.click("#begin")
	b.state("ready")
	b.click("#go")
	b.until("the refusal", "!document.getElementById('trouble').hidden")
	if got := b.text("#trouble"); !strings.Contains(got, "Somebody publishes this stream already. The server says: ") {
		t.Errorf("a publisher who is refused reads %q", got)
	}
	b.complaints() // Chromium itself tells of the status on its console
	b.click("#sources button[value=sound]")
	b.until("a picture no more", "document.getElementById('main').dataset.state === 'sound' && !document.getElementById('preview').srcObject")
	b.do(chromedp.SetValue("#stream", "meadow"))
	b.click("#go")
	b.until("the end of patience", "!document.getElementById('trouble').hidden")
	if got := b.text("#trouble"); !strings.Contains(got, "No way to the server") {
		t.Errorf("a publisher without a way reads %q", got)
	}
	b.open("/players/")
	waitFor(t, "the sessions to be gone", func() bool {
		return !slices.ContainsFunc(f.sessions(), func(c client) bool { return strings.HasPrefix(c.Type, "rtc-") })
	})
}

// TestRTCPagesRefuse has the server refuse, in words that the pages show, and devices that are not to be had.
func TestRTCPagesRefuse(t *testing.T) {
	t.Parallel()
	c := watchable(t)
	c.vhost += "\nrtc { enabled on; rtmp_to_rtc on; }"
	c.more = "vhost plain.test { http_remux { enabled on; } rtc { enabled on; } }"
	f := serve(t, c)
	c.rtc = " "
	f.reload(c) // its sockets would be opened by the next start
	for _, query := range []string{"", "?vhost=plain.test"} {
		camera(t, f.url("garden")+query, "640x360")
	}
	waitFor(t, "the publishers", func() bool { return len(f.publishers()) == 2 })
	b := openBrowser(t, f, "use-fake-device-for-media-stream", "deny-permission-prompts", "host-resolver-rules=MAP video.test 127.0.0.1")
	b.open("/players/?stream=live/garden&vhost=plain.test")
	b.plays("flv")
	if asked := ask[int](b, "performance.getEntriesByType('resource').filter((e) => e.name.includes('/rtc/')).length"); asked != 0 {
		t.Errorf("a stream that is not carried over to WebRTC was asked for there, %d times", asked)
	}
	b.open("/players/?stream=live/garden")
	b.plays("flv")
	const reason = "The server says: rtc_server is not enabled"
	if got := b.text("#aside"); !strings.Contains(got, reason) {
		t.Errorf("the page explains: %q", got)
	}
	b.open("/players/whep.html?app=live&stream=garden")
	b.state("failed")
	if got := b.text("#hint"); !strings.Contains(got, reason) {
		t.Errorf("a viewer who wants WebRTC alone reads %q", got)
	}
	b.complaints() // Chromium itself tells of the status on its console

	b.open("/players/publish.html")
	b.click("#begin")
	b.state("failed")
	if got := b.text("#state"); got != "You have not allowed the camera" {
		t.Errorf("a publisher without a permission reads %q", got)
	}
	_, port, _ := net.SplitHostPort(f.http)
	b.do(chromedp.Navigate("http://video.test:" + port + "/players/publish.html"))
	b.state("failed")
	b.until("what to do", "document.getElementById('hint').textContent.includes('https://video.test:')")
}
