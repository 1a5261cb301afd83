package e2e

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/internal/protocol/rtmp"
	"weir/internal/server"
)

// secret is what nobody may read but gates and callbacks.
const secret = "SECRETVALUE"

const secretQuery = "?token=" + secret + "&sign=" + secret + "&expires=99"

// TestSecrets has clients of every kind bring secrets in all the places where an address may have
// them, right and wrong, with callbacks that say yes, no and nothing, and streams be sent on by secret keys: no log line, event,
// answer of the API or metric has them.
func TestSecrets(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(w http.ResponseWriter, c callback){
		"allowed": nil,
		"denied":  func(w http.ResponseWriter, _ callback) { _, _ = io.WriteString(w, `{"code":7,"msg":"no"}`) },
		"failing": func(w http.ResponseWriter, _ callback) { w.WriteHeader(http.StatusInternalServerError) },
		"garbage": func(w http.ResponseWriter, _ callback) { _, _ = io.WriteString(w, "what?") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := receive(t, answer)
			at := "http://user:" + secret + "@" + v.address + "/calls?key=" + secret
			hooks := "http_hooks { enabled on; secret " + secret + "; timeout 5; retry 1;"
			for _, what := range []string{"on_connect", "on_close", "on_publish", "on_unpublish", "on_play", "on_stop"} {
				hooks += " " + what + " " + at + ";"
			}
			f := serve(t, conf{
				level:  server.LevelTrace,
				global: "exporter { enabled on; listen " + freeAddress(t) + "; }",
				vhost:  quick + hooks + " }\n" + sentBySecrets(t) + "http_remux { enabled on; wait_timeout 1; }\nhls { enabled on; hls_fragment 1; hls_path " + t.TempDir() + "; }",
				more:   "vhost off.test { enabled off; http_remux { enabled on; } hls { enabled on; } }",
			})
			f.bringSecrets(t, name == "allowed")
			f.hasNoSecrets(t)
			f.kickPlayers()
			if calls := v.calls(""); len(calls) == 0 || name == "allowed" && !f.told(calls) {
				t.Errorf("callbacks must have the addresses whole: %v", calls)
			}
		})
	}
}

// sentBySecrets sends streams on by keys that are secret, to a server that takes one of them and to some that are not there.
func sentBySecrets(t *testing.T) string {
	far, nobody := serve(t, conf{}), freeAddress(t)
	return `forward { enabled on; destination rtmp://` + far.rtmp + `/live/` + secret + ` rtmp://` + nobody + `/live/live_1_` + secret + ` rtmp://` + nobody +
		`/live/live_2_` + secret + `?a=` + secret + ` "srt://` + nobody + `?streamid=#!::r=live/` + secret + `,m=publish&connect_timeout=300"; }
`
}

// told reports whether callbacks have secrets in all places.
func (f *fixture) told(calls []callback) bool {
	var param, tc bool
	for _, c := range calls {
		param = param || strings.Contains(c.Param, secret)
		tc = tc || strings.Contains(c.TCURL, secret)
	}
	return param && tc
}

// bringSecrets publishes and plays in every way.
func (f *fixture) bringSecrets(t *testing.T, welcome bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, tc := range []string{"", "rtmp://user:" + secret + "@" + f.rtmp + "/live" + secretQuery} {
		c, err := rtmp.Dial(ctx, f.url("s")+secretQuery, rtmp.DialOptions{TCURL: tc})
		if err != nil {
			t.Fatal(err)
		}
		err = c.Publish(ctx)
		if (err == nil) != welcome {
			t.Errorf("publish: %v", err)
		}
		if err == nil {
			f.watchSecrets(ctx, t, c)
		}
		c.Close()
		waitFor(t, "the publisher to have gone", func() bool { return len(f.publishers()) == 0 })
	}
	for _, address := range []string{ // nobody publishes any more, or what is asked for is not there
		f.http + "/live/s.flv", f.http + "/live/s.m3u8", f.http + "/live/none/there.flv", f.http + "/nothing.html", f.api + "/api/v1/nothing",
	} {
		_, _ = f.get("http://" + address + secretQuery)
		_, _ = f.get("http://" + address + secretQuery + "&vhost=off.test")
	}
	stranger, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+f.rtmp+"/live/s.flv"+secretQuery, nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := apiClient.Do(stranger); err == nil { // HTTP at the RTMP port
		answer.Body.Close()
	}
	if c, err := rtmp.Dial(ctx, f.url("s")+secretQuery+"&vhost=off.test", rtmp.DialOptions{}); err == nil {
		if err := c.Play(ctx); err == nil {
			t.Error("a virtual host that is off lets players in")
		}
		c.Close()
	}
}

// watchSecrets plays while a publisher is there, and looks.
func (f *fixture) watchSecrets(ctx context.Context, t *testing.T, c *rtmp.Client) {
	t.Helper()
	p := &clientPublisher{t: t, quit: make(chan struct{}), client: c}
	p.done.Go(p.read)
	p.done.Go(func() { p.write(readClip(t, newClip(t, "h264", "small")), 0) })
	defer p.stop()
	waitFor(t, "some frames", func() bool { return len(p.messages()) > 20 })
	player, err := rtmp.Dial(ctx, f.url("s")+secretQuery, rtmp.DialOptions{TCURL: "rtmp://" + f.rtmp + "/live" + secretQuery})
	if err != nil {
		t.Fatal(err)
	}
	defer player.Close()
	if err := player.Play(ctx); err != nil {
		t.Error(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+f.http+"/live/s.flv"+secretQuery, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+secret)
	request.Header.Set("Referer", "http://page.test/"+secretQuery)
	way := &http.Transport{}
	defer way.CloseIdleConnections()
	answer, err := way.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	waitFor(t, "the playlist", func() bool {
		status, _ := f.get("http://" + f.http + "/live/s.m3u8" + secretQuery)
		return status == http.StatusOK
	})
	rival, err := rtmp.Dial(ctx, f.url("s")+secretQuery, rtmp.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer rival.Close()
	if err := rival.Publish(ctx); err == nil {
		t.Error("two publish one stream")
	}
	waitFor(t, "the targets", func() bool {
		states, names := map[string]int{}, map[string]bool{}
		for _, g := range f.goals("") {
			states[g.State]++
			names[g.Target] = true
		}
		return states["sending"] == 1 && states["waiting"] >= 2 && len(names) == 4
	})
	waitFor(t, "all to be listed", func() bool { return len(f.sessions()) >= 4 })
	f.hasNoSecrets(t)
	f.kickPlayers()
}

// kickPlayers ends the sessions of players, of HLS above all, which end by themselves only when they
// have been silent for long.
func (f *fixture) kickPlayers() {
	for _, c := range f.players() {
		_, _ = f.call("DELETE", "/api/v1/clients/"+c.ID) // it may have left
	}
}

// hasNoSecrets looks at all that the server tells.
func (f *fixture) hasNoSecrets(t *testing.T) {
	t.Helper()
	paths := []string{"/api/v1/summaries", "/api/v1/vhosts/", "/api/v1/streams/", "/api/v1/clients/", "/api/v1/events", "/api/v1/forwards/", "/api/v1/raw?rpc=raw", "/api/v1/features", "/metrics"}
	var list struct {
		Streams []struct{ ID string }
		Clients []struct{ ID string }
	}
	for _, path := range []string{"/api/v1/streams/", "/api/v1/clients/"} {
		raw, err := f.call("GET", path+"?count=100")
		if err == nil {
			err = json.Unmarshal(raw, &list)
		}
		if err != nil {
			t.Error(err)
		}
	}
	for _, s := range list.Streams {
		paths = append(paths, "/api/v1/streams/"+s.ID)
	}
	for _, c := range list.Clients {
		paths = append(paths, "/api/v1/clients/"+c.ID)
	}
	for _, path := range paths {
		if raw, err := f.call("GET", path); err != nil || strings.Contains(string(raw), secret) {
			t.Errorf("%s: %v, %s", path, err, raw)
		}
	}
	time.Sleep(50 * time.Millisecond) // for lines that are being written
	for _, line := range f.log.Lines(secret) {
		t.Errorf("the log: %s", line)
	}
}
