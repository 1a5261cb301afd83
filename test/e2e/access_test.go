package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"

	"weir/internal/access"
	"weir/internal/protocol/rtmp"
	"weir/internal/stream"
)

// stranger tries to get in, by one protocol, and returns what it is told; empty if it is let in.
type stranger struct {
	name string
	act  stream.Act
	try  func(f *fixture, name, param string, header http.Header) string
}

var strangers = []stranger{
	{"rtmp publish", stream.Publish, func(f *fixture, name, param string, _ http.Header) string {
		return f.knock(f.url(name)+param, (*rtmp.Client).Publish)
	}},
	{"rtmp publish, address first", stream.Publish, func(f *fixture, name, param string, _ http.Header) string {
		return f.knock("rtmp://"+f.rtmp+"/live"+param+"/"+name, (*rtmp.Client).Publish)
	}},
	{"rtmp play", stream.Play, func(f *fixture, name, param string, _ http.Header) string {
		return f.knock(f.url(name)+param, (*rtmp.Client).Play)
	}},
	{"flv", stream.Play, func(f *fixture, name, param string, h http.Header) string {
		return f.fetch("http://"+f.http+"/live/"+name+".flv"+param, h)
	}},
	{"flv over HTTP/2", stream.Play, func(f *fixture, name, param string, h http.Header) string {
		return f.fetch("https://"+f.https+"/live/"+name+".flv"+param, h)
	}},
	{"websocket", stream.Play, func(f *fixture, name, param string, h http.Header) string {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		c, answer, err := websocket.Dial(ctx, "ws://"+f.http+"/live/"+name+".flv"+param, &websocket.DialOptions{HTTPHeader: h})
		if err != nil {
			if answer == nil || answer.StatusCode != http.StatusForbidden {
				return "not refused: " + err.Error()
			}
			return "denied"
		}
		defer func() { _ = c.CloseNow() }()
		if _, _, err := c.Read(ctx); err != nil {
			return err.Error()
		}
		return ""
	}},
	{"hls", stream.Play, func(f *fixture, name, param string, h http.Header) string {
		return f.fetch("http://"+f.http+"/live/"+name+".m3u8"+param, h)
	}},
	{"dash", stream.Play, func(f *fixture, name, param string, h http.Header) string {
		if h = h.Clone(); h == nil {
			h = http.Header{}
		}
		h.Set("User-Agent", stream.NewID()) // somebody else each time
		return f.fetch("http://"+f.http+"/live/"+name+".mpd"+param, h)
	}},
}

// knock connects and asks; it returns the server's words.
func (f *fixture) knock(url string, act func(*rtmp.Client, context.Context) error) string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := rtmp.Dial(ctx, url, rtmp.DialOptions{})
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	if err := act(c, ctx); err != nil {
		return err.Error()
	}
	return ""
}

var twoClient = &http.Client{
	Timeout: patience,
	Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true, IdleConnTimeout: time.Second,
	},
}

// fetch asks for the beginning of an address; it returns the server's words where that is refused.
func (f *fixture) fetch(url string, h http.Header) string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err.Error()
	}
	if h != nil {
		request.Header = h
	}
	defer twoClient.CloseIdleConnections()
	answer, err := twoClient.Do(request)
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusOK {
		_, err = io.ReadFull(answer.Body, make([]byte, 3))
		if err != nil {
			return err.Error()
		}
		return ""
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusForbidden || !strings.Contains(string(body), `"reason"`) {
		return fmt.Sprintf("not refused: %d %s %v", answer.StatusCode, body, err)
	}
	return string(body)
}

// guarded serves a stream in a vhost whose rules a test changes.
func guarded(t *testing.T, rules string) (f *fixture, change func(rules string)) {
	dir := t.TempDir()
	with := func(rules string) conf { // the files of HLS are where the web server looks for files
		return conf{
			global: "forwarded_for 127.0.0.1;", http: "dir " + dir + ";",
			vhost: "http_remux { enabled on; }\nhls { enabled on; hls_fragment 1; hls_path " + dir + "; }\ndash { enabled on; dash_fragment 1; dash_path " + dir + "; }\n" + rules,
			more:  "vhost b.example.com { hls { enabled on; hls_path " + dir + "; } dash { enabled on; dash_path " + dir + "; } }",
		}
	}
	f = serve(t, with(""))
	p := openFeed(t, f.url("s"))
	p.header(t)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for ms := uint32(0); ; ms += 1000 {
			p.group(ms, 10)
			select {
			case <-stop:
				return
			case <-time.After(200 * time.Millisecond):
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-done
		f.kickPlayers() // those of HLS stay for a while
	})
	waitFor(t, "a segment", func() bool {
		return f.fetch("http://"+f.http+"/live/s.m3u8", nil) == "" && f.fetch("http://"+f.http+"/live/s.mpd", nil) == ""
	})
	f.reload(with(rules))
	return f, func(rules string) { f.reload(with(rules)) }
}

// expect has every stranger try. Publishers use a name of their own.
func (f *fixture) expect(what, param string, h http.Header, publish, play bool, words string) {
	f.t.Helper()
	for _, s := range strangers {
		name, may := "s", play
		if s.act == stream.Publish {
			name, may = "p", publish
		}
		got := s.try(f, name, param, h.Clone())
		if (got == "") != may || !may && got != "denied" && !strings.Contains(got, words) {
			f.t.Errorf("%s: %s: %q; may %v", what, s.name, got, may)
		}
		if got == "" && s.act == stream.Publish { // the next one has the same name
			waitFor(f.t, "the publisher's end", func() bool { return len(f.publishers()) == 1 })
		}
	}
}

// TestAccess holds the rules of who may publish and play over all protocols, as reloads bring them.
func TestAccess(t *testing.T) {
	f, change := guarded(t, "")
	f.expect("no rules", "", nil, true, true, "")
	change("security { enabled on; allow publish 127.0.0.1; allow play 192.0.2.0/24; }")
	f.expect("publish only", "", nil, true, false, "address 127.0.0.1")
	change("security { enabled on; deny publish 127.0.0.0/8; }")
	f.expect("play only", "", nil, false, true, "address 127.0.0.1")
	change("security { enabled on; deny play 192.0.2.7; allow play all; allow publish all; }")
	from := func(ip string) http.Header { return http.Header{"X-Forwarded-For": {ip}} }
	for ip, may := range map[string]bool{"192.0.2.7": false, "192.0.2.8": true, "192.0.2.7, 192.0.2.8": true, "192.0.2.8, 192.0.2.7": false} {
		if got := f.fetch("http://"+f.http+"/live/s.flv", from(ip)); (got == "") != may {
			t.Errorf("behind a proxy, for %s: %q", ip, got)
		}
	}
	change("refer { enabled on; http on; all example.com; }")
	for page, may := range map[string]bool{"http://www.example.com/": true, "http://notexample.com/": false, "": false} {
		if got := f.fetch("http://"+f.http+"/live/s.flv", http.Header{"Referer": {page}}); (got == "") != may {
			t.Errorf("from %q: %q", page, got)
		}
	}
	change("")
	f.expect("no rules again", "", nil, true, true, "")
}

// TestTokens holds signed addresses and tokens.
func TestTokens(t *testing.T) {
	f, change := guarded(t, "auth { enabled on; secret new old; }")
	f.expect("nothing", "", nil, false, false, "a token is needed")
	signed := func(act stream.Act, name, secret string, life time.Duration) string {
		g := access.Grant{Act: act, Vhost: stream.DefaultVhost, App: "live", Stream: name, Expires: time.Now().Add(life)}
		return "?" + g.Sign(secret)
	}
	f.expect("to publish", signed(stream.Publish, "p", "new", time.Minute), nil, true, false, "signature")
	f.expect("to play", signed(stream.Play, "s", "old", time.Minute), nil, false, true, "signature")
	f.expect("for another stream", signed(stream.Play, "t", "new", time.Minute), nil, false, false, "signature")
	f.expect("expired", signed(stream.Play, "s", "new", -time.Minute), nil, false, false, "")
	good := signed(stream.Play, "s", "new", time.Minute)
	for what, param := range map[string]string{
		"twice": good + "&sign=00", "capitals": strings.ToUpper(good), "another vhost": good + "&vhost=other.example.com",
		"in a fragment": "?a=b#" + good[1:], "encoded name": strings.Replace(good, "sign", "%73ign%00", 1),
	} {
		if got := f.fetch("http://"+f.http+"/live/s.flv"+param, nil); got == "" && what != "another vhost" {
			t.Errorf("%s: let in", what)
		}
	}
	for _, at := range []string{"//live/s.flv", "/live//s.flv", "/LIVE/s.flv", "/live/%73.flv", "/live/./s.flv", "/x/../live/s.flv", "/live/s.flv/", "/live/s.flv?token=", "/live/s-0.ts", "/live/s-0.ts?hls_ctx=abcd1234", "//live/s-0.ts", "/live/s-0.ts/"} {
		if got := f.fetch("http://"+f.http+at, nil); got == "" {
			t.Errorf("%s: let in", at)
		}
	}
	token := func(method jwt.SigningMethod, key any, more jwt.MapClaims) string {
		c := jwt.MapClaims{"exp": time.Now().Add(time.Minute).Unix(), "action": []string{"publish", "play"}}
		maps.Copy(c, more)
		text, err := jwt.NewWithClaims(method, c).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	hs := func(more jwt.MapClaims) string { return token(jwt.SigningMethodHS256, []byte("new"), more) }
	f.expect("a token", "?token="+hs(nil), nil, true, true, "")
	f.expect("one for a stream", "?token="+hs(jwt.MapClaims{"stream": "s"}), nil, false, true, "another stream")
	f.expect("one that is over", "?token="+hs(jwt.MapClaims{"exp": time.Now().Add(-time.Minute).Unix()}), nil, false, false, "expired")
	f.expect("one by nobody", "?token="+token(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil), nil, false, false, "signature or algorithm")
	if got := f.fetch("http://"+f.http+"/live/s.m3u8", http.Header{"Authorization": {"Bearer " + hs(nil)}}); got != "" {
		t.Errorf("in a header: %q", got)
	}
	change("auth { enabled on; secret newest; open live/s; }")
	f.expect("after the secret has changed", "?token="+hs(nil), nil, false, true, "signature")
	if f.log.Count("new") > 0 && strings.Contains(f.log.String(), hs(nil)[:20]) {
		t.Error("the log has a token")
	}
}

// TestAccessHLS asks for what HLS writes, in all ways but that of a session.
func TestAccessHLS(t *testing.T) {
	f, change := guarded(t, "")
	get := func(method, at, span string) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), method, "http://"+f.http+at, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if span != "" {
			request.Header.Set("Range", span)
		}
		answer, err := twoClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		defer twoClient.CloseIdleConnections()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(body)
	}
	// The playlist with a session, and a segment of it.
	lines := func(at string) string {
		_, list := get(http.MethodGet, at, "")
		words := strings.Fields(list)
		if len(words) == 0 {
			return ""
		}
		return "/live/" + words[len(words)-1]
	}
	for _, rules := range []string{"", "security { enabled on; allow play 127.0.0.1; }"} {
		change(rules)
		member := lines(lines("/live/s.m3u8"))
		segment, _, ok := strings.Cut(member, "?hls_ctx=")
		if code, body := get(http.MethodGet, member, ""); !ok || code != http.StatusOK || len(body) < 188 {
			t.Fatalf("%q: %s: %d, %d bytes", rules, member, code, len(body))
		}
		name := strings.TrimPrefix(segment, "/live/")
		for _, at := range []string{
			segment, segment + "?vhost=b.example.com", segment + "?vhost=none.example.com", segment + "?hls_ctx=&hls_ctx=x",
			segment + "?hls_ctx=abcd1234", "/live/%73" + name[1:], "//live/" + name, "/live//" + name, "/live/./" + name, "/x/../live/" + name,
			"/LIVE/" + name, "/live/" + strings.ToUpper(name), "/live%2f" + name, "/live/s.m3u8?vhost=b.example.com",
		} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				for _, span := range []string{"", "bytes=0-187"} {
					code, body := get(method, at, span)
					if rules == "" {
						if at == segment && (code > 206 || method == http.MethodGet && len(body) < 188) {
							t.Errorf("no rules: %s %s %s: %d, %d bytes", method, at, span, code, len(body))
						}
						continue
					}
					if code < 400 && !strings.Contains(at, "m3u8") || strings.HasPrefix(body, "G") || strings.Contains(body, "#EXTINF") {
						t.Errorf("%s %s %s: %d, %d bytes", method, at, span, code, len(body))
					}
				}
			}
		}
	}
}

// TestAccessDASH asks for what DASH writes, in all ways but that of a session.
func TestAccessDASH(t *testing.T) {
	f, change := guarded(t, "")
	session := func() string {
		_, manifest := f.get("http://" + f.http + "/live/s.mpd")
		_, rest, _ := strings.Cut(manifest, "<Location>")
		_, rest, _ = strings.Cut(rest, "?")
		query, _, ok := strings.Cut(rest, "<")
		if !ok {
			t.Fatalf("no session: %s", manifest)
		}
		return "?" + query
	}
	for _, rules := range []string{"", "security { enabled on; allow play 127.0.0.1; }"} {
		change(rules)
		for _, file := range []string{"video-init.mp4", "video-0.m4s"} {
			if code, body := f.get("http://" + f.http + "/live/s/" + file + session()); code != http.StatusOK || len(body) < 100 {
				t.Fatalf("%q: %s: %d, %d bytes", rules, file, code, len(body))
			}
			for _, at := range []string{
				"/live/s/" + file, "/live/s/" + file + "?vhost=b.example.com", "/live/s/" + file + "?vhost=none.example.com",
				"/live/s/" + file + "?dash_ctx=abcd1234", "/live/s/" + file + "?hls_ctx=abcd1234", "//live/s/" + file, "/live/s//" + file,
				"/LIVE/s/" + file, "/live/%73/" + file, "/live/s%2f" + file, "/live/s/" + strings.ToUpper(file), "/live/./s/" + file,
			} {
				code, body := f.get("http://" + f.http + at)
				if rules == "" {
					if at == "/live/s/"+file && code != http.StatusOK {
						t.Errorf("no rules: %s: %d", at, code)
					}
					continue
				}
				if code < 300 || strings.Contains(body, "moof") || strings.Contains(body, "moov") {
					t.Errorf("%s: %d, %d bytes", at, code, len(body))
				}
			}
		}
	}
	change("security { enabled on; deny play all; }")
	for _, at := range []string{"/live/s.mpd", "/live/s.mpd?vhost=b.example.com", "/live/./s.mpd", "//live/s.mpd"} {
		if code, body := f.get("http://"+f.http+at, "User-Agent", "somebody else"); code < 300 || strings.Contains(body, "<MPD") {
			t.Errorf("%s: %d %s", at, code, body)
		}
	}
}

// TestAccessIPv6 has rules for clients over IPv6.
func TestAccessIPv6(t *testing.T) {
	for rule, may := range map[string]bool{"allow play ::1": true, "allow play 2001:db8::/32": false, "deny play ::/0": false} {
		port := netip.MustParseAddrPort(freeAddress(t)).Port()
		f := serve(t, conf{
			listen: fmt.Sprintf("[::1]:%d", port), vhost: "security { enabled on; " + rule + "; }",
		})
		if got := f.knock(fmt.Sprintf("rtmp://[::1]:%d/live/s", port), (*rtmp.Client).Play); (got == "") != may || !may && !strings.Contains(got, "address ::1") {
			t.Errorf("%s: %q", rule, got)
		}
	}
}
