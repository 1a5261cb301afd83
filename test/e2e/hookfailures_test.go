package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The headers that callbacks have beside those of SRS.
const (
	eventHeader = "X-Weir-Event-Id"
	timeHeader  = "X-Weir-Timestamp"
	signHeader  = "X-Weir-Signature"
)

// hangUp is no answer.
func hangUp(http.ResponseWriter, callback) { panic(http.ErrAbortHandler) }

// TestReceiverGone has the receiver fall silent, then die, and come back. What only informs it comes
// then, in order, as the same events.
func TestReceiverGone(t *testing.T) {
	t.Parallel()
	v := receive(t, nil)
	f := serve(t, conf{vhost: v.hooks(""), more: "vhost once.test {" + v.hooks("retry 0; on_connect ; on_close ;") + "}"})
	c := newClip(t, "h264", "small")
	pub := startClientPublisher(t, f.url("s"), c, 0)
	published(t, f)
	forgotten := playClient(t, f.url("s?vhost=once.test"))
	v.wait(1, "on_play", "once.test")
	player := playClient(t, f.url("s"))
	waitFor(t, "the player to play", func() bool { return player.frames() > 3 })
	id := v.calls("on_play", "__defaultVhost__")[0].ClientID

	v.say(hangUp)
	forgotten.stop()
	v.wait(1, "on_stop", "once.test")
	player.stop()
	first := v.wait(2, "on_stop", id) // it is tried again
	v.kill()
	pub.stop()
	unpublished(t, f)
	denied := playClient(t, f.url("s"))
	if shown := endOf(t, denied); !strings.Contains(shown, "You may not play /live/s: ") {
		t.Errorf("the receiver is down, and a player is told %q", shown)
	}
	v.say(nil)
	v.start()
	v.wait(2, "on_close")
	if n := len(v.calls("on_stop", "once.test")); n != 1 {
		t.Errorf("with retry 0 an event is sent %d times", n)
	}
	calls := v.calls("on_stop", id)
	for _, c := range calls {
		if e := c.Get(eventHeader); e == "" || e != first[0].Get(eventHeader) {
			t.Errorf("the event %q comes again as %q", first[0].Get(eventHeader), e)
		}
	}
	events := map[string]string{}
	for _, c := range v.calls("") {
		e := c.Get(eventHeader)
		if what, known := events[e]; known && what != c.body {
			t.Errorf("the event %s is two:\n%s\n%s", e, what, c.body)
		}
		events[e] = c.body
	}
	if len(events) != 8+2 { // on_connect, on_publish or on_play, and their ends; and the player's of the other virtual host
		t.Errorf("%d events: %v", len(events), events)
	}
	for _, client := range []string{id, v.calls("on_publish")[0].ClientID} {
		got, last := []string{}, ""
		for _, c := range v.calls(client) {
			if c.Action != last {
				got, last = append(got, c.Action), c.Action
			}
		}
		if s := strings.Join(got, " "); s != "on_connect on_play on_stop on_close" && s != "on_connect on_publish on_unpublish on_close" {
			t.Error(s)
		}
	}
}

// TestReceiverSlow has a receiver answer for one stream only after a long time. The streams beside it,
// of the same virtual host, start, play and end meanwhile, and are told of.
func TestReceiverSlow(t *testing.T) {
	t.Parallel()
	const limit = 8 * time.Second
	v := receive(t, func(w http.ResponseWriter, c callback) {
		if c.Stream == "slow" {
			time.Sleep(4 * limit) // it is 32 s
		}
		_, _ = io.WriteString(w, "0")
	})
	f := serve(t, conf{vhost: v.hooks("timeout 8;"), more: "vhost brief.test {" + v.hooks("timeout 0.5;") + "}"})
	c := newClip(t, "h264", "small")
	began := time.Now()
	ask := func(name string) (refused chan time.Duration) {
		refused = make(chan time.Duration, 1)
		go func() {
			p := startClientPublisher(t, f.url(name), c, 0)
			_ = p.wait()
			refused <- time.Since(began)
		}()
		return refused
	}
	refused, soon := ask("slow"), ask("slow?vhost=brief.test")
	v.wait(2, `"stream":"slow"`)

	pub := startClientPublisher(t, f.url("s"), c, 0)
	player := playClient(t, f.url("s"))
	waitFor(t, "the player beside it to play", func() bool { return player.frames() > 10 })
	player.stop()
	pub.stop()
	v.wait(2, "on_close")
	took := time.Since(began)
	after, brief := <-refused, <-soon
	if brief >= limit/2 {
		t.Errorf("a timeout of 0.5 s takes %s", brief)
	}
	t.Logf("the stream beside it was over after %s; the other was decided after %s", took, after)
	if after < limit-time.Second || after > 3*limit {
		t.Errorf("a receiver that does not answer is waited for for %s, want %s", after, limit)
	}
	if took > after {
		t.Errorf("the stream beside a slow one took %s: that is as long as the slow one", took)
	}
}

// TestReceiverBabbles has the receiver answer what is no leave. A redirection is not followed.
func TestReceiverBabbles(t *testing.T) {
	t.Parallel()
	v := receive(t, nil)
	f := serve(t, conf{vhost: v.hooks("on_close ;on_connect ;")})
	c := newClip(t, "h264", "small")
	for name, answer := range map[string]func(http.ResponseWriter, callback){
		"nothing":         func(http.ResponseWriter, callback) {},
		"a word":          func(w http.ResponseWriter, _ callback) { _, _ = io.WriteString(w, "OK") },
		"another number":  func(w http.ResponseWriter, _ callback) { _, _ = io.WriteString(w, "1") },
		"no code":         func(w http.ResponseWriter, _ callback) { _, _ = io.WriteString(w, "{}") },
		"a code of words": func(w http.ResponseWriter, _ callback) { _, _ = io.WriteString(w, `{"code":"0"}`) },
		"JSON cut short":  func(w http.ResponseWriter, _ callback) { _, _ = io.WriteString(w, `{"code":0`) },
		"a list":          func(w http.ResponseWriter, _ callback) { _, _ = io.WriteString(w, `[0]`) },
		"an error": func(w http.ResponseWriter, _ callback) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, "0")
		},
		"no content": func(w http.ResponseWriter, _ callback) { w.WriteHeader(http.StatusNoContent) },
		"somewhere else": func(w http.ResponseWriter, _ callback) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(http.StatusTemporaryRedirect)
			_, _ = io.WriteString(w, "0")
		},
		"without end": func(w http.ResponseWriter, _ callback) {
			for range 1 << 10 {
				if _, err := w.Write(make([]byte, 16<<10)); err != nil {
					return
				}
			}
		},
		"no HTTP": func(w http.ResponseWriter, _ callback) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, "\x00\x01\x02 come in\r\n\r\n")
				conn.Close()
			}
		},
		"no answer": hangUp,
	} {
		v.say(answer)
		p := startClientPublisher(t, f.url("s"), c, 0)
		if shown := endOf(t, p); !strings.Contains(shown, "You may not publish /live/s: ") {
			t.Errorf("%s: the publisher is told %q", name, shown)
		}
	}
	if n := len(f.publishers()); n != 0 {
		t.Errorf("%d publishers", n)
	}
	if n := len(v.calls("/elsewhere")); n != 0 {
		t.Errorf("%d redirections are followed", n)
	}
	v.say(nil)
	startClientPublisher(t, f.url("s"), c, 0)
	published(t, f)
	if n := f.log.Count("panic"); n != 0 {
		t.Error("the server panics")
	}
}

// TestReceiverDown has both values of on_error decide where nobody listens, and again after a reload.
// A receiver that refuses is heard all the same.
func TestReceiverDown(t *testing.T) {
	t.Parallel()
	v := receive(t, nil)
	v.kill()
	vhosts := func(first, second string) conf {
		return conf{vhost: v.hooks("on_error " + first + ";"), more: "vhost b.test {" + v.hooks("on_error "+second+";") + "}"}
	}
	f := serve(t, vhosts("deny", "allow"))
	c := newClip(t, "h264", "small")
	look := func(open, shut string) {
		t.Helper()
		endOf(t, startClientPublisher(t, f.url(shut), c, 0))
		endOf(t, playClient(t, f.url(shut)))
		pub := startClientPublisher(t, f.url(open), c, 0)
		player := playClient(t, f.url(open))
		waitFor(t, "a player to play with on_error allow", func() bool { return player.frames() > 3 })
		player.stop()
		pub.stop()
		waitFor(t, "them to be gone", func() bool { return len(f.sessions()) == 0 })
	}
	look("s?vhost=b.test", "s")
	f.reload(vhosts("allow", "deny"))
	look("s", "s?vhost=b.test")
	v.say(saying(http.StatusBadGateway, "0", "on_publish", "on_play")) // that is no answer either
	v.start()
	look("s", "s?vhost=b.test")
	v.say(saying(http.StatusOK, "1", "on_publish"))
	endOf(t, startClientPublisher(t, f.url("s"), c, 0))
}

// TestCallbacksSigned checks the signatures with a secret, and that there are none without. Reloads
// switch them, and callbacks as a whole.
func TestCallbacksSigned(t *testing.T) {
	t.Parallel()
	v := receive(t, nil)
	f := serve(t, conf{vhost: ""})
	c := newClip(t, "h264", "small")
	once := func(name string, calls int) []callback {
		t.Helper()
		pub := startClientPublisher(t, f.url(name), c, 0)
		published(t, f)
		pub.stop()
		unpublished(t, f)
		return v.wait(calls, `"stream":"`+name+`"`)
	}
	once("off", 0)
	for n, secret := range []string{"", "s3cret", "another"} {
		more := ""
		if secret != "" {
			more = "secret " + secret + ";"
		}
		f.reload(conf{vhost: v.hooks(more)})
		for _, c := range once(fmt.Sprint("on", n), 3) {
			mac := hmac.New(sha256.New, []byte(secret))
			mac.Write([]byte(c.Get(timeHeader) + "." + c.body))
			want := ""
			if secret != "" {
				want = "sha256=" + hex.EncodeToString(mac.Sum(nil))
			}
			if got := c.Get(signHeader); got != want {
				t.Errorf("%s with the secret %q is signed with %q, want %q", c.Action, secret, got, want)
			}
		}
	}
	f.reload(conf{})
	before := len(v.calls(""))
	once("off", 0)
	time.Sleep(100 * time.Millisecond)
	if n := len(v.calls("off")); n != 0 || len(v.calls("")) > before+1 { // the last on_close may have been late
		t.Errorf("%d callbacks though they are off", n)
	}
	if strings.Contains(f.log.String(), "s3cret") {
		t.Error("the secret is in the log")
	}
	if raw, err := f.call("GET", "/api/v1/vhosts/"); err != nil || strings.Contains(string(raw), "s3cret") {
		t.Errorf("the secret is in the API: %v", err)
	}
}
