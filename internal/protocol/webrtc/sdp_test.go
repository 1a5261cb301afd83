package webrtc

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"weir/internal/config"
)

// chrome is an offer such as a browser makes, shortened.
const chrome = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=candidate:1 1 udp 2113937151 e2d1.local 52333 typ host generation 0\r\n" +
	"a=ice-ufrag:xmAp\r\na=ice-pwd:6kGZ0123456789abcdefghij\r\na=ice-options:trickle\r\n" +
	"a=fingerprint:sha-256 7B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08\r\na=setup:actpass\r\na=mid:0\r\n" +
	"a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:0 PCMU/8000\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 102 121\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:xmAp\r\na=ice-pwd:6kGZ0123456789abcdefghij\r\na=ice-options:trickle\r\n" +
	"a=fingerprint:sha-256 7B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08\r\na=setup:actpass\r\na=mid:1\r\n" +
	"a=recvonly\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:102 H264/90000\r\na=rtcp-fb:102 nack\r\na=rtcp-fb:102 nack pli\r\n" +
	"a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:121 rtx/90000\r\na=fmtp:121 apt=102\r\n"

// offerSeeds are offers, and whether they are taken.
var offerSeeds = map[string]bool{
	chrome: true,
	strings.ReplaceAll(chrome, "a=group:BUNDLE 0 1\r\n", ""):                                                       false,
	strings.ReplaceAll(chrome, "a=rtcp-mux\r\n", ""):                                                               false,
	strings.ReplaceAll(chrome, "a=recvonly", "a=sendonly"):                                                         false,
	strings.ReplaceAll(chrome, "a=recvonly", "a=inactive"):                                                         true,
	strings.Replace(chrome, "m=video 9", "m=application 9", 1):                                                     false,
	strings.Replace(strings.Replace(chrome, "m=video 9", "m=video 0", 1), "a=rtcp-mux\r\na=rtcp-rsize\r\n", "", 1): true,
	"v=0\r\n": false,
	"":        false,
}

func TestReadOffer(t *testing.T) {
	for offer, want := range offerSeeds {
		rest, candidates, err := readOffer(offer, false)
		if (err == nil) != want {
			t.Errorf("%v\n%s", err, offer)
		}
		if err == nil && (strings.Contains(rest, "a=candidate") || len(candidates) != 1 || candidates[0] != "udp e2d1.local:52333 host") {
			t.Errorf("candidates %v\n%s", candidates, rest)
		}
	}
	publish := strings.ReplaceAll(chrome, "a=recvonly", "a=sendonly")
	if _, _, err := readOffer(publish, true); err != nil {
		t.Error(err)
	}
	if _, _, err := readOffer(chrome, true); err == nil || statusOf(err) != 406 {
		t.Errorf("who publishes receives: %v", err)
	}
}

// FuzzReadOffer has nothing left of candidates, and little of each that is told.
func FuzzReadOffer(f *testing.F) {
	for offer := range offerSeeds {
		f.Add(offer)
	}
	f.Fuzz(func(t *testing.T, offer string) {
		rest, candidates, err := readOffer(offer, false)
		if err != nil {
			return
		}
		for _, c := range candidates {
			if len(c) > maxHost {
				t.Errorf("%d bytes of a candidate", len(c))
			}
		}
		if strings.Contains("\n"+rest, "\na=candidate:") {
			t.Errorf("candidates stay in %q", rest)
		}
	})
}

// FuzzAnswer takes offers as far as an answer, which none may turn into a panic. What the library does meanwhile is not the
// same each time: -fuzzminimizetime 0 spares looking for shorter inputs in vain.
func FuzzAnswer(f *testing.F) {
	for offer := range offerSeeds {
		f.Add(offer)
	}
	v := listening(f, &config.RTCServer{Enabled: true, Listen: []string{"127.0.0.1:0"}, Reuseport: 1, ECDSA: true})
	rules := &config.RTC{Nack: true, Twcc: true, StunTimeout: time.Second}
	f.Fuzz(func(t *testing.T, offer string) {
		if len(offer) > maxOffer {
			return
		}
		rest, _, err := readOffer(offer, false)
		if err != nil {
			return
		}
		pc, err := v.peerFor(rules, nil, true, newTally(func() int { return 0 }), &burst{}, &buffers{end: func(error) {}}, "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer pc.GracefulClose()
		if pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: rest}) != nil {
			return
		}
		if answer, err := pc.CreateAnswer(nil); err == nil {
			_ = pc.SetLocalDescription(answer)
		}
	})
}

// listening makes a server that listens, and has no sessions.
func listening(t testing.TB, c *config.RTCServer) *Server {
	t.Helper()
	v := NewServer(Options{Config: func() *config.Config { return &config.Config{} }, Log: slog.New(slog.DiscardHandler)})
	if err := v.Listen(c, false); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.shut)
	return v
}
