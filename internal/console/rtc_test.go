package console

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const rtcSettings = `listen 1935;
http_server { enabled on; https { enabled on; listen 8443; key x; cert x; } }
http_api { enabled on; listen 1985; }
rtc_server { enabled on; }
vhost __defaultVhost__ { http_remux { enabled on; } rtc { enabled on; } }
vhost carried.example { http_remux { enabled on; } rtc { enabled on; rtmp_to_rtc on; rtc_to_rtmp on; } }
vhost off.example { http_remux { enabled on; } }
`

// kinds are those of a stream's outputs.
func (s *studio) kinds(t *testing.T, query string) string {
	t.Helper()
	var list []string
	for _, o := range decode[streamAnswer](t, s.get("GET", "/players/stream.json?stream="+query)).Stream.Outputs {
		list = append(list, o.Kind)
	}
	return strings.Join(list, " ")
}

// TestRTCOffer offers WebRTC where it plays, and nothing else of what only WebRTC players are sent.
func TestRTCOffer(t *testing.T) {
	s := newStudio(t, rtcSettings)
	for _, vhost := range []string{"__defaultVhost__", "carried.example", "off.example"} {
		s.publish(t, vhost, "live", "rtmp")
		s.publishAs(t, rtcPublisher, vhost, "live", "rtc")
	}
	for query, want := range map[string]string{
		"live/nobody":                     "webrtc flv rtmp",
		"live/rtmp":                       "flv rtmp",
		"live/rtc":                        "webrtc",
		"live/rtmp&vhost=carried.example": "webrtc flv rtmp",
		"live/rtc&vhost=carried.example":  "webrtc flv rtmp",
		"live/rtmp&vhost=off.example":     "flv rtmp",
	} {
		if got := s.kinds(t, query); got != want {
			t.Errorf("%s is played by %s, want %s", query, got, want)
		}
	}
	for name, without := range map[string]string{"rtc_server { enabled on; }": "", "http_api { enabled on;": "http_api {"} {
		off := newStudio(t, strings.Replace(rtcSettings, name, without, 1))
		got := decode[streamAnswer](t, off.get("GET", "/players/stream.json?stream=live/x")).Stream
		if kinds := off.kinds(t, "live/x"); kinds != "flv rtmp" || got.WHIP != "" || got.Studio != "" {
			t.Errorf("without %s: %s, WHIP %q, page %q", name, kinds, got.WHIP, got.Studio)
		}
		if list := decode[streamsAnswer](t, off.get("GET", "/players/streams.json")); list.Studio != "" {
			t.Errorf("without %s the page that publishes is %q", name, list.Studio)
		}
	}
	if list := decode[streamsAnswer](t, s.get("GET", "/players/streams.json")); list.Studio != studioPath {
		t.Errorf("the page that publishes is %q", list.Studio)
	}
}

// TestRTCAddress names the API by the name of the visitor, who must be able to reach it, and lets pages call it there alone.
func TestRTCAddress(t *testing.T) {
	const apart = "http_api { enabled on; listen 1985; }"
	for name, x := range map[string]struct {
		api    string // instead of the API on port 1985
		host   string
		tls    bool
		origin string // of the API; - is the page's own, empty none
	}{
		"another port":           {apart, "video.example:8080", false, "http://video.example:1985"},
		"by the port alone":      {apart, "192.0.2.1", false, "http://192.0.2.1:1985"},
		"an address of IPv6":     {apart, "[2001:db8::1]:8080", false, "http://[2001:db8::1]:1985"},
		"shared":                 {"http_api { enabled on; listen 8080; }", "video.example:8080", false, "-"},
		"shared over TLS":        {"http_api { enabled on; listen 8080; }", "video.example:8443", true, "-"},
		"not over TLS":           {apart, "video.example:8443", true, ""},
		"over TLS":               {"http_api { enabled on; https { enabled on; listen 1990; key x; cert x; } }", "video.example:8443", true, "https://video.example:1990"},
		"of this machine":        {"http_api { enabled on; listen 127.0.0.1:1985; }", "video.example", false, ""},
		"on this machine":        {"http_api { enabled on; listen 127.0.0.1:1985; }", "localhost:8080", false, "http://localhost:1985"},
		"two places":             {"http_api { enabled on; listen 127.0.0.1:1985 1986; }", "video.example", false, "http://video.example:1986"},
		"a host that is no host": {apart, "a;b", false, ""},
	} {
		s := newStudio(t, strings.Replace(rtcSettings, apart, x.api, 1))
		r := httptest.NewRequest(http.MethodGet, "/players/stream.json?stream=a/b/c%26d&vhost=carried.example", nil)
		r.Host = x.host
		if x.tls {
			r.TLS = &tls.ConnectionState{}
		}
		w := httptest.NewRecorder()
		s.pages.ServeHTTP(w, r)
		policy := w.Header().Get("Content-Security-Policy")
		want := "connect-src 'self'"
		if strings.Contains(x.origin, "://") {
			want += " " + x.origin
		}
		if !strings.Contains(policy, want+";") {
			t.Errorf("%s: policy %q, want %q", name, policy, want)
		}
		item := decode[streamAnswer](t, w)
		whip := ""
		if x.origin != "" {
			whip = strings.TrimPrefix(x.origin, "-") + "/rtc/v1/whip/?app=a/b&stream=c%26d&vhost=carried.example"
		}
		if item.Stream.WHIP != whip && name != "a host that is no host" {
			t.Errorf("%s: WHIP at %q, want %q", name, item.Stream.WHIP, whip)
		}
		if page := "/players/publish.html?stream=a/b/c%26d&vhost=carried.example"; whip != "" && item.Stream.Studio != page {
			t.Errorf("%s: the page that publishes is %q, want %q", name, item.Stream.Studio, page)
		}
		if !strings.HasPrefix(item.Secure, "https://") || !strings.HasSuffix(item.Secure, ":8443") {
			t.Errorf("%s: over TLS it is %q", name, item.Secure)
		}
	}
}

// TestDevices lets the page that publishes alone ask for the camera.
func TestDevices(t *testing.T) {
	s := newStudio(t, rtcSettings)
	for path, want := range map[string]string{
		"/":         "camera=(), microphone=(), display-capture=()",
		"/players/": "camera=(), microphone=(), display-capture=()",
		studioPath:  "camera=(self), microphone=(self), display-capture=(self)",
	} {
		if got := s.get("GET", path).Header().Get("Permissions-Policy"); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}
