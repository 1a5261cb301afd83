package config

import "time"

// CircuitBreaker has three levels of load, each a share of the processors and how long it counts.
type CircuitBreaker struct {
	Enabled           bool `conf:"enabled" default:"on" doc:"Watches the load once a second. Its level is in the log when it changes, and in the metrics."`
	HighThreshold     int  `conf:"high_threshold" default:"90" range:"0..100" doc:"Percentage of the processors that this process may use above which the load is high. In SRS it is of one processor, which is all that one can use."`
	HighPulse         int  `conf:"high_pulse" default:"2" range:"0.." doc:"Seconds for which the level stays high after that; 0 never has it high by itself."`
	CriticalThreshold int  `conf:"critical_threshold" default:"95" range:"0..100" doc:"Percentage above which the load is critical."`
	CriticalPulse     int  `conf:"critical_pulse" default:"1" range:"0.." doc:"Seconds for which the level stays critical after that; 0 never has it critical by itself."`
	DyingThreshold    int  `conf:"dying_threshold" default:"99" range:"0..100" doc:"Percentage above which the server barely works."`
	DyingPulse        int  `conf:"dying_pulse" default:"5" range:"0.." doc:"Seconds in a row after which that counts, until the first that is better; 0 is never."`
}

// Heartbeat reports to an HTTP service.
type Heartbeat struct {
	Enabled   bool          `conf:"enabled" default:"off" doc:"Sends heartbeats."`
	Interval  time.Duration `conf:"interval" unit:"fs" default:"10" range:"1.." doc:"Time between two heartbeats. A fraction of a second is cut off."`
	URL       string        `conf:"url" default:"http://127.0.0.1:8085/api/v1/servers" doc:"Where they are posted. What follows a ? is not sent."`
	DeviceID  string        `conf:"device_id" doc:"Name of this device in them."`
	Summaries bool          `conf:"summaries" default:"off" doc:"Adds what the API says about the machine."`
	Ports     bool          `conf:"ports" default:"off" doc:"Adds the ports on which the server listens, which a proxy in front of it needs."`
}

// Stats measures the machine.
type Stats struct {
	Enabled bool     `conf:"enabled" default:"on" doc:"Measures; off stops every sample of load and bit rate, also those of streams and clients."`
	Network int      `conf:"network" default:"0" range:"0.." doc:"Number of the network interface whose address the server calls its own, counted from 0 among those that are up, loopback ones last."`
	Disk    []string `conf:"disk" example:"sda sdb" doc:"Disks whose load is measured; without any all that are no partitions and no loops."`
}

// Exporter serves counters to Prometheus.
type Exporter struct {
	Enabled bool     `conf:"enabled" default:"off" doc:"Serves counters at /metrics, here and where the API listens."`
	Listen  []string `conf:"listen" default:"9972" check:"endpoint" doc:"Where it listens. It answers whatever the API does, with the same passwords."`
	Label   string   `conf:"label" doc:"A label which tells this server from others, of srs_build_info."`
	Tag     string   `conf:"tag" doc:"A second one."`
	Streams int      `conf:"streams" default:"1000" range:"0..100000" doc:"How many streams have counters of their own, those with the most viewers first. How many are left out is a counter too."`
}

// Pprof serves the profiles of the Go runtime.
type Pprof struct {
	Enabled bool     `conf:"enabled" default:"off" doc:"Serves /debug/pprof/."`
	Listen  []string `conf:"listen" default:"127.0.0.1:6060" check:"endpoint" doc:"Where it listens. Whoever reaches it can read what the process is doing, and make it busy: leave it on a loopback address."`
}
