package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// The bodies of callbacks, behind what all have. They are those of SRS, byte for byte.
var bodies = map[string]string{
	"on_connect":   `"stream":"$stream","param":"$param","tcUrl":"$tcUrl","pageUrl":""}`,
	"on_close":     `"send_bytes":$some,"recv_bytes":$some}`,
	"on_publish":   `"tcUrl":"$tcUrl","stream":"$stream","param":"$param","stream_url":"$url","stream_id":"$id"}`,
	"on_unpublish": `"tcUrl":"$tcUrl","stream":"$stream","param":"$param","stream_url":"$url","stream_id":"$id"}`,
	"on_play":      `"stream":"$stream","tcUrl":"$tcUrl","param":"$param","pageUrl":"","stream_url":"$url","stream_id":"$id"}`,
	"on_stop":      `"tcUrl":"$tcUrl","stream":"$stream","param":"$param","stream_url":"$url","stream_id":"$id"}`,
	"on_hls": `"tcUrl":"$tcUrl","stream":"$stream","param":"$param","duration":$duration,"cwd":"$cwd","file":"$dir/live/s-$seq.ts","url":"live/s-$seq.ts",` +
		`"m3u8":"$dir/live/s.m3u8","m3u8_url":"live/s.m3u8","seq_no":$seq,"stream_url":"$url","stream_id":"$id"}`,
}

const commonBody = `{"server_id":"vid-testing","service_id":"testing0","action":"$action","client_id":"$client","ip":"127.0.0.1","vhost":"$vhost","app":"live",`

// isBody checks a callback against its body with values for the words that stand for them.
func isBody(t *testing.T, c callback, values ...string) {
	t.Helper()
	want := strings.NewReplacer(append(values, "$action", c.Action)...).Replace(commonBody + bodies[c.Action])
	pattern := strings.ReplaceAll(regexp.QuoteMeta(want), `\$some`, `[1-9][0-9]*`)
	if bodies[c.Action] == "" || !regexp.MustCompile("^"+pattern+"$").MatchString(c.body) {
		t.Errorf("the body is\n%s, want\n%s", c.body, want)
	}
	if c.method != http.MethodPost || c.Get("Content-Type") != "application/json" || !strings.HasPrefix(c.Get("User-Agent"), "SRS/7.0.18") {
		t.Errorf("%s %s: %v", c.Action, c.method, c.Header)
	}
}

// streamID returns the id of a stream in the API.
func (f *fixture) streamID(url string) string {
	var answer struct {
		Streams []struct{ ID, URL string } `json:"streams"`
	}
	raw, err := f.call("GET", "/api/v1/streams/?count=100")
	if err == nil {
		err = json.Unmarshal(raw, &answer)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	for _, s := range answer.Streams {
		if s.URL == url {
			return s.ID
		}
	}
	f.t.Errorf("the API lists no stream %s: %s", url, raw)
	return ""
}

// sip plays over HTTP and looks at nothing.
func sip(t *testing.T, address string) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	way := &http.Transport{TLSClientConfig: ourIdentity().trusts()}
	answer, err := way.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		t.Errorf("%s: %v", address, refusedWith(answer))
	}
	if _, err := io.ReadFull(answer.Body, make([]byte, 1000)); err != nil {
		t.Errorf("%s: %v", address, err)
	}
	return func() { cancel(); answer.Body.Close(); way.CloseIdleConnections() }
}

// guest is a way to play, as callbacks tell of it.
type guest struct {
	name   string
	start  func(t *testing.T, f *fixture, url string) (end func())
	vhost  string
	stream string // as it calls it
	tcURL  func(f *fixture) string
	visits bool // it opens a connection that callbacks know of
}

func playGuest(start func(*testing.T, string, string) viewing) func(*testing.T, *fixture, string) func() {
	return func(t *testing.T, _ *fixture, url string) func() {
		t.Helper()
		v := start(t, url, "h264")
		waitFor(t, "the player to play", func() bool { return v.frames() > 3 })
		return func() { v.stop() }
	}
}

func onHTTP(*fixture) string { return "http://127.0.0.1/live" }

// onRemux is what SRS says of who plays over HTTP, whatever the address.
func onRemux(*fixture) string { return "rtmp://__defaultVhost__/live" }

var guests = []guest{
	{"rtmp", playGuest(clientPlayer), "__defaultVhost__", "s", func(f *fixture) string { return "rtmp://" + f.rtmp + "/live" }, true},
	{"rtmps", playGuest(watchTLS(clientPlayer)), "__defaultVhost__", "s", func(f *fixture) string { return "rtmps://" + f.rtmps + "/live" }, true},
	{"http-flv", func(t *testing.T, _ *fixture, url string) func() { t.Helper(); return sip(t, httpFLV(t, url)) }, "__defaultVhost__", "s", onRemux, false},
	{"h2-flv", playGuest(watchWeb(httpsFLV, h2Player)), "__defaultVhost__", "s", onRemux, false},
	{"ws-flv", playGuest(watchWeb(wsFLV, socketPlayer)), "__defaultVhost__", "s", onRemux, false},
	{"http-ts", func(t *testing.T, _ *fixture, url string) func() { t.Helper(); return sip(t, httpTS(t, url)) }, "ts.test", "s", func(*fixture) string { return "rtmp://ts.test/live" }, false},
	{"hls", func(t *testing.T, f *fixture, url string) func() {
		t.Helper()
		address := httpHLS(t, url) + "&hls_ctx=callback"
		awaitHLS(t, f, address)
		awaitHLS(t, f, address)
		return func() { f.kick("callback") }
	}, "__defaultVhost__", "s.m3u8", onHTTP, false},
}

// TestCallbacks has everybody publish and play who can, and a receiver hear of each step, once and
// in order, with the values that the API has.
func TestCallbacks(t *testing.T) {
	t.Parallel()
	v := receive(t, nil)
	f := serve(t, conf{
		vhost: v.hooks("") + flvAndHLS(t, ""),
		more:  "vhost ts.test {" + v.hooks("") + tsAlone(t, "") + "}",
	})
	c := newClip(t, "h264", "small")
	pub := startClientPublisher(t, f.url("s?who=pub"), c, 0)
	secure := sendTLS(startClientPublisher)(t, f.url("s?vhost=ts.test&who=secure"), c, 0)
	waitFor(t, "the publishers", func() bool { return len(f.publishers()) == 2 })

	for _, g := range guests {
		param, url := "?who="+g.name, "/live/s"
		if g.vhost == "ts.test" {
			param, url = "?vhost=ts.test&who="+g.name, "ts.test/live/s"
		}
		end := g.start(t, f, f.url("s"+param))
		played := v.wait(1, "on_play", "who="+g.name+`"`)[0]
		id := played.ClientID
		waitFor(t, g.name+" to be listed", func() bool {
			return slices.ContainsFunc(f.players(), func(c client) bool { return c.ID == id && c.URL == url })
		})
		stream := f.streamID(url)
		end()
		last, want := "on_stop", "on_play on_stop"
		if g.visits {
			last, want = "on_close", "on_connect on_play on_stop on_close"
		}
		v.wait(1, last, id)
		if got := actions(v.calls(id)); got != want {
			t.Errorf("%s: %s, want %s", g.name, got, want)
		}
		for _, c := range v.calls(id) {
			isBody(t, c, "$client", id, "$vhost", g.vhost, "$stream", g.stream, "$param", param, "$tcUrl", g.tcURL(f), "$url", url, "$id", stream)
		}
	}

	ids := []string{f.streamID("/live/s"), f.streamID("ts.test/live/s")}
	pub.stop()
	secure.stop()
	v.wait(2+2, "on_close") // of RTMP's players, and these
	for n, who := range []string{"pub", "secure"} {
		id := v.calls("on_publish", "who="+who)[0].ClientID
		vhost, param, tcURL, url := "__defaultVhost__", "?who=pub", "rtmp://"+f.rtmp+"/live", "/live/s"
		if who == "secure" {
			vhost, param, tcURL, url = "ts.test", "?vhost=ts.test&who=secure", "rtmps://"+f.rtmps+"/live", "ts.test/live/s"
		}
		calls := slices.DeleteFunc(v.calls(id), func(c callback) bool { return c.Action == "on_hls" })
		if got := actions(calls); got != "on_connect on_publish on_unpublish on_close" {
			t.Errorf("%s: %s", who, got)
		}
		for _, c := range calls {
			isBody(t, c, "$client", id, "$vhost", vhost, "$stream", "s", "$param", param, "$tcUrl", tcURL, "$url", url, "$id", ids[n])
		}
	}
}

// TestCallbacksRefuse has each callback that is asked refuse a client, which is told why, and nobody
// hears of an end.
func TestCallbacksRefuse(t *testing.T) {
	t.Parallel()
	v := receive(t, nil)
	f := serve(t, conf{vhost: v.hooks("") + flvAndHLS(t, "")})
	c := newClip(t, "h264", "small")
	says := func(what, shown, code, text string) {
		t.Helper()
		if !strings.Contains(shown, code) || !strings.Contains(shown, text) {
			t.Errorf("%s shows %q, want %s and %s", what, shown, code, text)
		}
	}
	no := func(status int, text string, hook string) { v.say(saying(status, text, hook)) }

	no(http.StatusOK, `{"code":403,"msg":"who are you?"}`, "on_connect")
	pub := startClientPublisher(t, f.url("s"), c, 0)
	says("a publisher", endOf(t, pub), "NetStream.Publish.Denied", "You may not publish /live/s: ")
	player := playClient(t, f.url("s"))
	says("a player", endOf(t, player), "NetStream.Play.Failed", "You may not play /live/s: ")

	no(http.StatusOK, "1", "on_publish")
	pub = startClientPublisher(t, f.url("s"), c, 0)
	says("a publisher", endOf(t, pub), "NetStream.Publish.Denied", "You may not publish /live/s: ")
	if n := len(f.publishers()); n != 0 {
		t.Errorf("%d publishers though on_publish refuses", n)
	}
	v.say(nil)
	pub = startClientPublisher(t, f.url("s"), c, 0)
	published(t, f)
	awaitHLS(t, f, httpHLS(t, f.url("s"))+"?hls_ctx=before")

	no(http.StatusForbidden, "0", "on_play")
	player = playClient(t, f.url("s"))
	says("a player", endOf(t, player), "NetStream.Play.Failed", "You may not play /live/s: ")
	for _, address := range []string{httpFLV(t, f.url("s")), httpHLS(t, f.url("s"))} {
		status, body := f.get(address)
		if status != http.StatusForbidden {
			t.Errorf("%s: status %d", address, status)
		}
		says(address, body, `"code":403`, `"reason":"`)
	}
	socket := socketPlayer(t, wsFLV(t, f.url("s")), "")
	says("a WebSocket", endOf(t, socket), "403", "You may not play")
	if n := len(f.players()); n != 1 {
		t.Errorf("%d players, want the one who came before", n)
	}
	f.kick("before")
	pub.stop()
	v.wait(1, "on_unpublish")
	v.wait(2, "on_close") // of the last two who were let in
	if n := len(v.calls("on_stop")) + len(v.calls("on_unpublish")); n != 2 {
		t.Errorf("%d ends of what had begun twice", n)
	}
}

// endOf waits for a client to be sent away, and returns what it shows.
func endOf(t *testing.T, c interface {
	wait() error
	shown() string
}) string {
	t.Helper()
	if err := c.wait(); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("it ends with %v", err)
	}
	return c.shown()
}

// TestCallbacksKick has the API end a player and then the publisher.
func TestCallbacksKick(t *testing.T) {
	t.Parallel()
	v := receive(t, nil)
	f := serve(t, conf{vhost: v.hooks("")})
	c := newClip(t, "h264", "small")
	startClientPublisher(t, f.url("s"), c, 0)
	published(t, f)
	playClient(t, f.url("s"))
	waitFor(t, "the player", func() bool { return len(f.players()) == 1 })
	player, pub := f.players()[0].ID, f.publishers()[0].ID
	for _, id := range []string{player, pub} {
		f.kick(id)
		v.wait(1, "on_close", id)
	}
	if got := actions(v.calls(player)); got != "on_connect on_play on_stop on_close" {
		t.Error(got)
	}
	if got := actions(v.calls(pub)); got != "on_connect on_publish on_unpublish on_close" {
		t.Error(got)
	}
}

// TestCallbacksTakeover has publishers follow each other. Whoever takes over is asked for before the
// one before has to go, but a stream's callbacks have the ends before what follows.
func TestCallbacksTakeover(t *testing.T) {
	t.Parallel()
	v := receive(t, nil)
	f := serve(t, conf{vhost: "publish { takeover on; }" + v.hooks("")})
	c := newClip(t, "h264", "small")
	var last publication
	for n := range 3 { // the second takes over from the first, the third comes after the second
		last = startClientPublisher(t, f.url(fmt.Sprint("s?n=", n)), c, 0)
		waitFor(t, "a publisher", func() bool {
			p := f.publishers()
			return len(p) == 1 && len(v.calls("on_publish", fmt.Sprint(`n=`, n, `"`), p[0].ID)) == 1
		})
		if n == 1 {
			v.wait(1, "on_unpublish", `n=0"`)
			last.stop()
			v.wait(1, "on_unpublish", `n=1"`)
			unpublished(t, f)
		}
	}
	last.stop()
	v.wait(3, "on_close")
	var got []string
	for _, c := range v.calls("publish") {
		got = append(got, c.Action[3:]+c.Param[2:])
	}
	want := "publish=0 publish=1 unpublish=0 unpublish=1 publish=2 unpublish=2"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("%s, want %s", s, want)
	}
	ids := map[string]bool{}
	for _, c := range v.calls("publish") {
		ids[c.StreamID] = true
	}
	if len(ids) > 2 { // nobody was there between the second and the third
		t.Errorf("the stream has the ids %v", ids)
	}
}

// TestCallbacksAddresses asks several addresses, in order, up to the first that refuses.
func TestCallbacksAddresses(t *testing.T) {
	t.Parallel()
	v := receive(t, func(w http.ResponseWriter, c callback) {
		text := `{"code":0,"data":null}`
		if c.path == "/b" && strings.Contains(c.Param, "bad") {
			text = `{"code":"0"}`
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, text)
	})
	all := " " + v.at("/a") + " " + v.at("/b") + " " + v.at("/c") + ";\n"
	f := serve(t, conf{vhost: "http_hooks { enabled on; on_publish" + all + "on_unpublish" + all + "}"})
	c := newClip(t, "h264", "small")
	endOf(t, startClientPublisher(t, f.url("s?bad"), c, 0))
	good := startClientPublisher(t, f.url("s?good"), c, 0)
	published(t, f)
	good.stop()
	v.wait(3, "on_unpublish")
	var got []string
	for _, c := range v.calls() {
		got = append(got, c.Action[3:]+c.path)
	}
	want := "publish/a publish/b publish/a publish/b publish/c unpublish/a unpublish/b unpublish/c"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("%s, want %s", s, want)
	}
}

// TestCallbacksLeave has a player over HTTP leave while the receiver is still thinking. It is said yes
// to, and so the receiver hears of its end.
func TestCallbacksLeave(t *testing.T) {
	t.Parallel()
	left := make(chan struct{})
	v := receive(t, func(w http.ResponseWriter, c callback) {
		if c.Action == "on_play" {
			<-left
			time.Sleep(300 * time.Millisecond) // for the server to notice
		}
		_, _ = io.WriteString(w, "0")
	})
	f := serve(t, conf{vhost: v.hooks("") + flvAndHLS(t, "")})
	ctx, leave := context.WithCancel(t.Context())
	view := flvPlayer(t, func(context.Context) (io.ReadCloser, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, httpFLV(t, f.url("s")), nil)
		if err != nil {
			return nil, err
		}
		answer, err := new(http.Transport).RoundTrip(r)
		if err != nil {
			return nil, err
		}
		return answer.Body, nil
	})
	id := v.wait(1, "on_play")[0].ClientID
	leave()
	endOf(t, view)
	close(left)
	v.wait(1, "on_stop", id)
	if got := actions(v.calls("")); got != "on_play on_stop" {
		t.Error(got)
	}
}
