package config

// DefaultVhost is the name of the vhost for clients which name none, or an unknown one.
const DefaultVhost = "__defaultVhost__"

// Vhost is a group of streams with its settings. Its values are those in force: defaults
// which depend on other directives, as those of min_latency, are worked out.
type Vhost struct {
	Name       string `arg:"required" example:"__defaultVhost__"`
	Enabled    bool   `conf:"enabled" default:"on" env:"-" reload:"new" doc:"Lets clients in. Off refuses new ones."`
	MinLatency bool   `conf:"min_latency" default:"off" reload:"live" doc:"Realtime mode: sends every frame at once. It changes the defaults of mw_latency and mw_msgs to 0 and leaves mr off. WebRTC is in this mode unless it says off."`
	TCPNodelay bool   `conf:"tcp_nodelay" default:"off" reload:"live" doc:"Lets the system send small packets without waiting for more. Less delay, more packets."`
	ChunkSize  int    `conf:"chunk_size" default:"= chunk_size" range:"1..16777215" reload:"new" doc:"As the global chunk_size, for this vhost."`
	InAckSize  int    `conf:"in_ack_size" default:"0" range:"0..2147483647" reload:"new" doc:"Bytes after which the server tells a publisher that it received them; 0 waits until the publisher asks for that."`
	OutAckSize int    `conf:"out_ack_size" default:"2500000" range:"0..2147483647" reload:"new" doc:"Bytes after which clients are to tell that they received them; 0 does not ask."`

	Publish  Publish  `conf:"publish" reload:"live" doc:"Publishers."`
	Play     Play     `conf:"play" reload:"live" doc:"Players."`
	Cluster  Cluster  `conf:"cluster" env:"-" reload:"new" doc:"Several servers for one audience."`
	Forward  Forward  `conf:"forward" env:"-" reload:"live" doc:"Sends every stream on to other servers."`
	Refer    Refer    `conf:"refer" env:"-" reload:"new" doc:"Checks the web page a client comes from."`
	Security Security `conf:"security" env:"-" reload:"new" doc:"Checks the address of clients."`
	Auth     Tokens   `conf:"auth" reload:"new" doc:"Checks the token of clients."`

	HTTPStatic HTTPStatic `conf:"http_static" doc:"Files over HTTP."`
	HTTPRemux  HTTPRemux  `conf:"http_remux" reload:"new" doc:"Live streams over HTTP. At most one for a vhost."`
	HTTPHooks  HTTPHooks  `conf:"http_hooks" reload:"live" doc:"Callbacks: your web service hears of clients and streams, and may refuse them."`

	HLS  HLS  `conf:"hls" reload:"live" doc:"HLS: a playlist and segments as files."`
	Dash Dash `conf:"dash" reload:"live" doc:"MPEG-DASH: a manifest and segments as files."`
	HDS  HDS  `conf:"hds,later" reload:"live" doc:"Adobe HDS. Kept so that old files load."`
	DVR  DVR  `conf:"dvr,later" reload:"live" doc:"Records streams into files."`

	RTC  RTC  `conf:"rtc" reload:"new" doc:"WebRTC in this vhost."`
	SRT  SRT  `conf:"srt" reload:"new" doc:"SRT in this vhost."`
	RTSP RTSP `conf:"rtsp,later" reload:"new" doc:"RTSP in this vhost."`

	Transcode []*Transcode `conf:"transcode,later" env:"-" reload:"live" doc:"Runs ffmpeg on streams and publishes the result. The word after transcode limits it to an app or to app/stream."`
	Ingest    []*Ingest    `conf:"ingest" env:"-" reload:"live" doc:"Fetches a stream and publishes it here. The word after ingest is its name."`
	Exec      Exec         `conf:"exec,later" env:"-" reload:"live" doc:"Runs programs while a stream is published."`

	_ struct{} `conf:"bandcheck,ignored" doc:"Once measured the bandwidth of clients."`
}
