package config

import "time"

// Settings are the values of a configuration, with the defaults filled in: what the server
// works with. They hold no positions, so two of them are compared with reflect.DeepEqual.
// They are not to be changed after Load, and may be read from anywhere.
type Settings struct {
	Listen              []string `conf:"listen" check:"endpoint" reload:"live" example:"1935" doc:"Where RTMP clients connect: one or more ports, or ip:port to bind one address. At least one is required in a file. Without a file and without SRS_LISTEN it is 1935."`
	ChunkSize           int      `conf:"chunk_size" default:"60000" range:"1..16777215" env:"CHUNK_SIZE,VHOST_CHUNK_SIZE" reload:"new" doc:"Size in bytes of the pieces in which RTMP messages leave, for vhosts which do not say their own. Large pieces cost less work. Outside 128 to 65536 some clients fail, so there is a warning."`
	MaxConnections      int      `conf:"max_connections" default:"1000" range:"1.." reload:"live" doc:"How many TCP clients may be connected at once, of RTMP, HTTP and the API together. Further ones are closed at once. The open files limit of the system must be 128 higher."`
	MaxConnectionsPerIP int      `conf:"max_connections_per_ip" default:"0" range:"0.." reload:"live" doc:"How many of them may come from one address; 0 means no limit. Mind that everybody behind one router shares an address."`
	ProxyProtocol       []string `conf:"proxy_protocol" check:"network" reload:"live" example:"10.0.0.0/8" doc:"Addresses and networks of load balancers that open each connection with a PROXY header (version 1 or 2), which names the client. From them it is required, from all others it is an error. It counts at every TCP port."`
	ForwardedFor        []string `conf:"forwarded_for" check:"network" reload:"live" example:"127.0.0.1 10.0.0.0/8" doc:"Addresses and networks of HTTP proxies whose X-Forwarded-For header, or X-Real-IP, is believed: the client is the last address in it that is not one of these. Without, these headers say nothing."`

	ServerID               string        `conf:"server_id" doc:"Name of this server in the API, in callbacks and in heartbeats. When empty, one is made up at the first start and kept beside the pid file."`
	PID                    string        `conf:"pid" default:"./objs/srs.pid" doc:"File which holds the number of the process and is locked while it runs, so that the same server is not started twice."`
	Daemon                 bool          `conf:"daemon" default:"on" doc:"Goes to the background after the start. Inside a container, and without a configuration file, the server stays in the foreground."`
	WorkDir                string        `conf:"work_dir" default:"./" doc:"Directory the server changes to before it opens files; all relative paths start there."`
	Asprocess              bool          `conf:"asprocess" default:"off" doc:"Ends the server when the process that started it has ended. Cannot be combined with daemon. Without effect on Windows."`
	InDocker               bool          `conf:"in_docker" default:"off" doc:"Says that the server runs in a container, for the case that it does not find out by itself."`
	DisableDaemonForDocker bool          `conf:"disable_daemon_for_docker" default:"on" doc:"Stays in the foreground inside a container, whatever daemon says."`
	GraceStartWait         time.Duration `conf:"grace_start_wait" unit:"ms" default:"2300" range:"0.." reload:"live" doc:"How long a server that was asked to stop gracefully goes on accepting clients, so that a load balancer can notice."`
	GraceMoveWait          time.Duration `conf:"grace_move_wait" unit:"ms" default:"0" range:"0.." reload:"live" doc:"How long a graceful stop waits for clients to leave by themselves, from the closing of the ports on, before it ends their sessions in order. Those that can are asked to connect elsewhere at once. 0 waits for ever."`
	UpgradeLimit           time.Duration `conf:"upgrade_limit" unit:"ms" default:"0" range:"0.." reload:"live" doc:"How long a process whose place a new one has taken (SIGUSR2) keeps its clients, before it ends their sessions in order. Those that can are asked to connect again at once. 0 keeps them until they leave: an upgrade is to cost nobody anything."`
	GraceFinalWait         time.Duration `conf:"grace_final_wait" unit:"ms" default:"3200" range:"0.." reload:"live" doc:"How long a graceful stop waits at its end, after the last client has left."`
	ForceGraceQuit         bool          `conf:"force_grace_quit" default:"off" reload:"live" doc:"Stops gracefully on SIGTERM too, not only on SIGQUIT."`

	SrsLogTank    string        `conf:"srs_log_tank" default:"file" enum:"console|file" env:"SRS_LOG_TANK,LOG_TANK" reload:"live" doc:"Where the log goes: to srs_log_file or to the standard output. Inside a container, and without a configuration file, console is the default."`
	SrsLogLevel   string        `conf:"srs_log_level" default:"trace" enum:"verbose|info|trace|warn|error" env:"SRS_LOG_LEVEL,LOG_LEVEL" reload:"live" doc:"How much is logged, in the old names: verbose is everything, trace the normal work of a server, error only what failed."`
	SrsLogLevelV2 string        `conf:"srs_log_level_v2" enum:"trace|debug|info|warn|error" env:"SRS_LOG_LEVEL_V2,LOG_LEVEL_V2" reload:"live" doc:"The same in the names most programs use, where trace is everything. Takes the place of srs_log_level when given."`
	SrsLogFile    string        `conf:"srs_log_file" default:"./objs/srs.log" env:"SRS_LOG_FILE,LOG_FILE" reload:"live" doc:"Log file; the server appends to it."`
	UTCTime       bool          `conf:"utc_time" default:"off" reload:"live" doc:"Writes times in UTC instead of local time, in the log and in file names."`
	LogFormat     string        `conf:"log_format" default:"srs" enum:"srs|json" reload:"live" doc:"How a line of the log looks: srs is the form that SRS has, json an object of JSON with the same values."`
	FFLogDir      string        `conf:"ff_log_dir,later" default:"./objs" reload:"new" doc:"Directory for the logs of ffmpeg processes; /dev/null keeps none."`
	FFLogLevel    string        `conf:"ff_log_level,later" default:"info" reload:"new" doc:"How much these ffmpeg processes log, in the words of their -loglevel option."`
	PithyPrint    time.Duration `conf:"pithy_print_ms" unit:"ms" default:"10000" range:"1.." reload:"live" doc:"Time between two lines of the log that say how much the server does: clients, streams, bit rates, processor and memory. More than one a second there never is."`

	InotifyAutoReload   bool `conf:"inotify_auto_reload" default:"off" reload:"live" doc:"Reloads by itself three seconds after the configuration file, or one that it includes, has changed."`
	AutoReloadForDocker bool `conf:"auto_reload_for_docker" default:"on" reload:"live" doc:"Does so inside a container, whatever inotify_auto_reload says."`
	IsFull              bool `conf:"is_full" default:"off" env:"-" doc:"Marks a file as a catalogue of all directives, which is to be read and not to be run: the server refuses it."`

	CircuitBreaker CircuitBreaker `conf:"circuit_breaker" reload:"live" doc:"Watches how busy the processors are, so that comfort can be given up before streams suffer."`

	RTMPS        RTMPS           `conf:"rtmps" doc:"RTMP over TLS, for clients which open rtmps:// addresses."`
	HTTPAPI      HTTPAPI         `conf:"http_api" doc:"The HTTP API: what is streaming, who is connected, and commands."`
	HTTPServer   HTTPServer      `conf:"http_server" doc:"The web server: HTTP-FLV, HTTP-TS, HLS and DASH for players, and files."`
	SRTServer    SRTServer       `conf:"srt_server" doc:"SRT over UDP. Whether a vhost takes part is said in its srt block."`
	RTCServer    RTCServer       `conf:"rtc_server" doc:"WebRTC: the sockets and addresses. Whether a vhost takes part is said in its rtc block."`
	RTSPServer   RTSPServer      `conf:"rtsp_server,later" doc:"RTSP for players. Whether a vhost takes part is said in its rtsp block."`
	StreamCaster []*StreamCaster `conf:"stream_caster" env:"-" doc:"Receives streams in some other protocol and publishes them here. May be given several times."`

	Heartbeat Heartbeat `conf:"heartbeat" reload:"live" doc:"Tells an HTTP service at regular intervals that this server is alive."`
	Stats     Stats     `conf:"stats" env:"-" reload:"live" doc:"Measures the machine: processor, memory, network and disks."`
	Exporter  Exporter  `conf:"exporter" reload:"live" doc:"Counters for Prometheus."`
	Pprof     Pprof     `conf:"pprof" reload:"live" doc:"What the Go runtime spends processor time and memory on."`

	_ struct{} `conf:"threads,ignored" env:"THREADS_INTERVAL" doc:"The Go runtime looks after its threads itself."`
	_ struct{} `conf:"empty_ip_ok,ignored" env:"EMPTY_IP_OK" doc:"The address of a client is always known."`
	_ struct{} `conf:"tcmalloc_release_rate,ignored" env:"TCMALLOC_RELEASE_RATE" doc:"The Go runtime gives memory back to the system by itself."`
	_ struct{} `conf:"query_latest_version,ignored" env:"QUERY_LATEST_VERSION" doc:"This server never asks anybody about itself."`
	_ struct{} `conf:"first_wait_for_qlv,ignored" env:"FIRST_WAIT_FOR_QLV" doc:"This server never asks anybody about itself."`
	_ struct{} `conf:"tencentcloud_cls,ignored" env:"TENCENTCLOUD_CLS_*" doc:"Nothing is sent to a cloud: collect the log where it is written, and the counters of exporter."`
	_ struct{} `conf:"tencentcloud_apm,ignored" env:"TENCENTCLOUD_APM_*" doc:"Nothing is sent to a cloud: collect the log where it is written, and the counters of exporter."`

	Vhosts []*Vhost `conf:"vhost" doc:"A group of streams with settings of their own. Clients name it in their URL; whoever names none, or one that is not configured, gets __defaultVhost__. Variables apply to every vhost."`
}

// Vhost finds the settings of a vhost by its exact name; a name which is not configured gets
// those of __defaultVhost__. Without either it returns nil, and the client is to be refused.
func (s *Settings) Vhost(name string) *Vhost {
	var fallback *Vhost
	for _, v := range s.Vhosts {
		switch v.Name {
		case name:
			return v
		case DefaultVhost:
			fallback = v
		}
	}
	return fallback
}
