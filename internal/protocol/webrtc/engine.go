package webrtc

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/webrtc/v4"

	"weir/internal/config"
	"weir/internal/media"
)

const (
	receiveMTU = 1500                   // bytes of a packet that is received
	keepalive  = 2 * time.Second        // between two checks of ours: a client without any answer is gone after stun_timeout
	flight     = 100 * time.Millisecond // without an answer of a client's in DTLS, until the same is said again; then twice that
	replay     = 1024                   // packets that may come late, and still be taken
)

// peerFor makes a connection by the rules of a virtual host, for a publisher or for a player, whose tracks do themselves what
// interceptors do for a publisher's. Only the codecs of a list are agreed to; none is all.
func (v *Server) peerFor(rules *config.RTC, only []media.Codec, publishes bool) (*webrtc.PeerConnection, error) {
	var engine webrtc.MediaEngine
	for _, c := range codecs() {
		if len(only) > 0 && c.codec != media.Unknown && !slices.Contains(only, c.codec) {
			continue
		}
		p := c.RTPCodecParameters
		if !rules.Nack {
			p.RTCPFeedback = slices.DeleteFunc(slices.Clone(p.RTCPFeedback), func(f webrtc.RTCPFeedback) bool { return f.Type == "nack" && f.Parameter == "" })
			if strings.EqualFold(p.MimeType, webrtc.MimeTypeRTX) {
				continue
			}
		}
		if err := engine.RegisterCodec(p, c.kind); err != nil {
			return nil, fmt.Errorf("webrtc: %w", err)
		}
	}
	var chain interceptor.Registry
	if publishes {
		if err := receiving(rules, &engine, &chain); err != nil {
			return nil, fmt.Errorf("webrtc: %w", err)
		}
	}
	var s webrtc.SettingEngine
	var sealed seal
	s.SetICEUDPMux(sealed.mux(v.udp))
	s.SetLite(true)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	s.SetIncludeLoopbackCandidate(true)
	s.SetICETimeouts(rules.StunTimeout/2, rules.StunTimeout-rules.StunTimeout/2, keepalive) // the library adds them
	s.SetDTLSRetransmissionInterval(flight)
	s.SetDTLSInsecureSkipHelloVerify(true) // a client's address has been proved by ICE
	s.SetReceiveMTU(receiveMTU)
	s.SetSRTPReplayProtectionWindow(replay)
	role := webrtc.DTLSRoleServer
	if rules.DtlsRole == "active" {
		role = webrtc.DTLSRoleClient
	}
	if err := s.SetAnsweringDTLSRole(role); err != nil {
		return nil, fmt.Errorf("webrtc: %w", err)
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(&engine), webrtc.WithInterceptorRegistry(&chain), webrtc.WithSettingEngine(s))
	pc, err := api.NewPeerConnection(webrtc.Configuration{Certificates: []webrtc.Certificate{*v.certificate}})
	if err != nil {
		return nil, fmt.Errorf("webrtc: %w", err)
	}
	pc.SCTP().Transport().OnStateChange(func(state webrtc.DTLSTransportState) {
		if state == webrtc.DTLSTransportStateConnected {
			sealed.closed.Store(true)
		}
	})
	return pc, nil
}

// receiving sets up what is told to a publisher of its packets; what is missing intake.mend asks for.
func receiving(rules *config.RTC, engine *webrtc.MediaEngine, chain *interceptor.Registry) error {
	reports, err := report.NewReceiverInterceptor()
	if err != nil {
		return err
	}
	chain.Add(reports)
	if rules.Twcc {
		return webrtc.ConfigureTWCCSender(engine, chain)
	}
	return nil
}

// partFor is our part in DTLS for an offer: the one that the client leaves us, or the liked one where we have the choice.
// Spec: RFC 8842, 5.3.
func partFor(offer, liked string) string {
	switch {
	case strings.Contains(offer, "a=setup:active"):
		return "passive"
	case strings.Contains(offer, "a=setup:passive"):
		return "active"
	}
	return liked
}
