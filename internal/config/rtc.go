package config

import (
	"slices"
	"time"
)

// RTCServer is the side of WebRTC which faces the network.
type RTCServer struct {
	Enabled                bool       `conf:"enabled" default:"off" doc:"Serves WebRTC: WHIP for publishers, WHEP for players."`
	Listen                 []string   `conf:"listen" default:"8000" check:"endpoint" doc:"UDP port, or ip:port."`
	TCP                    RTCTCP     `conf:"tcp" doc:"WebRTC over TCP, for networks which block UDP."`
	Protocol               string     `conf:"protocol" default:"udp" example:"all" reload:"new" doc:"Which ways are offered to clients: udp, tcp, or both with any other word, such as all. Without tcp { enabled on; } it is udp."`
	Candidate              string     `conf:"candidate" default:"*" reload:"new" doc:"Address at which clients reach this server: an address or name, with a :port if it differs, * to find it out, or $NAME to read a variable. Behind NAT or in a container it must be the public one."`
	UseAutoDetectNetworkIP bool       `conf:"use_auto_detect_network_ip" default:"on" reload:"new" doc:"Also offers the addresses of this machine when the candidate is *."`
	IPFamily               string     `conf:"ip_family" default:"ipv4" enum:"ipv4|ipv6|all" reload:"new" doc:"Which of these addresses are offered."`
	APIAsCandidates        bool       `conf:"api_as_candidates" default:"on" reload:"new" doc:"Also offers the host by which the client called the API, which is often the right one."`
	ResolveAPIDomain       bool       `conf:"resolve_api_domain" default:"on" reload:"new" doc:"Turns that host into an address first."`
	KeepAPIDomain          bool       `conf:"keep_api_domain" default:"off" reload:"new" doc:"Offers the name too, not only its address."`
	ECDSA                  bool       `conf:"ecdsa" default:"on" doc:"Uses an ECDSA certificate for DTLS; off uses RSA, which costs more."`
	Encrypt                bool       `conf:"encrypt" default:"on" doc:"Encrypts the media. Browsers refuse anything else, and so does this server: it does not start with off."`
	Reuseport              int        `conf:"reuseport" default:"1" range:"1..1024" doc:"Number of UDP sockets which share the port, on Linux: each is read by itself, so more processors take packets of many publishers. Elsewhere it is 1."`
	IceServer              [][]string `conf:"ice_server" example:"turn:turn.example.com:3478 user password" reload:"new" secret:"yes" doc:"A STUN or TURN server that WHIP and WHEP clients are told of, with user and password if it asks for them. May be given many times. Weir itself uses none."`
	_                      struct{}   `conf:"merge_nalus,ignored" env:"RTC_SERVER_MERGE_NALUS" doc:"Once put the slices of a picture into one unit, which no player asks for."`
	_                      struct{}   `conf:"black_hole,ignored" env:"RTC_SERVER_BLACK_HOLE_*" doc:"Once copied decrypted packets out for debugging: record the stream instead, or capture on a client."`
	_                      struct{}   `conf:"dir,ignored" doc:"Never had a use."`
	_                      struct{}   `conf:"perf_stat,ignored" doc:"Once counted packets."`
	_                      struct{}   `conf:"queue_length,ignored" doc:"Once bounded a queue."`
}

// RTCTCP is WebRTC over TCP.
type RTCTCP struct {
	Enabled bool     `conf:"enabled" default:"off" doc:"Listens for WebRTC over TCP."`
	Listen  []string `conf:"listen" default:"8000" check:"endpoint" doc:"Where. When it is also the address of http_server or of its https, both share it."`
}

// RTC is the part of a vhost in WebRTC.
type RTC struct {
	Enabled         bool          `conf:"enabled" default:"off" doc:"Lets WebRTC clients of this vhost in."`
	Nack            bool          `conf:"nack" default:"on" doc:"Asks for lost packets again, and sends again what players lost."`
	_               struct{}      `conf:"nack_no_copy,ignored" env:"VHOST_RTC_NACK_NO_COPY" doc:"Once kept packets for that without a copy, which is always done now."`
	Twcc            bool          `conf:"twcc" default:"on" doc:"Tells publishers how their packets arrive, so that they adapt to the network."`
	StunTimeout     time.Duration `conf:"stun_timeout" unit:"s" default:"30" range:"1.." doc:"Time without any packet after which a client is gone."`
	StunStrictCheck bool          `conf:"stun_strict_check" default:"off" doc:"Refuses clients which take the wrong role in connection checks: the server's, which is to be controlled."`
	DtlsRole        string        `conf:"dtls_role" default:"passive" enum:"active|passive" doc:"Which side opens DTLS when the client leaves the choice. With passive the client does."`
	DtlsVersion     string        `conf:"dtls_version" default:"auto" enum:"auto|dtls1.0|dtls1.2" doc:"Version of DTLS: 1.2 with auto too. The server does not start with dtls1.0, which browsers have given up."`
	DropForPt       int           `conf:"drop_for_pt" default:"0" range:"0..127" doc:"Throws away packets of publishers with this payload type, to test losses; 0 keeps all."`
	RtmpToRtc       bool          `conf:"rtmp_to_rtc" reload:"new" default:"off" doc:"Offers what arrives over RTMP or SRT to WebRTC players. Sound becomes Opus."`
	KeepBframe      bool          `conf:"keep_bframe" reload:"new" default:"off" doc:"Keeps B frames in that case. Most browsers stutter with them."`
	KeepAvcNaluSei  bool          `conf:"keep_avc_nalu_sei" reload:"new" default:"on" doc:"Keeps SEI units in that case."`
	OpusBitrate     int           `conf:"opus_bitrate" reload:"new" default:"48000" range:"8000..320000" doc:"Bit rate of Opus in that case, in bits per second."`
	RtcToRtmp       bool          `conf:"rtc_to_rtmp" reload:"new" default:"off" doc:"Offers what arrives over WebRTC to players of every other protocol. Sound becomes AAC."`
	PliForRtmp      time.Duration `conf:"pli_for_rtmp" reload:"new" unit:"fs" default:"6" range:"0.5..30" doc:"How often the WebRTC publisher is asked for a key frame in that case, so that players can start."`
	AacBitrate      int           `conf:"aac_bitrate" reload:"new" default:"48000" range:"8000..320000" doc:"Bit rate of AAC in that case, in bits per second."`

	// Not directives: what min_latency and mw_msgs of the vhost mean for WebRTC players, who
	// are in realtime mode unless told otherwise.
	MinLatency bool
	MwMsgs     int
}

// RTCShares reports whether WebRTC over TCP comes through one of the addresses of a web server or the API, which then tells by
// the first bytes what a connection is.
func (s *Settings) RTCShares(addrs []string) bool {
	return s.RTCServer.Enabled && s.RTCServer.TCP.Enabled && slices.ContainsFunc(s.RTCServer.TCP.Listen, func(at string) bool { return slices.Contains(addrs, at) })
}

// RTCListen returns the addresses that WebRTC over TCP has to itself.
func (s *Settings) RTCListen() (own []string) {
	if !s.RTCServer.Enabled || !s.RTCServer.TCP.Enabled {
		return nil
	}
	var taken []string
	for _, web := range []struct {
		on    bool
		addrs []string
	}{
		{s.HTTPAPI.Enabled, s.HTTPAPI.Listen},
		{s.HTTPAPI.Enabled && s.HTTPAPI.HTTPS.Enabled, s.HTTPAPI.HTTPS.Listen},
		{s.HTTPServer.Enabled, s.HTTPServer.Listen},
		{s.HTTPServer.Enabled && s.HTTPServer.HTTPS.Enabled, s.HTTPServer.HTTPS.Listen},
	} {
		if web.on {
			taken = append(taken, web.addrs...)
		}
	}
	for _, at := range s.RTCServer.TCP.Listen {
		if !slices.Contains(taken, at) {
			own = append(own, at)
		}
	}
	return own
}
