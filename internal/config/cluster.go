package config

// Cluster spreads one audience over several servers.
type Cluster struct {
	Mode           string   `conf:"mode" default:"local" enum:"local|remote" reload:"restart" doc:"With remote this server is an edge: it fetches what is played from the origin, and hands what is published on to it."`
	Origin         []string `conf:"origin" example:"127.0.0.1:19350" doc:"The origin servers, host or host:port, tried in turn."`
	TokenTraverse  bool     `conf:"token_traverse" default:"off" doc:"Asks the origin about every client before it is let in."`
	Vhost          string   `conf:"vhost" default:"[vhost]" doc:"Name of the vhost at the origin; [vhost] stands for this one."`
	DebugSrsUpnode bool     `conf:"debug_srs_upnode" default:"on" doc:"Tells the origin who asks, for its log."`
	OriginCluster  bool     `conf:"origin_cluster" default:"off" doc:"Sends players of a stream that is published at another origin there."`
	Coworkers      []string `conf:"coworkers" example:"127.0.0.1:9091" doc:"HTTP APIs of the other origins, host:port."`
	Protocol       string   `conf:"protocol" default:"rtmp" enum:"rtmp|flv|flvs" doc:"How streams are fetched from the origin: over RTMP, HTTP-FLV or HTTPS-FLV."`
	FollowClient   bool     `conf:"follow_client" default:"off" doc:"Fetches with the protocol of the first player instead."`
}

// Forward sends streams on.
type Forward struct {
	Enabled     bool     `conf:"enabled" default:"off" doc:"Sends every published stream on. Cannot be combined with kickoff_for_idle."`
	Destination []string `conf:"destination" example:"127.0.0.1:1936" doc:"Where to. host or host:port is an RTMP server, where the stream has the same names. An address of rtmp, rtmps, srt or rist says more; it may have [vhost], [app], [stream] and [param] in it. For srt it may name a mode and a streamid."`
	Backend     string   `conf:"backend,later" example:"http://127.0.0.1:8085/api/v1/forward" doc:"A web service which says for each stream where to; destination is not used then."`
}

// Refer checks the page from which a client comes, as far as it tells.
type Refer struct {
	Enabled bool     `conf:"enabled" default:"off" doc:"Checks the address of the web page which the client reports."`
	All     []string `conf:"all" example:"github.com github.io" doc:"Domains from which clients may come, with those below them: github.com names gist.github.com too. No list lets everybody in."`
	Publish []string `conf:"publish" example:"github.com" doc:"The same for publishers alone."`
	Play    []string `conf:"play" example:"github.com" doc:"The same for players alone."`
	HTTP    bool     `conf:"http" default:"off" doc:"Checks players over HTTP too, by the Referer header of their requests. Many players send none, and are refused then."`
}
