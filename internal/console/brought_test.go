package console

import (
	"testing"

	"weir/internal/stream"
)

const edgeSettings = `listen 1935;
http_server { enabled on; }
http_api { enabled on; listen 1985; }
rtc_server { enabled on; }
vhost __defaultVhost__ { http_remux { enabled on; } hls { enabled on; } rtc { enabled on; rtmp_to_rtc on; } }
vhost edge.example { cluster { mode remote; origin 192.0.2.1; } http_remux { enabled on; } dash { enabled on; } rtc { enabled on; rtmp_to_rtc on; rtc_to_rtmp on; } }
vhost bare.example { cluster { mode remote; origin 192.0.2.1; } hls { enabled on; } rtc { enabled on; } }
vhost many.example { cluster { registry redis://192.0.2.9; } hls { enabled on; } rtc { enabled on; } }
vhost peers.example { cluster { origin_cluster on; coworkers 192.0.2.2:1985; } hls { enabled on; } }
vhost lost.example { cluster { mode remote; } hls { enabled on; } }
`

// TestBrought says of a stream that is not on whether it is brought here once it is played, by what it can be played then, and
// whether it can be published here over WebRTC.
func TestBrought(t *testing.T) {
	s := newStudio(t, edgeSettings)
	for vhost, want := range map[string]struct {
		brought, onward, whip bool
		kinds                 string
	}{
		stream.DefaultVhost: {false, false, true, "webrtc flv hls rtmp"},
		"edge.example":      {true, true, true, "webrtc flv dash rtmp"},
		"bare.example":      {true, true, false, "hls rtmp"}, // what comes from another server is not carried over to WebRTC
		"many.example":      {true, false, true, "hls rtmp"},
		"peers.example":     {true, false, false, "hls rtmp"},
		"lost.example":      {false, false, false, "hls rtmp"}, // it has no origin
	} {
		query := "live/cam&vhost=" + vhost
		got := decode[streamAnswer](t, s.get("GET", "/players/stream.json?stream="+query)).Stream
		if kinds := s.kinds(t, query); got.Live || got.Brought != want.brought || got.Onward != want.onward || (got.WHIP != "") != want.whip ||
			(got.Studio != "") != want.whip || kinds != want.kinds {
			t.Errorf("%s: %+v by %s, want %+v", vhost, got, kinds, want)
		}
		at := newStudio(t, edgeSettings)
		at.host = vhost
		if list := decode[streamsAnswer](t, at.get("GET", "/players/streams.json")); list.Brought != want.brought || (list.Studio != "") != want.whip {
			t.Errorf("%s: the list says %+v, want %+v", vhost, list, want)
		}
	}
	s.publishAs(t, rtcPublisher, "many.example", "live", "cam") // here, by WebRTC
	if got := s.kinds(t, "live/cam&vhost=many.example"); got != "webrtc" {
		t.Errorf("what is published here over WebRTC is played by %s", got)
	}
}
