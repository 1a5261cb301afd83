package config

import "time"

// RTMPS is RTMP over TLS.
type RTMPS struct {
	Enabled bool     `conf:"enabled" default:"off" reload:"live" doc:"Listens for RTMP over TLS."`
	Listen  []string `conf:"listen" default:"1443" check:"endpoint" reload:"live" doc:"Where: one or more ports or ip:port."`
	Key     string   `conf:"key" default:"./conf/server.key" reload:"new" doc:"Private key, a PEM file. It and the certificate are read again when they change, without a reload."`
	Cert    string   `conf:"cert" default:"./conf/server.crt" reload:"new" doc:"Certificate with its chain, a PEM file."`
}

// RTSPServer is RTSP for players.
type RTSPServer struct {
	Enabled bool     `conf:"enabled" default:"off" doc:"Listens for RTSP players."`
	Listen  []string `conf:"listen" default:"554" check:"endpoint" doc:"Where."`
}

// RTSP is the part of a vhost in RTSP.
type RTSP struct {
	Enabled    bool `conf:"enabled" default:"off" doc:"Lets RTSP players in."`
	RtmpToRtsp bool `conf:"rtmp_to_rtsp" default:"off" doc:"Offers them what arrives over RTMP."`
}

// StreamCaster receives streams in another protocol.
type StreamCaster struct {
	Enabled bool     `conf:"enabled" default:"off" doc:"Listens."`
	Caster  string   `conf:"caster" enum:"mpegts_over_udp|rist|flv|gb28181" example:"mpegts_over_udp" doc:"What it receives: a transport stream over UDP, to an address of its own or a multicast group; the same by RIST, simple profile, on an even port and the next; FLV posted over HTTP. GB28181 cameras are not there yet."`
	Output  string   `conf:"output" example:"rtmp://127.0.0.1/live/livestream" doc:"RTMP address on this server at which the stream is published. For flv it may have [app] and [stream] in it, which are those of the address that is posted to. It may name a vhost: ?vhost=NAME."`
	Listen  []string `conf:"listen" check:"endpoint" example:"8935" doc:"Where it listens."`
	SIP     SIP      `conf:"sip,later" doc:"The SIP side of GB28181."`

	_ struct{} `conf:"tcp_enable,ignored" doc:"Of older versions of GB28181."`
	_ struct{} `conf:"rtp_port_min,ignored" doc:"Of older versions of GB28181."`
	_ struct{} `conf:"rtp_port_max,ignored" doc:"Of older versions of GB28181."`
	_ struct{} `conf:"wait_keyframe,ignored" doc:"Of older versions of GB28181."`
	_ struct{} `conf:"rtp_idle_timeout,ignored" doc:"Of older versions of GB28181."`
	_ struct{} `conf:"audio_enable,ignored" doc:"Of older versions of GB28181."`
	_ struct{} `conf:"auto_create_channel,ignored" doc:"Of older versions of GB28181."`
}

// SIP is the signalling of GB28181 cameras.
type SIP struct {
	Enabled   bool          `conf:"enabled" default:"on" doc:"Speaks SIP with cameras; off leaves that to another program."`
	Listen    []string      `conf:"listen" default:"5060" check:"endpoint" doc:"Where it listens."`
	Timeout   time.Duration `conf:"timeout" unit:"fs" default:"60" range:">0" doc:"Time without a sign of life after which a camera is gone."`
	Reinvite  time.Duration `conf:"reinvite" unit:"fs" default:"5" range:">0" doc:"Pause before a camera which sends nothing is asked again."`
	Candidate string        `conf:"candidate" default:"*" doc:"Address at which cameras reach this server: an address, * to find it out, or $NAME to read a variable."`

	_ struct{} `conf:"serial,ignored" doc:"Of older versions of GB28181."`
	_ struct{} `conf:"realm,ignored" doc:"Of older versions of GB28181."`
	_ struct{} `conf:"ack_timeout,ignored" doc:"Of older versions of GB28181."`
	_ struct{} `conf:"keepalive_timeout,ignored" doc:"Of older versions of GB28181."`
	_ struct{} `conf:"invite_port_fixed,ignored" doc:"Of older versions of GB28181."`
	_ struct{} `conf:"query_catalog_interval,ignored" doc:"Of older versions of GB28181."`
	_ struct{} `conf:"auto_play,ignored" doc:"Of older versions of GB28181."`
}
