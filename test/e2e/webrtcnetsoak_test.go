//go:build soak

package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	weather "weir/internal/testkit/relay"
)

// TestSoakRTCLoss loses packets on one side only.
func TestSoakRTCLoss(t *testing.T) {
	for _, side := range []string{"publisher", "player"} {
		for _, nack := range []bool{true, false} {
			t.Run(side, func(t *testing.T) {
				t.Parallel()
				rtcLoss(t, side == "publisher", side == "player", nack)
			})
		}
	}
}

// TestSoakRTCHandshake has each message of a handshake suffer each mishap, whichever part the server has.
func TestSoakRTCHandshake(t *testing.T) {
	for _, role := range []string{"passive", "active"} {
		t.Run(role, func(t *testing.T) {
			s := newDTLSStage(t, role, "")
			t.Run("mishaps", func(t *testing.T) {
				for _, m := range messages {
					for mishap := range mishaps {
						t.Run(m.name+" "+mishap, func(t *testing.T) {
							t.Parallel()
							s.suffers(t, m, mishap)
						})
					}
				}
			})
		})
	}
}

// TestSoakRTCCorrupt changes a bit in the middle of a message, which nobody can see at once: the handshake comes to an end or not, and
// whoever comes next is served.
func TestSoakRTCCorrupt(t *testing.T) {
	for _, role := range []string{"passive", "active"} {
		t.Run(role, func(t *testing.T) {
			s := newDTLSStage(t, role, "")
			for _, m := range messages {
				way := weather.New(t, s.http, weather.Weather{}, weather.Weather{})
				a := &accident{way: way, what: m, up: m.fromServer == (role == "active"), mishap: func(way *weather.Relay, up bool, packet []byte) {
					packet[len(packet)/2] ^= 1
					way.Send(up, packet)
				}}
				way.Filter(a.rule)
				s.tries(t, way)
				if !a.happened() {
					t.Errorf("%s: there was no such message", m.name)
				}
				s.plays(t, way, "")
			}
		})
	}
}

// tries has a player come, and leave as soon as it is known whether it is served.
func (s *dtlsStage) tries(t *testing.T, way *weather.Relay) {
	t.Helper()
	p := netPeer(t, s.fixture, way, nil)
	if _, err := p.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	done := make(chan webrtc.PeerConnectionState, 1)
	p.pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected || state == webrtc.PeerConnectionStateFailed || state == webrtc.PeerConnectionStateClosed {
			select {
			case done <- state:
			default:
			}
		}
	})
	p.offer("/rtc/v1/whep/?" + through("stream=s", way))
	select {
	case state := <-done:
		t.Log(state)
	case <-time.After(5 * time.Second):
		t.Log("undecided")
	}
	r, err := http.NewRequest(http.MethodDelete, "http://"+s.api+p.location, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := apiClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	a.Body.Close()
	p.pc.Close()
}

// TestSoakRTCBrowsersLoss has a browser publish its camera and another watch it, both by a bad network, where packets are sent
// again and where they are not: only one of them has a picture that moves.
func TestSoakRTCBrowsersLoss(t *testing.T) {
	seen := map[string]float64{}
	for _, nack := range []string{"on", "off"} {
		t.Run(nack, func(t *testing.T) {
			c := conf{rtc: " ", shared: true, vhost: "rtc { enabled on; nack " + nack + "; }"}
			f := serve(t, c)
			way := weather.New(t, f.http, weather.Weather{}, weather.Weather{})
			kinds := &labels{}
			way.Filter(kinds.rule)
			c.rtc = "candidate " + way.Addr() + ";"
			f.reload(c)
			switches := []string{"allow-loopback-in-peer-connection", "use-fake-device-for-media-stream", "use-fake-ui-for-media-stream", "autoplay-policy=no-user-gesture-required"}
			publisher := openBrowser(t, f, switches...)
			publisher.rtc(true, "/rtc/v1/whip/?app=live&stream=cam")
			published(t, f)
			player := openBrowser(t, f, switches...)
			player.rtc(false, "/rtc/v1/whep/?app=live&stream=cam")
			player.until("pictures", "rtc.frames > 30")
			b := bad
			b.Seed = 9
			way.Set(b, b)
			began := time.Now()
			first := player.stats("inbound-rtp")
			waitFor(t, "the weather", func() bool { return time.Since(began) > 20*time.Second })
			last, sent := player.stats("inbound-rtp"), publisher.stats("outbound-rtp")
			seen[nack] = last["framesDecoded"] - first["framesDecoded"]
			t.Logf("decoded %v in 20 s, freezes %v of %v s, dropped %v, lost %v, sent again to the player %v, NACK %v, PLI %v", seen[nack],
				last["freezeCount"]-first["freezeCount"], last["totalFreezesDuration"]-first["totalFreezesDuration"], last["framesDropped"], last["packetsLost"],
				last["retransmittedPacketsReceived"], last["nackCount"], last["pliCount"])
			t.Logf("the publisher: frames %v, packets %v, again %v, NACK %v, PLI %v", sent["framesSent"], sent["packetsSent"], sent["retransmittedPacketsSent"], sent["nackCount"], sent["pliCount"])
			t.Log("types of payload", kinds)
			way.Set(weather.Weather{}, weather.Weather{})
			ask[any](player, "rtc.pc.close()")
			ask[any](publisher, "rtc.pc.close()")
			waitFor(t, "all to be gone", func() bool { return len(f.sessions()) == 0 })
		})
	}
	if seen["on"] < 2*seen["off"] {
		t.Errorf("pictures: %v", seen)
	}
}

// stats are what a browser knows of its pictures.
func (b *browser) stats(kind string) map[string]float64 {
	b.t.Helper()
	ask[any](b, `(function(){ window.video = null; rtc.pc.getStats().then(all => all.forEach(s => { if (s.kind == "video" && s.type == "`+kind+`") window.video = s })); return 0 })()`)
	b.until("the figures", "window.video != null")
	return ask[map[string]float64](b, `Object.fromEntries(Object.entries(window.video).filter(e => typeof e[1] == "number"))`)
}

// TestSoakRTCVeryBad begins and goes on where a fifth of all packets is lost and an answer takes more than half a second.
func TestSoakRTCVeryBad(t *testing.T) {
	t.Parallel()
	w := newNetWorld(t, "")
	awful := weather.Weather{Loss: 0.2, Delay: 300 * time.Millisecond, Jitter: 50 * time.Millisecond, Seed: 5}
	w.up.Set(awful, awful)
	w.down.Set(awful, awful)
	began := time.Now()
	w.begin(t)
	t.Logf("ten pictures after %s", time.Since(began))
	seen := w.lasts(t, 100)
	w.player.decodes(t, seen)
	if len(seen.shown) < seen.published*2/3 {
		t.Errorf("%d pictures decoded of %d", len(seen.shown), seen.published)
	}
}
