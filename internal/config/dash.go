package config

import "time"

// Dash writes manifests and segments of MPEG-DASH.
type Dash struct {
	Enabled          bool          `conf:"enabled" default:"off" doc:"Makes DASH of every stream."`
	DashFragment     time.Duration `conf:"dash_fragment" unit:"fs" default:"10" range:">0" doc:"Length of a segment. It ends at the next key frame."`
	DashUpdatePeriod time.Duration `conf:"dash_update_period" unit:"fs" default:"5" range:">0" doc:"How often players are to fetch the manifest again: never less often than there are segments."`
	DashTimeshift    time.Duration `conf:"dash_timeshift" unit:"fs" default:"300" range:"0.." doc:"The most that a player may go back: no more than that of the segments is in the manifest, but always the newest three."`
	DashPath         string        `conf:"dash_path" default:"./objs/nginx/html" doc:"Directory for manifests and segments."`
	DashServeFrom    string        `conf:"dash_serve_from" default:"disk" enum:"disk|memory|both" doc:"Where manifests and segments are kept and served from: files, memory without any file, or memory and files."`
	DashMpdFile      string        `conf:"dash_mpd_file" default:"[app]/[stream].mpd" doc:"Name of the manifest below it; [vhost], [app] and [stream] may be used."`
	DashWindowSize   int           `conf:"dash_window_size" default:"5" range:"1.." doc:"Number of segments in the manifest, never fewer than three."`
	DashCleanup      bool          `conf:"dash_cleanup" default:"on" doc:"Deletes segments which have left the manifest."`
	DashCtx          bool          `conf:"dash_ctx" default:"on" doc:"Gives every player a manifest of its own, so that players can be counted, asked for and kicked. Turn it off behind caches."`
	DashLowLatency   bool          `conf:"dash_low_latency" default:"off" doc:"Low-latency DASH: players get a segment while it is made, piece by piece."`
	DashPart         time.Duration `conf:"dash_part" unit:"fs" default:"0.2" range:"0.05..2" doc:"The most that such a piece lasts, with dash_low_latency."`
	DashDispose      time.Duration `conf:"dash_dispose" unit:"s" default:"120" range:"0.." doc:"Time after the last frame after which the files of a stream are deleted; 0 never deletes them."`
}

// HDS is Adobe's format of the same kind.
type HDS struct {
	Enabled     bool          `conf:"enabled" default:"off" doc:"Makes HDS of every stream."`
	HdsFragment time.Duration `conf:"hds_fragment" unit:"fs" default:"10" range:">0" doc:"Length of a segment."`
	HdsWindow   time.Duration `conf:"hds_window" unit:"fs" default:"60" range:">0" doc:"How much of the stream is kept."`
	HdsPath     string        `conf:"hds_path" default:"./objs/nginx/html" doc:"Directory for the files."`
}
