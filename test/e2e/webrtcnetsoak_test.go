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
				way := weather.New(t, s.rtmp, weather.Weather{}, weather.Weather{})
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
