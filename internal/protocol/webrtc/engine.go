package webrtc

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/webrtc/v4"

	"weir/internal/config"
	"weir/internal/media"
)

const (
	receiveMTU = 1500                   // bytes of a packet that is received
	looking    = 2 * time.Second        // from one look at whether a client is still there to the next
	flight     = 100 * time.Millisecond // without an answer of a client's in DTLS, until the same is said again; then twice that
	replay     = 1024                   // packets that may come late, and still be taken
)

// peerFor makes a connection by the rules of a virtual host, for a publisher or for a player, whose tracks do themselves what
// interceptors do for a publisher's. Only the codecs of a list are agreed to; none is all. Without credentials of ICE the
// library makes some.
func (v *Server) peerFor(rules *config.RTC, only []media.Codec, publishes bool, t *tally, out *burst, memory *buffers, ufrag, pwd string) (*webrtc.PeerConnection, error) {
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
	chain.Add(t) // first: it is next to the network
	if publishes {
		if err := receiving(rules, &engine, &chain); err != nil {
			return nil, fmt.Errorf("webrtc: %w", err)
		}
	}
	s := v.transports(rules)
	sealed := seal{out: out}
	s.BufferFactory = memory.make
	s.SetICEUDPMux(sealed.mux(v.udp))
	if ufrag != "" {
		s.SetICECredentials(ufrag, pwd)
	}
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

// transports says how packets come and go.
func (v *Server) transports(rules *config.RTC) (s webrtc.SettingEngine) {
	s.LoggerFactory = hush{v.o.Log}
	types := []webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6}
	if v.tcp != nil {
		s.SetICETCPMux(v.tcp)
		types = append(types, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6)
	}
	s.SetNetworkTypes(types)
	s.SetNet(here{})
	s.SetLite(true)
	s.DisableActiveTCP(true)                                                              // nobody is called
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)                                // nor looked for
	s.SetIncludeLoopbackCandidate(true)                                                   // the only one, see here
	s.SetICETimeouts(rules.StunTimeout/2, rules.StunTimeout-rules.StunTimeout/2, looking) // the library adds them
	s.SetDTLSRetransmissionInterval(flight)
	s.SetDTLSInsecureSkipHelloVerify(true) // a client's address has been proved by ICE
	s.SetReceiveMTU(receiveMTU)
	s.SetSRTPReplayProtectionWindow(replay)
	return s
}
