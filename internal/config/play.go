package config

import "time"

// Play is how players are served.
type Play struct {
	GopCache             bool          `conf:"gop_cache" default:"on" doc:"Starts a new player with the last key frame and all that followed, so that it shows a picture at once. Off saves the delay of that past: the player gets what comes next, and shows a picture from the next key frame on."`
	GopCacheMaxFrames    int           `conf:"gop_cache_max_frames" default:"2500" range:"-1.." doc:"Most frames kept for that; 0 means no limit. Protects the memory from encoders that send no key frames."`
	QueueLength          time.Duration `conf:"queue_length" unit:"s" default:"30" range:"1.." doc:"How far a slow player may fall behind before the server skips ahead for it."`
	TimeJitter           string        `conf:"time_jitter" default:"full" enum:"full|zero|off" doc:"The times that players see: full starts them at zero and bridges the jumps of the encoder's clock, zero starts them at zero and then counts as the encoder does, off gives the encoder's own. In each of them a short step back is held, and a track whose clock is not that of the first counts as the first does."`
	Atc                  bool          `conf:"atc" default:"off" doc:"Passes on the absolute timestamps of the encoder, which a cluster of encoders needs; time_jitter then does nothing."`
	MixCorrect           bool          `conf:"mix_correct" default:"off" doc:"Sorts sound and pictures by time, for encoders which send them unordered. Holds up to nine frames back for it."`
	AtcAuto              bool          `conf:"atc_auto" default:"off" doc:"Turns atc on for streams whose metadata asks for it: with bravo_atc, the text true."`
	MwLatency            time.Duration `conf:"mw_latency" unit:"ms" default:"350" range:"0.." doc:"How long frames are collected before they are sent together: less work for many players, so much more delay. With min_latency the default is 0."`
	MwMsgs               int           `conf:"mw_msgs" default:"8" range:"0..128" doc:"Frames that must be there before they are sent; 0 sends each at once. With min_latency the default is 0."`
	SendMinInterval      time.Duration `conf:"send_min_interval" unit:"fms" default:"0" range:"0.." doc:"Least pause between two packets, for players which break when a burst comes; 0 makes none."`
	Writer               string        `conf:"writer" default:"auto" enum:"auto|file|memory|own" reload:"new" doc:"How RTMP players are written to. file: all from one log of the stream in a file of memory, which the kernel sends without a copy (Linux). memory: all from one log in the memory of the process. own: each by a goroutine of its own, out of the frames, as it is for TLS and on systems other than Linux whatever this says. auto is file, and memory where such files are forbidden. Players see no difference."`
	ReduceSequenceHeader bool          `conf:"reduce_sequence_header" default:"off" doc:"Does not send codec headers again when they have not changed."`
	NotifyUnpublish      bool          `conf:"notify_unpublish" default:"off" doc:"Tells RTMP players when the publisher has gone, so that they can stop or reconnect. Otherwise they stay connected in silence and continue when it returns."`
}
