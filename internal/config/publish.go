package config

import "time"

// Publish is how publishers are received.
type Publish struct {
	Mr              bool          `conf:"mr" default:"off" doc:"Reads from publishers in larger gulps: less work for many publishers, up to mr_latency more delay."`
	MrLatency       time.Duration `conf:"mr_latency" unit:"ms" default:"350" range:"0.." doc:"How long such a gulp may collect."`
	FirstpktTimeout time.Duration `conf:"firstpkt_timeout" unit:"ms" default:"20000" range:"1.." doc:"How long a publisher may take to send its first packet."`
	NormalTimeout   time.Duration `conf:"normal_timeout" unit:"ms" default:"5000" range:"1.." doc:"How long it may be silent after that before it is disconnected."`
	ParseSps        bool          `conf:"parse_sps" default:"on" reload:"new" doc:"Reads the profile and the picture size from the stream, for the API. Turn it off when an odd encoder makes it fail."`
	TryAnnexbFirst  bool          `conf:"try_annexb_first" default:"on" reload:"new" doc:"Expects H.264 with start codes first and with lengths second. Both are understood either way: it decides of a frame which could be either, as long as no other has shown what the encoder sends."`
	KickoffForIdle  time.Duration `conf:"kickoff_for_idle" unit:"fs" default:"0" range:"0.." doc:"Disconnects a publisher whom nobody has watched for so long; 0 never does. Cannot be combined with forward."`
	Takeover        bool          `conf:"takeover" default:"off" doc:"Lets a new publisher take a stream over from the one that has it, who is disconnected; viewers stay and see the new one. Off refuses the newcomer."`
	ResumeTimeout   time.Duration `conf:"resume_timeout" unit:"s" default:"0" range:"0.." doc:"How long viewers and the GOP cache wait for a publisher whose connection was lost: whoever publishes in time goes on where it stopped. 0 does not wait."`
}
