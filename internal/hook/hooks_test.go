package hook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/config"
	"weir/internal/stream"
)

// TestBodies holds what each callback sends, member by member, in the order that SRS has.
func TestBodies(t *testing.T) {
	s := newStage(t, nil)
	const head = `{"server_id":"vid-sample","service_id":"51xq2938","action":"%s","client_id":"6xfmd0mx","ip":"127.0.0.1","vhost":"__defaultVhost__","app":"live",`
	const tail = `"stream_url":"/live/livestream","stream_id":"vid-o38sk3j"}`
	r := request("6xfmd0mx", "livestream")
	segment := &Segment{
		Request: r, Duration: 2 * time.Second, Seq: 7, CWD: "/usr/local/srs", File: "./objs/nginx/html/live/livestream-0.ts",
		URL: "livestream-0.ts", M3U8: "./objs/nginx/html/live/livestream.m3u8", M3U8URL: "live/livestream.m3u8",
	}
	for action, c := range map[string]struct {
		about about
		want  string
	}{
		"on_connect":   {about{}, `"stream":"livestream","param":"?token=abc&id=1","tcUrl":"rtmp://127.0.0.1:1935/live","pageUrl":"http://p/"}`},
		"on_close":     {about{sent: 916478, received: 3499}, `"send_bytes":916478,"recv_bytes":3499}`},
		"on_publish":   {about{}, `"tcUrl":"rtmp://127.0.0.1:1935/live","stream":"livestream","param":"?token=abc&id=1",` + tail},
		"on_unpublish": {about{}, `"tcUrl":"rtmp://127.0.0.1:1935/live","stream":"livestream","param":"?token=abc&id=1",` + tail},
		"on_play":      {about{}, `"stream":"livestream","tcUrl":"rtmp://127.0.0.1:1935/live","param":"?token=abc&id=1","pageUrl":"http://p/",` + tail},
		"on_stop":      {about{}, `"tcUrl":"rtmp://127.0.0.1:1935/live","stream":"livestream","param":"?token=abc&id=1",` + tail},
		"on_dvr": {
			about{recording: &Recording{CWD: "/usr/local/srs", File: "./a.flv"}},
			`"tcUrl":"rtmp://127.0.0.1:1935/live","stream":"livestream","param":"?token=abc&id=1","cwd":"/usr/local/srs","file":"./a.flv",` + tail,
		},
		"on_hls": {
			about{segment: segment},
			`"tcUrl":"rtmp://127.0.0.1:1935/live","stream":"livestream","param":"?token=abc&id=1","duration":2.0,"cwd":"/usr/local/srs",` +
				`"file":"./objs/nginx/html/live/livestream-0.ts","url":"live/livestream-0.ts","m3u8":"./objs/nginx/html/live/livestream.m3u8",` +
				`"m3u8_url":"live/livestream.m3u8","seq_no":7,` + tail,
		},
	} {
		c.about.id = "vid-o38sk3j"
		if got, want := string(s.body(action, r, c.about)), fmt.Sprintf(head, action)+c.want; got != want {
			t.Errorf("%s\n%s\nwant\n%s", action, got, want)
		}
	}
}

// TestAnswers holds which answers let a client in, and what is said of the others.
func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		err    error
		says   string // empty lets in
		open   bool   // on_error allow lets in
	}{
		"0":             {200, "0", nil, "", true},
		"0, created":    {201, "0", nil, "", true},
		"0 and a line":  {200, "0\n", nil, "exactly", false},
		"Code":          {200, `{"Code":0}`, nil, "no code", false},
		"two":           {200, `{"code":0}{"code":0}`, nil, "neither", false},
		"code 0":        {200, `{"code": 0, "data": null}`, nil, "", true},
		"code 1":        {200, `{"code":1}`, nil, "code 1", false},
		"reason":        {200, `{"code":403,"msg":"no such key"}`, nil, "no such key", false},
		"1":             {200, "1", nil, "code 1", false},
		"empty":         {200, "", nil, "empty", false},
		"garbage":       {200, "<html>", nil, "neither", false},
		"list":          {200, "[0]", nil, "neither", false},
		"null":          {200, "null", nil, "neither", false},
		"no code":       {200, `{"ok":true}`, nil, "no code", false},
		"code in words": {200, `{"code":"0"}`, nil, "no whole number", false},
		"half":          {200, `{"code":0.5}`, nil, "no whole number", false},
		"endless":       {200, strings.Repeat("0", maxAnswer+1), nil, "longer", false},
		"204":           {204, "", nil, "204", false},
		"302":           {302, "0", nil, "redirects", false},
		"404":           {404, "0", nil, "404", false},
		"500":           {500, "0", nil, "500", true},
		"nobody":        {0, "", errRefused, "has not answered", true},
	} {
		for _, open := range []bool{false, true} {
			s := newStage(t, func(h *config.HTTPHooks) {
				if open {
					h.OnError = "allow"
				}
			})
			s.says(func(heard) (int, string, error) { return c.status, c.body, c.err })
			err := s.publishes("a", "s")
			var denied *stream.Denied
			switch {
			case c.says == "" || open && c.open:
				if err != nil {
					t.Errorf("%s, on_error allow %v: %v", name, open, err)
				}
			case !errors.As(err, &denied) || denied.Gate != "on_publish" || !strings.Contains(denied.Reason, c.says):
				t.Errorf("%s, on_error allow %v: %v; want %q", name, open, err, c.says)
			}
			if n := len(s.list()); n != 1 {
				t.Errorf("%s: %d calls", name, n)
			}
			s.stop()
		}
	}
}

// TestSlow has a receiver that answers after 30 s. Its client waits for no longer than the time limit, and
// another's stream does not at all.
func TestSlow(t *testing.T) {
	for _, limit := range []time.Duration{2 * time.Second, 40 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, func(h *config.HTTPHooks) { h.Timeout = limit })
			defer s.stop()
			s.says(func(h heard) (int, string, error) {
				if strings.Contains(h.body, `"stream":"slow"`) {
					time.Sleep(30 * time.Second)
				}
				return 200, "0", nil
			})
			go s.ends("x", "slow")
			began := time.Now()
			if err := s.publishes("b", "fast"); err != nil || time.Since(began) != 0 {
				t.Error(err, time.Since(began))
			}
			err := s.Check(t.Context(), stream.Ask{Act: stream.Play, Request: request("a", "slow")})
			if limit > 30*time.Second {
				if err != nil || time.Since(began) != 30*time.Second {
					t.Error(err, time.Since(began))
				}
			} else if err == nil || !strings.Contains(err.Error(), limit.String()) {
				t.Errorf("%v after %s", err, time.Since(began))
			}
		})
	}
}

// TestRetries has a receiver that is down for some time: an event is sent again, as the same event, until
// it answers or the time is over, and what comes behind it keeps its place.
func TestRetries(t *testing.T) {
	for _, down := range []time.Duration{10 * time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, func(h *config.HTTPHooks) { h.Secret = "key" })
			defer s.stop()
			s.says(silence)
			s.ends("a", "s")
			s.ends("b", "s")
			s.ends("c", "other")
			time.Sleep(down)
			s.says(nil)
			tries := len(s.list())
			if down == time.Hour {
				if got := s.Stats(); got.Failed != 3 || got.Waiting != 0 || tries < 20 || tries > 100 {
					t.Errorf("%d tries, %+v", tries, got)
				}
				return
			}
			time.Sleep(20 * time.Second)
			var ids []string
			for _, h := range s.list()[tries:] {
				ids = append(ids, h.header.Get("X-Weir-Event-Id"))
				mac := hmac.New(sha256.New, []byte("key"))
				mac.Write([]byte(h.header.Get("X-Weir-Timestamp") + "." + h.body))
				if want := "sha256=" + hex.EncodeToString(mac.Sum(nil)); h.header.Get("X-Weir-Signature") != want {
					t.Errorf("signature %s", h.header.Get("X-Weir-Signature"))
				}
			}
			if len(ids) != 3 {
				t.Fatalf("%d events arrive", len(ids))
			}
			first := map[string]string{}
			for _, h := range s.list() {
				id := h.header.Get("X-Weir-Event-Id")
				if first[id] == "" {
					first[id] = h.body
				}
				if first[id] != h.body {
					t.Errorf("event %s changes", id)
				}
			}
			if len(first) != 3 {
				t.Errorf("%d event ids", len(first))
			}
			if a, b := strings.LastIndex(s.actions(), "on_unpublish a"), strings.LastIndex(s.actions(), "on_unpublish b"); a > b {
				t.Error("out of order:", s.actions())
			}
		})
	}
}

// TestRefused: an event that was answered with no is not sent again.
func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		defer s.stop()
		s.says(after(0, 200, `{"code":1}`))
		s.ends("a", "s")
		time.Sleep(time.Hour)
		if n := len(s.list()); n != 1 {
			t.Errorf("%d calls", n)
		}
	})
}

// TestFull has more events than a queue takes.
func TestFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(h *config.HTTPHooks) { h.Retry = 0 })
		defer s.stop()
		s.says(after(time.Second, 200, "0"))
		for range lineLength + 50 {
			s.ends("a", "s")
		}
		if got := s.Stats(); got.Waiting != lineLength || got.Dropped != 50 {
			t.Errorf("%+v", got)
		}
		s.ends("b", "other")
		time.Sleep(1500 * time.Millisecond)
		if !strings.Contains(s.actions(), "on_unpublish b") {
			t.Error("another stream waits:", s.actions())
		}
		if n := strings.Count(s.log.String(), "queue that is full"); n != 1 {
			t.Errorf("%d lines in the log", n)
		}
		time.Sleep(time.Hour)
		if got := s.Stats(); got.Waiting != 0 || len(s.lines) != 0 {
			t.Errorf("%+v", got)
		}
	})
}

// TestOrder has a publisher who comes while the end of the one before is still to be told.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		defer s.stop()
		s.says(after(time.Second, 200, "0"))
		s.ends("old", "s")
		if err := s.publishes("new", "s"); err != nil {
			t.Error(err)
		}
		if got := s.actions(); got != "on_unpublish old, on_publish new" {
			t.Error(got)
		}
		s.says(silence) // nobody waits for long
		s.ends("new", "s")
		began := time.Now()
		_ = s.publishes("next", "s")
		if d := time.Since(began); d != settleWait {
			t.Errorf("asked after %s", d)
		}
	})
}

// TestClose is told behind what is told of the stream that the connection was with.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		defer s.stop()
		s.says(after(time.Second, 200, "0"))
		first, second := request("a", "first"), request("a", "second")
		s.Witness(stream.Event{What: stream.Connected, Request: first})
		s.Witness(stream.Event{What: stream.Published, Request: second})
		s.Witness(stream.Event{What: stream.Unpublished, Request: second})
		s.Witness(stream.Event{What: stream.Closed, Request: first, Sent: 1})
		time.Sleep(time.Minute)
		if got := s.actions(); got != "on_unpublish a, on_close a" {
			t.Error(got)
		}
		if len(s.places) != 0 {
			t.Error("connections are remembered")
		}
	})
}

// TestSupplied has a stream that this server brings from another one: nobody is told of its publisher, who is no client.
func TestSupplied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		defer s.stop()
		r := request("a", "s")
		r.Supplied = true
		s.Witness(stream.Event{What: stream.Published, Request: r})
		s.Witness(stream.Event{What: stream.Unpublished, Request: r})
		s.ends("b", "s")
		time.Sleep(time.Minute)
		if got := s.actions(); got != "on_unpublish b" {
			t.Error(got)
		}
	})
}

// TestStop: what is to be told when the server stops still is, for a moment.
func TestStop(t *testing.T) {
	for _, down := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, nil)
			s.says(after(100*time.Millisecond, 200, "0"))
			if down {
				s.says(silence)
			}
			for range 5 {
				s.ends("a", "s")
			}
			began := time.Now()
			s.stop()
			if d := time.Since(began); !down && (len(s.list()) != 5 || d > time.Second) || d > stopWait+time.Second {
				t.Errorf("down %v: %d calls, ended after %s", down, len(s.list()), d)
			}
		})
	}
}

// TestSwitchedOff: nobody is asked or told any more.
func TestSwitchedOff(t *testing.T) {
	s := newStage(t, nil)
	s.reload(func(h *config.HTTPHooks) { h.Enabled = false })
	s.says(silence)
	if err := s.publishes("a", "s"); err != nil {
		t.Error(err)
	}
	s.ends("a", "s")
	s.stop()
	if n := len(s.list()); n != 0 {
		t.Errorf("%d calls", n)
	}
}

func TestSeveral(t *testing.T) {
	s := newStage(t, func(h *config.HTTPHooks) { h.OnPublish = []string{at + "/1", at + "/2", at + "/3"} })
	s.says(func(h heard) (int, string, error) {
		if strings.HasSuffix(h.url, "2") {
			return 200, "1", nil
		}
		return 200, "0", nil
	})
	if err := s.publishes("a", "s"); err == nil {
		t.Error("let in")
	}
	if all := s.list(); len(all) != 2 || all[0].url != at+"/1" || all[1].url != at+"/2" {
		t.Errorf("%v", all)
	}
}

func TestHLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(h *config.HTTPHooks) {
			h.OnHlsNotify = []string{"http://cdn/[server_id]/[service_id]/[app]/[stream]/[ts_url][param]"}
		})
		defer s.stop()
		segment := Segment{Request: request("a", "s"), StreamID: "vid-1", Duration: 2500 * time.Millisecond, File: "objs/nginx/html/live/s-0.ts", URL: "s-0.ts", M3U8URL: "live/s.m3u8"}
		s.Segment(segment)
		segment.URL = "https://elsewhere/s-1.ts"
		s.Segment(segment)
		synctest.Wait()
		var posts, gets []string
		for _, h := range s.list() {
			if h.method == http.MethodGet {
				gets = append(gets, h.url)
				continue
			}
			posts = append(posts, h.body)
		}
		want := "[http://cdn/vid-sample/51xq2938/live/s/s-0.ts?token=abc&id=1 https://elsewhere/s-1.ts]"
		slices.Sort(gets) // of two receivers
		if fmt.Sprint(gets) != want {
			t.Errorf("%v\nwant\n%s", gets, want)
		}
		if len(posts) != 2 || !strings.Contains(posts[0], `"file":"./objs/nginx/html/live/s-0.ts","url":"live/s-0.ts"`) || !strings.Contains(posts[1], `"url":"https://elsewhere/s-1.ts"`) {
			t.Error(posts)
		}
	})
}

func TestCanceled(t *testing.T) {
	s := newStage(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	s.says(func(heard) (int, string, error) {
		cancel()
		return 200, "1", nil
	})
	err := s.Check(ctx, stream.Ask{Act: stream.Connect, Request: request("a", "s")})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// FuzzAnswer: only what says 0 is a yes.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{"0", " 0 ", "1", `{"code":0}`, `{"code":0,"data":{"a":[1,2]}}`, `{"code":"0"}`, "", "00", "-0", "0x0", `{"Code":0}`, "{", "null"} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if parseAnswer(body) != nil || string(body) == "0" {
			return
		}
		var answer map[string]json.RawMessage
		if err := json.Unmarshal(body, &answer); err != nil || strings.TrimPrefix(string(answer["code"]), "-") != "0" {
			t.Errorf("%q is a yes", body)
		}
	})
}

// FuzzNotice: what clients name never decides which server is asked.
func FuzzNotice(f *testing.F) {
	for template := range notices {
		f.Add(template, "s-0.ts", "a", "?a=b")
	}
	f.Add("http://cdn[param]", "/", "a", "@evil/")
	f.Add("http://cdn[param]", "%zz", "\x00", ".evil/")
	s := newStage(f, nil)
	f.Fuzz(func(t *testing.T, template, address, name, param string) {
		r := request("a", name)
		r.Param = param
		got, err := s.notice(template, &Segment{Request: r, URL: address})
		if err != nil || whole(address) {
			return
		}
		u, err := url.Parse(got)
		if err != nil || !strings.HasPrefix(template, u.Scheme+"://") || !strings.HasSuffix(authority(template), u.Host) || authority(got) != authority(template) {
			t.Errorf("%q with %q, %q and %q asks for %q: %v", template, address, name, param, got, err)
		}
		if _, err := http.NewRequest(http.MethodGet, got, http.NoBody); err != nil {
			t.Errorf("%q is no address: %v", got, err)
		}
	})
}

// authority is what stands between the scheme and the path of an address.
func authority(address string) string {
	_, rest, _ := strings.Cut(address, "://")
	if end := strings.IndexAny(rest, "/?"); end >= 0 {
		rest = rest[:end]
	}
	return rest
}

func BenchmarkBody(b *testing.B) {
	s := newStage(b, nil)
	r := request("6xfmd0mx", "livestream")
	b.ReportAllocs()
	for b.Loop() {
		_ = s.body("on_play", r, about{id: "vid-o38sk3j"})
	}
}
