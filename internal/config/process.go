package config

import "time"

// Threads and CircuitBreaker watch the process itself.
type Threads struct {
	Interval time.Duration `conf:"interval" unit:"s" default:"5" range:"1.." doc:"Time between two looks at the threads."`
}

// CircuitBreaker has three levels of load, each a share of the processor and the number of
// seconds in a row for which it must be seen.
type CircuitBreaker struct {
	Enabled           bool `conf:"enabled" default:"on" doc:"Watches the load and gives up comfort step by step."`
	HighThreshold     int  `conf:"high_threshold" default:"90" range:"0..100" doc:"Percentage of the processor from which the load is high."`
	HighPulse         int  `conf:"high_pulse" default:"2" range:"0.." doc:"Seconds in a row after which high load counts."`
	CriticalThreshold int  `conf:"critical_threshold" default:"95" range:"0..100" doc:"Percentage of the processor from which the load is critical."`
	CriticalPulse     int  `conf:"critical_pulse" default:"1" range:"0.." doc:"Seconds in a row after which critical load counts."`
	DyingThreshold    int  `conf:"dying_threshold" default:"99" range:"0..100" doc:"Percentage of the processor from which the server barely works."`
	DyingPulse        int  `conf:"dying_pulse" default:"5" range:"0.." doc:"Seconds in a row after which that counts."`
}

// Heartbeat reports to an HTTP service.
type Heartbeat struct {
	Enabled   bool          `conf:"enabled" default:"off" doc:"Sends heartbeats."`
	Interval  time.Duration `conf:"interval" unit:"fs" default:"10" range:"1.." reload:"new" doc:"Time between two heartbeats. A fraction of a second is cut off."`
	URL       string        `conf:"url" default:"http://127.0.0.1:8085/api/v1/servers" reload:"new" doc:"Where they are posted."`
	DeviceID  string        `conf:"device_id" reload:"new" doc:"Name of this device in them."`
	Summaries bool          `conf:"summaries" default:"off" reload:"new" doc:"Adds what the API says about the machine."`
	Ports     bool          `conf:"ports" default:"off" reload:"new" doc:"Adds the ports on which the server listens, which a proxy in front of it needs."`
}

// Stats measures the machine.
type Stats struct {
	Enabled bool     `conf:"enabled" default:"on" doc:"Measures; off stops every sample, also the bit rates of streams."`
	Network int      `conf:"network" default:"0" range:"0.." doc:"Number of the network interface whose address the server calls its own, counted from 0."`
	Disk    []string `conf:"disk" example:"sda sdb" doc:"Disks whose load is measured."`
}

// Exporter serves counters to Prometheus.
type Exporter struct {
	Enabled bool     `conf:"enabled" default:"off" doc:"Serves counters at /metrics."`
	Listen  []string `conf:"listen" default:"9972" check:"endpoint" doc:"Where it listens."`
	Label   string   `conf:"label" doc:"A label which tells this server from others."`
	Tag     string   `conf:"tag" doc:"A second one."`
}

// TencentcloudCLS sends logs to a cloud service.
type TencentcloudCLS struct {
	Enabled        bool   `conf:"enabled" default:"off" doc:"Sends logs."`
	Label          string `conf:"label" doc:"A label which tells this server from others."`
	Tag            string `conf:"tag" doc:"A second one."`
	SecretID       string `conf:"secret_id" doc:"Name of the account key."`
	SecretKey      string `conf:"secret_key" doc:"The account key."`
	Endpoint       string `conf:"endpoint" doc:"Host of the service."`
	TopicID        string `conf:"topic_id" doc:"Log topic to write to."`
	DebugLogging   bool   `conf:"debug_logging" default:"off" doc:"Logs the exchange with the service."`
	StatHeartbeat  bool   `conf:"stat_heartbeat" default:"on" doc:"Sends figures about the server."`
	HeartbeatRatio int    `conf:"heartbeat_ratio" default:"1" range:"1.." doc:"Sends only every n-th of them."`
	StatStreams    bool   `conf:"stat_streams" default:"on" doc:"Sends figures about each stream."`
	StreamsRatio   int    `conf:"streams_ratio" default:"1" range:"1.." doc:"Sends only every n-th of them."`
}

// TencentcloudAPM sends traces to a cloud service.
type TencentcloudAPM struct {
	Enabled      bool   `conf:"enabled" default:"off" doc:"Sends traces."`
	Team         string `conf:"team" doc:"Team at the service."`
	Token        string `conf:"token" doc:"Its token."`
	Endpoint     string `conf:"endpoint" doc:"Host and port of the service."`
	ServiceName  string `conf:"service_name" default:"srs-server" doc:"Name of this server in traces."`
	DebugLogging bool   `conf:"debug_logging" default:"off" doc:"Logs the exchange with the service."`
}
