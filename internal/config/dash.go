package config

import "time"

// Dash writes manifests and segments of MPEG-DASH.
type Dash struct {
	Enabled          bool          `conf:"enabled" default:"off" doc:"Makes DASH of every stream."`
	DashFragment     time.Duration `conf:"dash_fragment" unit:"fs" default:"10" range:">0" doc:"Length of a segment. It ends at the next key frame."`
	DashUpdatePeriod time.Duration `conf:"dash_update_period" unit:"fs" default:"5" range:">0" doc:"How often players are to fetch the manifest again."`
	DashTimeshift    time.Duration `conf:"dash_timeshift" unit:"fs" default:"300" range:"0.." doc:"How far back a player may go."`
	DashPath         string        `conf:"dash_path" default:"./objs/nginx/html" doc:"Directory for manifests and segments."`
	DashMpdFile      string        `conf:"dash_mpd_file" default:"[app]/[stream].mpd" doc:"Name of the manifest below it; [vhost], [app] and [stream] may be used."`
	DashWindowSize   int           `conf:"dash_window_size" default:"5" range:"1.." doc:"Number of segments in the manifest."`
	DashCleanup      bool          `conf:"dash_cleanup" default:"on" doc:"Deletes segments which have left the manifest."`
	DashDispose      time.Duration `conf:"dash_dispose" unit:"s" default:"120" range:"0.." doc:"Time after the last frame after which the files of a stream are deleted; 0 never deletes them."`
}

// HDS is Adobe's format of the same kind.
type HDS struct {
	Enabled     bool          `conf:"enabled" default:"off" doc:"Makes HDS of every stream."`
	HdsFragment time.Duration `conf:"hds_fragment" unit:"fs" default:"10" range:">0" doc:"Length of a segment."`
	HdsWindow   time.Duration `conf:"hds_window" unit:"fs" default:"60" range:">0" doc:"How much of the stream is kept."`
	HdsPath     string        `conf:"hds_path" default:"./objs/nginx/html" doc:"Directory for the files."`
}
