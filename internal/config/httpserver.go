package config

import (
	"slices"
	"time"
)

// HTTPServer is the web server for players.
type HTTPServer struct {
	Enabled     bool        `conf:"enabled" default:"off" reload:"live" doc:"Serves streams and files over HTTP."`
	Listen      []string    `conf:"listen" default:"8080" check:"endpoint" reload:"live" doc:"Where it listens."`
	Dir         string      `conf:"dir" default:"./objs/nginx/html" reload:"live" doc:"Directory of the files below /. A file in it is shown instead of a page of the server's own. Links that lead out of it are not followed."`
	Crossdomain bool        `conf:"crossdomain" default:"on" reload:"live" doc:"Lets players on pages of other sites load streams and files. For the API there is http_api.crossdomain."`
	Pages       bool        `conf:"pages" default:"on" reload:"live" doc:"Shows a page of the live streams at /, one that plays them at /players/ and one that publishes, where dir has no files of these names."`
	HTTPS       ServerHTTPS `conf:"https" doc:"The same over TLS."`
}

// ServerHTTPS is the web server over TLS.
type ServerHTTPS struct {
	Enabled bool     `conf:"enabled" default:"off" reload:"live" doc:"Serves over TLS as well, with HTTP/2 for clients that ask for it; http_server must be enabled."`
	Listen  []string `conf:"listen" default:"8088" check:"endpoint" reload:"live" doc:"Where it listens."`
	Key     string   `conf:"key" default:"./conf/server.key" reload:"live" doc:"Private key, a PEM file."`
	Cert    string   `conf:"cert" default:"./conf/server.crt" reload:"live" doc:"Certificate with its chain, a PEM file. When this file or the key changes, new clients get the new one, without a reload."`
}

// SharesAPI reports whether the API has the addresses of the web server: one listener serves both.
func (s *Settings) SharesAPI() bool {
	return s.HTTPAPI.Enabled && s.HTTPServer.Enabled && slices.Equal(s.HTTPAPI.Listen, s.HTTPServer.Listen)
}

// SharesSecureAPI reports the same of the addresses with TLS.
func (s *Settings) SharesSecureAPI() bool {
	return s.HTTPAPI.HTTPS.Enabled && s.HTTPServer.HTTPS.Enabled && slices.Equal(s.HTTPAPI.HTTPS.Listen, s.HTTPServer.HTTPS.Listen)
}

// HTTPStatic serves files of a vhost.
type HTTPStatic struct {
	Enabled bool   `conf:"enabled" default:"off" reload:"live" doc:"Serves a directory for this vhost."`
	Mount   string `conf:"mount" default:"[vhost]/" reload:"live" doc:"Address below which the files appear. The part up to the first slash is the host; [vhost] stands for the name of the vhost."`
	Dir     string `conf:"dir" default:"./objs/nginx/html" reload:"live" doc:"Directory of the files; [vhost] may be used."`
}

// HTTPRemux plays live streams over HTTP.
type HTTPRemux struct {
	Enabled        bool          `conf:"enabled" default:"off" doc:"Serves live streams as one endless HTTP response."`
	Mount          string        `conf:"mount" default:"[vhost]/[app]/[stream].flv" doc:"Address of a stream. The ending chooses the form: .flv, .ts, .aac or .mp3."`
	FastCache      time.Duration `conf:"fast_cache" unit:"fs" default:"0" range:"0.." doc:"How much of the past a new listener of .aac or .mp3 gets, so that a browser starts to play at once."`
	DropIfNotMatch bool          `conf:"drop_if_not_match" default:"on" doc:"Leaves out pictures where has_video is off, and sound where has_audio is off, instead of failing."`
	HasAudio       bool          `conf:"has_audio" default:"on" doc:"Says in the header that the stream has sound. Some players wait for it when it never comes."`
	HasVideo       bool          `conf:"has_video" default:"on" doc:"Says in the header that the stream has pictures."`
	GuessHasAv     bool          `conf:"guess_has_av" default:"on" doc:"Finds out by itself whether there are sound and pictures, and says so in the header."`
	WaitTimeout    time.Duration `conf:"wait_timeout" unit:"fs" default:"30" range:"0.." doc:"How long a player may wait for a stream that nobody publishes yet, before it gets the answer 404; 0 is for ever."`
	_              struct{}      `conf:"hstrs,ignored" doc:"Once made players wait for a stream that has not begun, which they always do now."`
}

// HTTPHooks asks and tells a web service of yours.
type HTTPHooks struct {
	Enabled     bool          `conf:"enabled" default:"off" doc:"Calls the addresses below. Those which precede an action may refuse it."`
	OnConnect   []string      `conf:"on_connect" example:"http://127.0.0.1:8085/api/v1/clients" doc:"Asked when an RTMP client connects."`
	OnClose     []string      `conf:"on_close" example:"http://127.0.0.1:8085/api/v1/clients" doc:"Told when it has gone."`
	OnPublish   []string      `conf:"on_publish" example:"http://127.0.0.1:8085/api/v1/streams" doc:"Asked before somebody publishes."`
	OnUnpublish []string      `conf:"on_unpublish" example:"http://127.0.0.1:8085/api/v1/streams" doc:"Told when that ends."`
	OnPlay      []string      `conf:"on_play" example:"http://127.0.0.1:8085/api/v1/sessions" doc:"Asked before somebody plays."`
	OnStop      []string      `conf:"on_stop" example:"http://127.0.0.1:8085/api/v1/sessions" doc:"Told when that ends."`
	OnDvr       []string      `conf:"on_dvr" example:"http://127.0.0.1:8085/api/v1/dvrs" doc:"Told when a recorded file is complete."`
	OnHls       []string      `conf:"on_hls" example:"http://127.0.0.1:8085/api/v1/hls" doc:"Told when an HLS segment is complete."`
	Timeout     time.Duration `conf:"timeout" unit:"fs" default:"30" range:"0.1..600" doc:"How long one call may take, from the connection to the whole answer."`
	OnError     string        `conf:"on_error" default:"deny" enum:"deny|allow" doc:"What becomes of a client when an address that is asked gives no answer: it cannot be reached, is too slow, or fails with a status of 500 and up. An answer that says no is a no in any case."`
	Retry       time.Duration `conf:"retry" unit:"fs" default:"60" range:"0..86400" doc:"For how long an event that only informs (on_close, on_unpublish, on_stop, on_dvr, on_hls, on_hls_notify) is sent again, at growing intervals, while nobody answers; 0 sends it once."`
	Secret      string        `conf:"secret" secret:"yes" doc:"Key for a signature of each call, the HMAC-SHA256 of the time, a dot and the body, so that a receiver knows who sends: headers X-Weir-Timestamp and X-Weir-Signature."`
	OnHlsNotify []string      `conf:"on_hls_notify" example:"http://127.0.0.1:8085/api/v1/hls/[server_id]/[app]/[stream]/[ts_url][param]" doc:"Fetched for every HLS segment, for instance to warm a cache."`
}
