package config

import "time"

// RTCServer is the side of WebRTC which faces the network.
type RTCServer struct {
	Enabled                bool      `conf:"enabled" default:"off" doc:"Serves WebRTC: WHIP for publishers, WHEP for players."`
	Listen                 []string  `conf:"listen" default:"8000" check:"endpoint" doc:"UDP port, or ip:port."`
	TCP                    RTCTCP    `conf:"tcp,later" doc:"WebRTC over TCP, for networks which block UDP."`
	Protocol               string    `conf:"protocol,later" default:"udp" enum:"udp|tcp|all" doc:"Which ways are offered to clients."`
	Candidate              string    `conf:"candidate" default:"*" reload:"new" doc:"Address at which clients reach this server: an address or name, with a :port if it differs, * to find it out, or $NAME to read a variable. Behind NAT or in a container it must be the public one."`
	UseAutoDetectNetworkIP bool      `conf:"use_auto_detect_network_ip" default:"on" reload:"new" doc:"Also offers the addresses of this machine when the candidate is *."`
	IPFamily               string    `conf:"ip_family" default:"ipv4" enum:"ipv4|ipv6|all" reload:"new" doc:"Which of these addresses are offered."`
	APIAsCandidates        bool      `conf:"api_as_candidates" default:"on" reload:"new" doc:"Also offers the host by which the client called the API, which is often the right one."`
	ResolveAPIDomain       bool      `conf:"resolve_api_domain" default:"on" reload:"new" doc:"Turns that host into an address first."`
	KeepAPIDomain          bool      `conf:"keep_api_domain" default:"off" reload:"new" doc:"Offers the name too, not only its address."`
	ECDSA                  bool      `conf:"ecdsa" default:"on" doc:"Uses an ECDSA certificate for DTLS; off uses RSA, which costs more."`
	Encrypt                bool      `conf:"encrypt,later" default:"on" reload:"new" doc:"Encrypts the media. Browsers refuse anything else; off is for measurements."`
	Reuseport              int       `conf:"reuseport,later" default:"1" range:"1..1024" doc:"Number of UDP sockets which share the port."`
	MergeNalus             bool      `conf:"merge_nalus,later" default:"off" reload:"new" doc:"Puts the slices of a picture into one unit before it is sent."`
	BlackHole              BlackHole `conf:"black_hole,later" doc:"A copy of the packets for debugging."`
	_                      struct{}  `conf:"dir,ignored" doc:"Never had a use."`
	_                      struct{}  `conf:"perf_stat,ignored" doc:"Once counted packets."`
	_                      struct{}  `conf:"queue_length,ignored" doc:"Once bounded a queue."`
}

// RTCTCP is WebRTC over TCP.
type RTCTCP struct {
	Enabled bool     `conf:"enabled" default:"off" doc:"Listens for WebRTC over TCP."`
	Listen  []string `conf:"listen" default:"8000" check:"endpoint" doc:"Where. When it is also the address of http_server or of its https, both share it."`
}

// BlackHole receives a copy of the decrypted packets.
type BlackHole struct {
	Enabled bool   `conf:"enabled" default:"off" doc:"Copies decrypted packets to addr."`
	Addr    string `conf:"addr" example:"127.0.0.1:10000" doc:"UDP address, ip:port, for the copy."`
}

// RTC is the part of a vhost in WebRTC.
type RTC struct {
	Enabled         bool          `conf:"enabled" default:"off" doc:"Lets WebRTC clients of this vhost in."`
	Nack            bool          `conf:"nack" default:"on" doc:"Asks for lost packets again, and sends again what players lost."`
	NackNoCopy      bool          `conf:"nack_no_copy" default:"on" doc:"Keeps packets for that without a copy."`
	Twcc            bool          `conf:"twcc" default:"on" doc:"Tells publishers how their packets arrive, so that they adapt to the network."`
	StunTimeout     time.Duration `conf:"stun_timeout" unit:"s" default:"30" range:"1.." doc:"Time without any packet after which a client is gone."`
	StunStrictCheck bool          `conf:"stun_strict_check,later" default:"off" doc:"Refuses clients which take the wrong role in connection checks."`
	DtlsRole        string        `conf:"dtls_role" default:"passive" enum:"active|passive" doc:"Which side opens DTLS when the client leaves the choice. With passive the client does."`
	DtlsVersion     string        `conf:"dtls_version,later" default:"auto" enum:"auto|dtls1.0|dtls1.2" doc:"Version of DTLS."`
	DropForPt       int           `conf:"drop_for_pt,later" default:"0" range:"0..127" doc:"Throws away packets of publishers with this payload type, to test losses; 0 keeps all."`
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
