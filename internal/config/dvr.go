package config

import "time"

// DVR records streams.
type DVR struct {
	Enabled         bool          `conf:"enabled" default:"off" doc:"Records."`
	DvrApply        []string      `conf:"dvr_apply" default:"all" env:"-" reload:"new" doc:"Which streams: all, or a list of app/stream."`
	DvrPlan         string        `conf:"dvr_plan" default:"session" enum:"session|segment" doc:"With session, a file for each time somebody publishes; with segment, a new file every dvr_duration."`
	DvrPath         string        `conf:"dvr_path" default:"./objs/nginx/html/[app]/[stream].[timestamp].flv" doc:"Name of a file, which must end in .flv or .mp4; another name is taken as a directory. May use [vhost], [app], [stream], [timestamp] and parts of the date."`
	DvrDuration     time.Duration `conf:"dvr_duration" unit:"s" default:"30" range:"1.." doc:"Length of a file with the plan segment."`
	DvrWaitKeyframe bool          `conf:"dvr_wait_keyframe" default:"on" doc:"Starts a new file only at a key frame."`
	TimeJitter      string        `conf:"time_jitter" default:"full" enum:"full|zero|off" doc:"Repairs timestamps, as time_jitter of play does."`
}
