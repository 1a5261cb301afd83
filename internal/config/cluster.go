package config

import "time"

// Cluster spreads one audience over several servers.
type Cluster struct {
	Mode           string        `conf:"mode" default:"local" enum:"local|remote" reload:"restart" doc:"With remote this server is an edge: it fetches what is played from an origin, for as long as somebody plays it, and hands what is published on to one."`
	Origin         []string      `conf:"origin" example:"127.0.0.1:19350" doc:"The origins of an edge, host or host:port. They are tried in turn, one beside the other when one does not answer at once, and those that have failed lately come last. dns://name:port stands for every address that the name has."`
	IdleTimeout    time.Duration `conf:"idle_timeout" unit:"s" default:"0" range:"0.." doc:"How long a stream is still fetched when its last player has left."`
	TokenTraverse  bool          `conf:"token_traverse" default:"off" doc:"Asks an origin about every client of an edge before it is let in: one that its on_connect refuses is refused here."`
	Vhost          string        `conf:"vhost" default:"[vhost]" doc:"Name of the vhost at the origin; [vhost] stands for this one."`
	DebugSrsUpnode bool          `conf:"debug_srs_upnode" default:"on" doc:"Tells the origin who asks, for its log."`
	OriginCluster  bool          `conf:"origin_cluster" default:"off" doc:"Sends players of RTMP to the origin that has their stream, if it is not this one; what players of other protocols want is fetched from there."`
	Coworkers      []string      `conf:"coworkers" example:"127.0.0.1:9091" doc:"HTTP APIs of the other origins, host:port, which are asked who has a stream. dns://name:port stands for every address that the name has, this server's own may be among them."`
	Protocol       string        `conf:"protocol" default:"rtmp" enum:"rtmp|flv|flvs" doc:"How streams are fetched from the origin: over RTMP, HTTP-FLV or HTTPS-FLV. The port of an origin that has none is that of the protocol: 1935, 80 or 443."`
	FollowClient   bool          `conf:"follow_client" default:"off" doc:"Fetches over HTTP-FLV or HTTPS-FLV where the first player has come over HTTP or HTTPS."`
	Registry       string        `conf:"registry" example:"redis://127.0.0.1:6379/0" reload:"restart" secret:"yes" doc:"A Redis in which the servers of a cluster tell each other who has which stream. redis://user:password@host:port/db; rediss is over TLS. Sentinels are redis+sentinel://host:port,host:port/master/db, a Redis Cluster is redis+cluster://host:port,host:port."`
	RegistryCA     string        `conf:"registry_ca" reload:"restart" doc:"A file of PEM certificates: who may have signed the certificate of a registry that is reached over TLS. When empty it is whom the system believes."`
	Lease          time.Duration `conf:"lease" unit:"s" default:"5" range:"1..60" reload:"restart" doc:"How long the registry keeps what a server that has died has told it. Others may have its streams after that."`
	Announce       string        `conf:"announce" example:"10.0.0.1" reload:"new" doc:"The name or address at which the other servers of the registry reach this one. When empty it is the address that it listens on, or has towards the registry."`
	Placement      string        `conf:"placement" default:"here" enum:"here|least" reload:"new" doc:"Where a stream is published: here, where its publisher comes, or at the server of the registry that has the least to do."`
}

// Forward sends streams on.
type Forward struct {
	Enabled     bool     `conf:"enabled" default:"off" doc:"Sends every published stream on. Cannot be combined with kickoff_for_idle."`
	Destination []string `conf:"destination" example:"127.0.0.1:1936" doc:"Where to. host or host:port is an RTMP server, where the stream has the same names. An address of rtmp, rtmps, srt or rist says more; it may have [vhost], [app], [stream] and [param] in it. For srt it may name a mode and a streamid."`
	Backend     string   `conf:"backend" example:"http://127.0.0.1:8085/api/v1/forward" doc:"A web service which says for each publisher where its stream is sent on to; destination is not used then. It is asked behind all others, with the timeout and secret of http_hooks."`

	BackendOnError string `conf:"backend_on_error" default:"deny" enum:"deny|allow" doc:"What becomes of a publisher when the backend gives no answer that names addresses: deny refuses it; allow lets it in, and asks again later, at growing intervals. A code other than 0 is a no in any case."`
}

// Sends reports whether streams are sent on.
func (f *Forward) Sends() bool { return f.Enabled && (f.Backend != "" || len(f.Destination) > 0) }

// Refer checks the page from which a client comes, as far as it tells.
type Refer struct {
	Enabled bool     `conf:"enabled" default:"off" doc:"Checks the address of the web page which the client reports."`
	All     []string `conf:"all" example:"github.com github.io" doc:"Domains from which clients may come, with those below them: github.com names gist.github.com too. No list lets everybody in."`
	Publish []string `conf:"publish" example:"github.com" doc:"The same for publishers alone."`
	Play    []string `conf:"play" example:"github.com" doc:"The same for players alone."`
	HTTP    bool     `conf:"http" default:"off" doc:"Checks players over HTTP too, by the Referer header of their requests. Many players send none, and are refused then."`
}

// Remote reports whether the virtual host is an edge.
func (c *Cluster) Remote() bool { return c.Mode == "remote" }

// Fetches reports whether streams that nobody publishes here are fetched from elsewhere.
func (c *Cluster) Fetches() bool {
	return c.Registry != "" || c.Remote() && len(c.Origin) > 0 || !c.Remote() && c.OriginCluster && len(c.Coworkers) > 0
}
