package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// paged serves all that the pages play; the arguments say more of each output. The files are in a folder of
// their own, which the directives name.
func paged(t *testing.T, remux, hls, dash string) conf {
	t.Helper()
	dir := t.TempDir()
	return conf{
		http: "dir " + dir + ";",
		vhost: "http_remux { enabled on; " + remux + " }\n" +
			"hls { enabled on; hls_fragment 1; hls_path " + dir + "; " + hls + " }\n" +
			"dash { enabled on; dash_fragment 1; dash_path " + dir + "; " + dash + " }",
	}
}

// watchable serves what the pages play, with segments short enough for a test.
func watchable(t *testing.T) conf {
	t.Helper()
	return paged(t, "wait_timeout 1;", "hls_window 8;", "")
}

// camera publishes a picture that is easy to tell from black, and a tone.
func camera(t *testing.T, url, size string) *process {
	t.Helper()
	return launch(t, "ffmpeg", strings.Fields("-hide_banner -loglevel error -re -f lavfi -i "+
		"gradients=size="+size+":rate=25:c0=0x0b6b8f:c1=0xf2b134:c2=0xe9eff3:c3=0x0d2b3a:nb_colors=4:seed=7:speed=0.02 "+
		"-f lavfi -i sine=frequency=440:sample_rate=44100 "+
		"-c:v libx264 -preset ultrafast -tune zerolatency -g 25 -pix_fmt yuv420p -b:v 1500k -c:a aac -f flv "+url)...)
}

// moves waits until the picture has gone on for two seconds.
func (b *browser) moves() {
	b.t.Helper()
	b.state("playing")
	from := ask[float64](b, "document.getElementById('video').currentTime")
	b.until("the picture to go on", fmt.Sprintf("document.getElementById('video').currentTime > %f", from+2))
}

// light and variety of the picture: the mean of its pixels, and how many colours they have.
const sampleVideo = `(() => {
	const canvas = document.createElement('canvas');
	canvas.width = 32; canvas.height = 18;
	const context = canvas.getContext('2d');
	context.drawImage(document.getElementById('video'), 0, 0, 32, 18);
	const data = context.getImageData(0, 0, 32, 18).data;
	const colours = new Set();
	let sum = 0;
	for (let i = 0; i < data.length; i += 4) {
		sum += data[i] + data[i + 1] + data[i + 2];
		colours.add(data[i] + ',' + data[i + 1] + ',' + data[i + 2]);
	}
	return [sum / (32 * 18 * 3), colours.size];
})()`

// lit checks that there is something to see.
func (b *browser) lit() {
	b.t.Helper()
	if sample := ask[[]float64](b, sampleVideo); sample[0] < 20 || sample[1] < 8 {
		b.t.Errorf("the picture is black or of one colour: mean %.1f, %v colours", sample[0], sample[1])
	}
}

// sees checks what a viewer gets: a picture that is not black and not of one colour, and figures
// that can be true.
func (b *browser) sees(latest float64) {
	b.t.Helper()
	b.moves()
	b.lit()
	b.until("all figures", "[...document.querySelectorAll('.figures dd')].every((d) => d.textContent !== '–')")
	b.delay(latest)
	if got := b.text("#resolution"); got != "640\u00a0×\u00a0360" {
		b.t.Errorf("the resolution is %s", got)
	}
	if got := b.text("#dropped"); !strings.Contains(got, " of ") {
		b.t.Errorf("dropped frames: %s", got)
	}
	if rate, unit, _ := strings.Cut(b.text("#bitrate"), " "); unit != "kbps" && unit != "Mbps" || rate == "0" {
		b.t.Errorf("the bitrate is %s", b.text("#bitrate"))
	}
	b.until("a viewer to be counted", "document.getElementById('viewers').textContent === '1'")
}

// delay checks the latency that the page tells, in seconds.
func (b *browser) delay(most float64) {
	b.t.Helper()
	latency, err := strconv.ParseFloat(strings.TrimSuffix(b.text("#latency"), " s"), 64)
	if err != nil || latency <= 0 || latency > most {
		b.t.Errorf("the latency is %s", b.text("#latency"))
	}
}

// TestPagesPlay looks at both pages as a visitor does, from the empty list on.
func TestPagesPlay(t *testing.T) {
	t.Parallel()
	f := serve(t, watchable(t))
	b := openBrowser(t, f)
	b.open("/")
	b.state("empty")
	if got, want := b.text("#obs"), "rtmp://"+f.rtmp+"/live"; !strings.Contains(got, want) {
		t.Errorf("the page says to publish to %s, want %s", got, want)
	}
	encoder := camera(t, f.url("garden"), "640x360")
	b.state("live")
	b.until("its codecs", "document.querySelector('.card').textContent.includes('H.264 + AAC')")
	for _, want := range []string{"garden", "640\u00a0×\u00a0360 · 25\u00a0fps", "HTTP-FLV", "HLS", "RTMP", "Live"} {
		if got := b.text(".card"); !strings.Contains(got, want) {
			t.Errorf("the card says %q, without %q", got, want)
		}
	}
	b.size(390, 844)
	b.fits()
	b.click(".card a")
	b.state("playing")
	b.sees(5)
	b.fits()
	b.size(1280, 800)
	b.fits()
	b.addresses()
	b.schemes()
	b.click("#sound")
	b.until("the sound to be on", "!document.getElementById('video').muted && document.getElementById('sound').textContent === 'Sound off'")

	encoder.interrupt()
	b.state("ended")
	if got := b.text("#state") + b.text("#hint"); !strings.Contains(got, "has ended") || !strings.Contains(got, "again") {
		t.Errorf("at the end of the stream the page says %q", got)
	}
	camera(t, f.url("garden"), "640x360")
	b.sees(5)
}

// addresses checks those that can be copied.
func (b *browser) addresses() {
	b.t.Helper()
	all := ask[[]string](b, "[...document.querySelectorAll('.row code')].map((c) => c.textContent)")
	web, rtmp := b.f.http+"/live/garden", "rtmp://"+b.f.rtmp+"/live/garden"
	for _, want := range []string{
		"http://" + web + ".flv", "ws://" + web + ".flv", "http://" + web + ".m3u8", rtmp,
		"rtmp://" + b.f.rtmp + "/live", "garden", "ffmpeg -re -i input.mp4 -c copy -f flv " + rtmp,
	} {
		found := false
		for _, got := range all {
			found = found || got == want
		}
		if !found {
			b.t.Errorf("no address %q among %q", want, all)
		}
	}
	if label := ask[string](b, "document.querySelector('.row button').ariaLabel"); label != "Copy: HTTP-FLV" {
		b.t.Errorf("a button for copying is called %q", label)
	}
	b.click(".row button")
	b.until("the address to be copied", "document.querySelector('.row button').textContent === 'Copied'")
}

// schemes checks that the page has two dresses.
func (b *browser) schemes() {
	b.t.Helper()
	dresses := map[string]string{}
	for _, name := range []string{"dark", "light"} {
		b.scheme(name)
		dresses[name] = ask[string](b, "getComputedStyle(document.body).backgroundColor")
	}
	if dresses["dark"] == dresses["light"] {
		b.t.Errorf("light and dark look the same: %v", dresses)
	}
}

// TestPagesPlaySegments comes to a stream that is on, and changes to HLS or DASH by the button.
func TestPagesPlaySegments(t *testing.T) {
	t.Parallel()
	for format, list := range map[string]string{"hls": "/live/garden.m3u8", "dash": "/live/garden.mpd"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			playSegments(t, format, list)
		})
	}
}

func playSegments(t *testing.T, format, list string) {
	f := serve(t, watchable(t))
	encoder := camera(t, f.url("garden"), "640x360")
	waitFor(t, "a playlist", func() bool { return webStatus(f, list) == 200 })
	b := openBrowser(t, f)
	b.open("/players/?stream=live/garden")
	b.moves()
	b.click("#formats button[value=" + format + "]")
	b.until("the format to be chosen", "document.getElementById('main').dataset.format === '"+format+"'")
	b.sees(15)
	if got := ask[string](b, "location.search"); got != "?stream=live/garden&format="+format {
		t.Errorf("the address has become %q", got)
	}
	b.size(390, 844)
	b.fits()

	encoder.interrupt()
	b.state("ended")
	camera(t, f.url("garden"), "640x360")
	b.moves()
	b.lit()
}

// TestPagesPlayHalves plays what has only pictures or only sound, in every format.
func TestPagesPlayHalves(t *testing.T) {
	t.Parallel()
	f := serve(t, watchable(t))
	c := newClip(t, "h264", "small")
	for name, without := range map[string]string{"silent": "-an", "dark": "-vn"} {
		launch(t, "ffmpeg", strings.Fields("-hide_banner -loglevel error -re -stream_loop -1 -i "+c.file+" "+without+" -c copy -f flv "+f.url(name))...)
	}
	b := openBrowser(t, f)
	for _, name := range []string{"silent", "dark"} {
		waitFor(t, "a playlist", func() bool { return webStatus(f, "/live/"+name+".m3u8") == 200 })
		for _, format := range []string{"flv", "hls"} {
			b.open("/players/?stream=live/" + name + "&format=" + format)
			b.moves()
			if got := b.text("#resolution"); (got == "160\u00a0×\u00a0120") != (name == "silent") {
				t.Errorf("%s as %s has the resolution %s", name, format, got)
			}
			if got := ask[string](b, "document.getElementById('main').dataset.format"); got != format {
				t.Errorf("%s plays as %s, want %s", name, got, format)
			}
		}
	}
}

// TestPagesSayWhy has what cannot be played said in words.
func TestPagesSayWhy(t *testing.T) {
	t.Parallel()
	c := watchable(t)
	c.more = "vhost bare.test { }"
	f := serve(t, c)
	newPublisher := ffmpegPublisher("ffmpeg7", "-rtmp_enhanced_codecs", "hvc1")
	newPublisher(t, f.url("modern"), newClip(t, "hevc", "small"), 0)
	camera(t, f.url("garden"), "640x360")
	camera(t, f.url("garden")+"?vhost=bare.test", "640x360")
	waitFor(t, "the publishers", func() bool { return len(f.publishers()) == 3 })
	b := openBrowser(t, f)
	for _, x := range []struct{ path, state, words string }{
		{"/players/?stream=live/nobody", "waiting", "Nobody publishes this stream"},
		{"/players/?stream=live/modern", "failed", "cannot decode HEVC"},
		{"/players/?stream=live/garden&vhost=bare.test", "failed", "not served over HTTP"},
		{"/players/", "failed", "Which stream?"},
		{"/players/srs_player.html?app=live&stream=garden.flv&server=x&port=1&vhost=x", "playing", "Playing"},
	} {
		b.open(x.path)
		b.state(x.state)
		if got := b.text("#state"); !strings.Contains(got, x.words) {
			t.Errorf("%s: the page says %q, want %q", x.path, got, x.words)
		}
	}
	if said := b.complaints(); len(said) > 0 {
		t.Errorf("the browser complains: %q", said)
	}
	c.vhost += "\nenabled off;"
	f.reload(c)
	b.open("/players/?stream=live/garden")
	b.state("failed")
	if got := b.text("#state") + " " + b.text("#hint"); !strings.Contains(got, "may not watch") || !strings.Contains(got, "The server says: ") {
		t.Errorf("a viewer who is refused reads %q", got)
	}
	b.complaints() // Chromium itself tells of the status on its console
}

// webStatus asks for a path of the web server.
func webStatus(f *fixture, path string) int {
	answer, err := apiClient.Get("http://" + f.http + path)
	if err != nil {
		return 0
	}
	answer.Body.Close()
	return answer.StatusCode
}
