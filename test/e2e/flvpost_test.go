package e2e

import (
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/internal/access"
	"weir/internal/stream"
)

// postAddress returns the address to post to of what has one of RTMP.
func postAddress(t *testing.T, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	f, ok := fixtures.Load(u.Port())
	if !ok {
		t.Fatalf("no server at %s", raw)
	}
	query := u.Query()
	if _, err := netip.ParseAddr(u.Hostname()); err != nil && query.Get("vhost") == "" {
		query.Set("vhost", u.Hostname())
	}
	path := u.Path
	if !strings.HasSuffix(path, "/") {
		path += ".flv"
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return "http://" + f.(*fixture).post + path
}

// postPublisher is ffmpeg, with more options.
func postPublisher(options ...string) func(*testing.T, string, clip, time.Duration) publication {
	return func(t *testing.T, raw string, c clip, at time.Duration) publication {
		t.Helper()
		options := append([]string{"-method", "POST"}, options...)
		return ffmpegPublisher("ffmpeg", options...)(t, postAddress(t, raw), c, at)
	}
}

// postSays is all that ffmpeg tells of a refusal: it reads no answer, unless it waits for leave to send.
func postSays(_, _ string) string { return "av_interleaved_write_frame(): " }

// curl sends something, and prints the answer with its headers.
func curl(t *testing.T, args ...string) *process {
	t.Helper()
	return launch(t, "curl", append([]string{"-s", "-S", "-i", "--max-time", "60"}, args...)...)
}

// answers waits for the end of curl, and checks the status and the words of the answer that it shows.
func (p *process) answers(t *testing.T, status int, words string) {
	t.Helper()
	_ = p.wait() // which may be that the rest could not be sent
	if said := p.shown(); !strings.Contains(said, fmt.Sprintf("HTTP/1.1 %d ", status)) || !strings.Contains(said, words) {
		t.Errorf("curl shows\n%s\nwant status %d and: %s", said, status, words)
	}
}

// briefFile is a file of FLV with so many seconds of a clip, and how many bytes it has for each.
func briefFile(t *testing.T, c clip, seconds int) (file string, rate int) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "brief.flv")
	run(t, "ffmpeg", "-hide_banner", "-loglevel", "error", "-i", c.file, "-t", strconv.Itoa(seconds), "-c", "copy", file)
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return file, int(info.Size()) / seconds
}

// TestPostSized has curl send a file whose length it tells, four times as fast as it plays.
func TestPostSized(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{vhost: quick})
	c := newClip(t, "h264", "small")
	file, rate := briefFile(t, c, 24)
	views := map[string]viewing{"ffmpeg": ffmpegPlayer(t, f.url("s"), "h264"), "client": playClient(t, f.url("s"))}
	waitFor(t, "the players", func() bool { return len(f.players()) == 2 })
	p := curl(t, "--data-binary", "@"+file, "--limit-rate", strconv.Itoa(4*rate), postAddress(t, f.url("s")))
	published(t, f)
	if who := f.publishers()[0]; who.Type != "flv-publish" || who.URL != "/live/s" {
		t.Errorf("the API lists %+v", who)
	}
	watched(t, views, 300)
	finish(t, views, expectation{clip: c, frames: 300, gap: 0.2}) // ffmpeg leaves no stream that has ended
	p.answers(t, 200, "The stream /live/s has been published to its end.")
	unpublished(t, f)
}

// TestPostRefusals has curl and ffmpeg hear why they may not publish, the latter where it asks first.
func TestPostRefusals(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{
		vhost: quick,
		more:  "vhost shut.test { security { enabled on; deny publish all; } }\nvhost off.test { enabled off; }",
	})
	c := newClip(t, "h264", "small")
	file, rate := briefFile(t, c, 24)
	postPublisher()(t, f.url("busy"), c, 0)
	published(t, f)
	at := func(name string) string { return postAddress(t, f.url(name)) }
	slow := []string{"--limit-rate", strconv.Itoa(rate)}
	curl(t, append(slow, "--data-binary", "@"+file, at("busy"))...).answers(t, 409, "/live/busy is being published already by somebody else.")
	curl(t, append(slow, "-T", file, at("s?vhost=shut.test"))...).answers(t, 403, "You may not publish shut.test/live/s")
	curl(t, append(slow, "-T", file, "-H", "Transfer-Encoding: chunked", at("s?vhost=off.test"))...).answers(t, 403, "is switched off")
	curl(t, "--data-binary", "@"+file, at("")).answers(t, 400, "The address has no stream name")
	curl(t, "-d", strings.Repeat("this is no film. ", 1000), at("s")).answers(t, 415, "The body is not a stream in FLV.")
	curl(t, at("s")).answers(t, 405, "POST or PUT")
	for name, want := range map[string]string{"busy": "Server returned 4XX Client Error", "s?vhost=shut.test": "Server returned 403 Forbidden"} {
		refused(t, func(_, text string) string { return text }, "", want, postPublisher("-send_expect_100", "1")(t, f.url(name), c, 0))
	}
	postPublisher("-send_expect_100", "1")(t, f.url("s"), c, 0)
	view := playClient(t, f.url("s"))
	watched(t, map[string]viewing{"client": view}, 30)
	view.stop()
}

// TestPostElsewhere has two casters, the second of which publishes to a virtual host of its own, and a reload that
// ends nobody.
func TestPostElsewhere(t *testing.T) {
	t.Parallel()
	own := freeAddress(t)
	c := conf{vhost: quick, more: "vhost a.test { }",
		global: "stream_caster { enabled on; caster flv; listen " + own + "; output rtmp://127.0.0.1/cams/[app]-[stream]?vhost=a.test; }"}
	f := serve(t, c)
	film := newClip(t, "h264", "small")
	postPublisher()(t, f.url("s"), film, 0)
	ffmpegPublisher("ffmpeg")(t, "http://"+own+"/door/one.flv", film, 0)
	waitFor(t, "the publishers", func() bool { return len(f.publishers()) == 2 })
	var urls, ids []string
	for _, p := range f.publishers() {
		urls, ids = append(urls, p.URL), append(ids, p.ID)
	}
	slices.Sort(urls)
	if want := []string{"/live/s", "a.test/cams/door-one"}; !slices.Equal(urls, want) {
		t.Errorf("streams %v, want %v", urls, want)
	}
	view := playClient(t, f.url("s"))
	watched(t, map[string]viewing{"client": view}, 10)
	c.global = ""
	f.reload(c)
	if f.log.Count("need a restart", "stream_caster") != 1 {
		t.Error("nobody is told that a caster goes on until the restart")
	}
	watched(t, map[string]viewing{"client": view}, 30)
	for _, p := range f.publishers() {
		if !slices.Contains(ids, p.ID) {
			t.Errorf("%s is another publisher", p.ID)
		}
	}
	view.stop()
}

// TestPostHooks has a business system asked and told, and an address that is signed.
func TestPostHooks(t *testing.T) {
	t.Parallel()
	v := receive(t, nil)
	f := serve(t, conf{vhost: v.hooks("") + "auth { enabled on; secret key; play off; }"})
	c := newClip(t, "h264", "small")
	file, rate := briefFile(t, c, 4)
	grant := access.Grant{Act: stream.Publish, Vhost: stream.DefaultVhost, App: "live", Stream: "s", Expires: time.Now().Add(time.Minute)}
	curl(t, "-T", file, postAddress(t, f.url("s"))).answers(t, 403, "a token is needed")
	at := postAddress(t, f.url("s")) + "?" + grant.Sign("key")
	curl(t, "-T", file, "--limit-rate", strconv.Itoa(2*rate), at).answers(t, 200, "/live/s")
	for _, action := range []string{"on_connect", "on_publish", "on_unpublish", "on_close"} {
		if c := v.wait(1, action)[0]; c.Vhost != "__defaultVhost__" || c.App != "live" || action == "on_publish" && !strings.Contains(c.Param, "sign=") {
			t.Errorf("%s: %s", action, c.body)
		}
	}
}
