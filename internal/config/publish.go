package config

import "time"

// Publish is how publishers are received.
type Publish struct {
	Mr              bool          `conf:"mr" default:"off" doc:"Reads from publishers in larger gulps: less work for many publishers, up to mr_latency more delay."`
	MrLatency       time.Duration `conf:"mr_latency" unit:"ms" default:"350" range:"0.." doc:"How long such a gulp may collect."`
	FirstpktTimeout time.Duration `conf:"firstpkt_timeout" unit:"ms" default:"20000" range:"1.." doc:"How long a publisher may take to send its first packet."`
	NormalTimeout   time.Duration `conf:"normal_timeout" unit:"ms" default:"5000" range:"1.." doc:"How long it may be silent after that before it is disconnected."`
	ParseSps        bool          `conf:"parse_sps,later" default:"on" reload:"new" doc:"Reads the picture size from the stream, for the API and the log. Turn it off when an odd encoder makes it fail."`
	TryAnnexbFirst  bool          `conf:"try_annexb_first,later" default:"on" reload:"new" doc:"Expects H.264 with start codes first and with lengths second. Both are understood either way."`
	KickoffForIdle  time.Duration `conf:"kickoff_for_idle" unit:"fs" default:"0" range:"0.." doc:"Disconnects a publisher whom nobody has watched for so long; 0 never does. Cannot be combined with forward."`
	Takeover        bool          `conf:"takeover,later" default:"off" doc:"Lets a new publisher take a stream over from one that is still connected, instead of refusing it."`
	ResumeTimeout   time.Duration `conf:"resume_timeout,later" unit:"s" default:"0" range:"0.." doc:"How long players are kept waiting for a publisher that was cut off to return; 0 tells them at once that it has gone."`
}
