package webrtc

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"

	"weir/internal/config"
	"weir/internal/media"
)

const (
	receiveMTU = 1500            // bytes of a packet that is received
	failing    = time.Second     // from stun_timeout without a packet to the end
	looking    = 2 * time.Second // from one look at whether a client is still there to the next
	replay     = 1024            // packets that may come late, and still be taken
)

// peerFor makes a connection by the rules of a virtual host. Only the codecs of a list are agreed to; none is all. Without
// credentials of ICE the library makes some.
func (v *Server) peerFor(rules *config.RTC, only []media.Codec, t *tally, ufrag, pwd string) (*webrtc.PeerConnection, error) {
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
	if rules.Nack {
		if err := webrtc.ConfigureNack(&engine, &chain); err != nil {
			return nil, fmt.Errorf("webrtc: %w", err)
		}
	}
	if err := webrtc.ConfigureRTCPReports(&chain); err != nil {
		return nil, fmt.Errorf("webrtc: %w", err)
	}
	if rules.Twcc {
		if err := webrtc.ConfigureTWCCSender(&engine, &chain); err != nil {
			return nil, fmt.Errorf("webrtc: %w", err)
		}
	}
	s := v.transports(rules)
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
	return pc, nil
}

// transports says how packets come and go.
func (v *Server) transports(rules *config.RTC) (s webrtc.SettingEngine) {
	s.LoggerFactory = hush{v.o.Log}
	s.SetICEUDPMux(v.udp)
	types := []webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6}
	if v.tcp != nil {
		s.SetICETCPMux(v.tcp)
		types = append(types, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6)
	}
	s.SetNetworkTypes(types)
	s.SetNet(here{})
	s.SetLite(true)
	s.DisableActiveTCP(true)                               // nobody is called
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled) // nor looked for
	s.SetIncludeLoopbackCandidate(true)                    // the only one, see here
	s.SetICETimeouts(rules.StunTimeout, failing, looking)
	s.SetReceiveMTU(receiveMTU)
	s.SetSRTPReplayProtectionWindow(replay)
	return s
}
