package config

import (
	"errors"
	"slices"
	"strings"
)

// Transcode runs ffmpeg on published streams.
type Transcode struct {
	Name    string    `arg:"optional" example:"live/livestream"`
	Enabled bool      `conf:"enabled" default:"off" doc:"Runs the engines below."`
	Ffmpeg  string    `conf:"ffmpeg" example:"./objs/ffmpeg/bin/ffmpeg" doc:"Path of the ffmpeg program."`
	Engine  []*Engine `conf:"engine" doc:"One output. The word after engine is its name, which may be used in output as [engine]."`
}

// Ingest runs ffmpeg to bring a stream in.
type Ingest struct {
	Name    string    `arg:"optional" example:"livestream"`
	Enabled bool      `conf:"enabled" default:"off" doc:"Fetches it, and again whenever it ends."`
	Input   Input     `conf:"input" doc:"What is fetched."`
	Ffmpeg  string    `conf:"ffmpeg" example:"./objs/ffmpeg/bin/ffmpeg" doc:"Path of the ffmpeg program."`
	Engine  []*Engine `conf:"engine" doc:"One output, as in transcode. Without an enabled engine the codecs are copied."`
}

// nativeSchemes are those of addresses that are fetched without ffmpeg.
var nativeSchemes = []string{"srt", "rtmp", "rtmps", "udp", "rist"}

// Native reports whether an ingest is enabled and needs no ffmpeg: its codecs stay as they are.
func (i *Ingest) Native() bool {
	scheme, _, found := strings.Cut(i.Input.URL, "://")
	return i.Enabled && found && slices.Contains(nativeSchemes, scheme) &&
		!slices.ContainsFunc(i.Engine, func(e *Engine) bool { return e.Enabled && !e.copies() })
}

// copies reports whether an engine leaves the codecs as they are.
func (e *Engine) copies() bool {
	return (e.Vcodec == "copy" || e.Vcodec == "") && (e.Acodec == "copy" || e.Acodec == "")
}

// Place returns the stream that an ingest of a vhost publishes: what its first engine with an output
// says, of those that are enabled if there are some.
func (i *Ingest) Place(vhost string, listen []string) (Place, error) {
	n := slices.IndexFunc(i.Engine, func(e *Engine) bool { return e.Enabled && e.Output != "" })
	if n < 0 {
		n = slices.IndexFunc(i.Engine, func(e *Engine) bool { return e.Output != "" })
	}
	if n < 0 {
		return Place{}, errors.New("it has no engine with an output, such as rtmp://127.0.0.1:[port]/live?vhost=[vhost]/livestream")
	}
	port := "1935"
	if len(listen) > 0 {
		port = portOf(listen[0])
	}
	return ParsePlace(strings.NewReplacer("[vhost]", vhost, "[port]", port).Replace(i.Engine[n].Output), listen)
}

// Input is what an ingest fetches.
type Input struct {
	Type string `conf:"type" default:"file" enum:"file|stream" doc:"A file is read at the speed at which it plays, a stream as it comes."`
	URL  string `conf:"url" example:"./doc/source.flv" doc:"Address of it: srt, rtmp or rtmps to fetch it, or srt://:port, udp://@host:port or rist://@:port to have it sent there. Paths and other addresses need ffmpeg and are not fetched yet."`
}

// Engine is one output of ffmpeg. Its order is the order of ffmpeg's arguments.
type Engine struct {
	Name        string  `arg:"optional" example:"example"`
	Enabled     bool    `conf:"enabled" default:"off" doc:"Runs this engine."`
	Perfile     []Param `conf:"perfile" example:"re; rtsp_transport tcp;" doc:"Options of ffmpeg in front of the input, in any number."`
	Iformat     string  `conf:"iformat" default:"flv" doc:"Format of the input; off leaves it to ffmpeg."`
	Vfilter     []Param `conf:"vfilter" example:"i ./doc/logo.png; filter_complex 'overlay=10:10';" doc:"Options after the input, for filters."`
	Vcodec      string  `conf:"vcodec" example:"libx264" doc:"Encoder for pictures; copy keeps them as they are, vn leaves them out."`
	Vbitrate    int     `conf:"vbitrate" default:"0" range:"0..1000000" doc:"Bit rate of pictures in kilobits per second; 0 leaves it to the encoder."`
	Vfps        float64 `conf:"vfps" default:"0" range:"0.." doc:"Pictures per second; 0 keeps them."`
	Vwidth      int     `conf:"vwidth" default:"0" range:"0..65535" doc:"Width of pictures; 0 keeps it."`
	Vheight     int     `conf:"vheight" default:"0" range:"0..65535" doc:"Height of pictures; 0 keeps it."`
	Vthreads    int     `conf:"vthreads" default:"1" range:"0..1024" doc:"Threads of the encoder."`
	Vprofile    string  `conf:"vprofile" example:"main" doc:"Profile of H.264 or H.265: baseline, main, high."`
	Vpreset     string  `conf:"vpreset" example:"medium" doc:"Preset of the encoder, from ultrafast to placebo."`
	Vparams     []Param `conf:"vparams" example:"g 50; tune zerolatency;" doc:"Further options for pictures."`
	Acodec      string  `conf:"acodec" example:"aac" doc:"Encoder for sound; copy keeps it as it is, an leaves it out."`
	Abitrate    int     `conf:"abitrate" default:"0" range:"0..1000000" doc:"Bit rate of sound in kilobits per second; 0 leaves it to the encoder."`
	AsampleRate int     `conf:"asample_rate" default:"0" range:"0..768000" doc:"Samples per second; 0 keeps them."`
	Achannels   int     `conf:"achannels" default:"0" range:"0..2" doc:"Channels; 0 keeps them."`
	Aparams     []Param `conf:"aparams" example:"profile:a aac_low;" doc:"Further options for sound."`
	Oformat     string  `conf:"oformat" default:"flv" doc:"Format of the output; off leaves it to ffmpeg."`
	Output      string  `conf:"output" example:"rtmp://127.0.0.1:[port]/[app]?vhost=[vhost]/[stream]_[engine]" doc:"Where the result goes."`
}

// Exec runs programs while a stream is published.
type Exec struct {
	Enabled bool       `conf:"enabled" default:"off" doc:"Runs the programs below."`
	Publish [][]string `conf:"publish" example:"./objs/ffmpeg/bin/ffmpeg -i [url] -c copy -f flv ./[stream].flv" doc:"A program and its arguments, started for every stream. May be given many times."`
}
