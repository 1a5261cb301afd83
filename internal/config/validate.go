package config

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
)

// validate checks what one declaration alone cannot: how settings go together.
func (l *loader) validate(file string) {
	c := &l.cfg
	if c.IsFull {
		l.failAt(&c.IsFull, file, "is_full marks a catalogue of all directives, which is not to be run; copy what you need into a file of your own")
	}
	if len(c.Listen) == 0 {
		l.fail(file, 0, "listen is missing: name at least one RTMP port, such as listen 1935;")
	}
	if c.Asprocess && c.Daemon {
		l.failAt(&c.Asprocess, file, "asprocess and daemon cannot both be on")
	}
	if c.SrsLogTank == "file" && c.SrsLogFile == "" {
		l.failAt(&c.SrsLogTank, file, "srs_log_file is empty although the log goes to a file")
	}
	l.noteChunkSize(&c.ChunkSize, "chunk_size", 0)
	l.validateHTTP(file)
	if c.Heartbeat.Enabled && !isWeb(c.Heartbeat.URL) {
		l.failAt(&c.Heartbeat.URL, file, "heartbeat.url does not begin with http:// or https:// and a host")
	}
	l.noteSRT()
	l.validateRTC(file)
	for _, caster := range c.StreamCaster {
		if caster.Enabled {
			l.validateCaster(caster, file)
		}
	}
	if len(c.Vhosts) == 0 {
		l.note(file, 0, "no vhost is configured, so every client will be refused; add vhost %s { }", DefaultVhost)
	}
	for _, v := range c.Vhosts {
		l.validateVhost(v, file)
	}
}

func (l *loader) validateHTTP(file string) {
	api, server := &l.cfg.HTTPAPI, &l.cfg.HTTPServer
	if api.HTTPS.Enabled && !api.Enabled {
		l.failAt(&api.HTTPS.Enabled, file, "http_api.https needs http_api to be enabled")
	}
	if server.HTTPS.Enabled && !server.Enabled {
		l.failAt(&server.HTTPS.Enabled, file, "http_server.https needs http_server to be enabled")
	}
	if !api.Enabled || !server.Enabled || !api.HTTPS.Enabled || !server.HTTPS.Enabled {
		return
	}
	plain := slices.Equal(api.Listen, server.Listen)
	if secure := slices.Equal(api.HTTPS.Listen, server.HTTPS.Listen); plain != secure {
		l.failAt(&api.Listen, file, "http_api and http_server must share both their listen and their https.listen, or neither")
	}
}

// validateCaster checks a stream_caster that is enabled, and tells of one that is not there yet.
func (l *loader) validateCaster(c *StreamCaster, file string) {
	switch {
	case c.Caster == "" || len(c.Listen) == 0:
		l.failAt(&c.Enabled, file, "stream_caster needs caster and listen when it is enabled")
	case c.Caster == "gb28181":
		at := l.given[&c.Caster]
		l.note(at.file, at.line, "stream_caster %s is not there yet: nothing listens on %s", c.Caster, strings.Join(c.Listen, " "))
	case c.Output == "":
		l.failAt(&c.Enabled, file, "stream_caster needs output when it is enabled")
	default:
		if _, err := ParsePlace(c.Output, l.cfg.Listen); err != nil { // its variables are names like others here
			l.failAt(&c.Output, file, "stream_caster.output %s", err)
		}
	}
}

// validateRTC refuses what WebRTC cannot do.
func (l *loader) validateRTC(file string) {
	c := &l.cfg.RTCServer
	if !c.Encrypt {
		l.failAt(&c.Encrypt, file, "rtc_server.encrypt off cannot be had: WebRTC is always encrypted here, as browsers ask for it; leave the directive out")
	}
	for _, server := range c.IceServer {
		scheme, rest, _ := strings.Cut(server[0], ":")
		if !slices.Contains([]string{"stun", "stuns", "turn", "turns"}, scheme) || rest == "" || strings.ContainsAny(server[0], "<>\r\n") || len(server) != 1 && len(server) != 3 {
			l.failAt(&c.IceServer, file, "rtc_server.ice_server is to be stun:HOST, or turn:HOST with a user and a password")
		}
	}
}

// noteSRT tells of what cannot be done as it is asked for.
func (l *loader) noteSRT() {
	c := &l.cfg.SRTServer
	if !c.Enabled {
		return
	}
	say := func(setting any, text string) {
		at := l.given[setting]
		l.note(at.file, at.line, "%s", text)
	}
	if !c.Tsbpdmode {
		say(&c.Tsbpdmode, "srt_server.tsbpdmode off has no effect: packets are handed on in the rhythm in which they were sent; a latency of 0 hands them on at once")
	}
	if !c.Tlpktdrop {
		say(&c.Tlpktdrop, "srt_server.tlpktdrop off has no effect: packets that come too late are left out")
	}
	if c.Pbkeylen != 0 {
		say(&c.Pbkeylen, "srt_server.pbkeylen has no effect: clients choose the length of the key")
	}
	if used := min(max(c.Mss, 232), 1500); used != c.Mss {
		say(&c.Mss, fmt.Sprintf("srt_server.mss %d is out of what is possible: %d is used", c.Mss, used))
		c.Mss = used
	}
}

func (l *loader) validateIngest(v *Vhost, i *Ingest, file string) {
	if !i.Native() {
		at := l.given[i]
		l.note(at.file, at.line, "vhost %s: ingest %s needs ffmpeg, which is not run yet: what is fetched without is %s, with codecs as they are", v.Name, i.Name, strings.Join(nativeSchemes, ", "))
		return
	}
	if _, err := i.Place(v.Name, l.cfg.Listen); err != nil {
		l.failAt(i, file, "vhost %s: ingest %s: output: %v", v.Name, i.Name, err)
	}
}

func (l *loader) validateVhost(v *Vhost, file string) {
	l.noteChunkSize(&v.ChunkSize, "vhost.chunk_size", l.cfg.ChunkSize)
	if v.HLS.Enabled && v.HTTPRemux.Enabled && strings.HasSuffix(v.HTTPRemux.Mount, ".ts") {
		l.failAt(&v.HTTPRemux.Mount, file, "vhost %s has hls and an http_remux which ends in .ts: both would answer the same addresses", v.Name)
	}
	if v.HTTPRemux.Enabled && !slices.Contains([]string{".flv", ".ts", ".aac", ".mp3"}, path.Ext(v.HTTPRemux.Mount)) {
		l.failAt(&v.HTTPRemux.Mount, file, "vhost %s has an http_remux whose mount does not end in .flv, .ts, .aac or .mp3", v.Name)
	}
	l.validateHooks(v, file)
	if v.RTC.DtlsVersion == "dtls1.0" {
		l.failAt(&v.RTC.DtlsVersion, file, "vhost %s has rtc.dtls_version dtls1.0, which cannot be had: browsers have given it up, and it is not safe; write dtls1.2 or auto", v.Name)
	}
	if t := &v.Auth; t.Enabled && len(t.Secret) == 0 && t.JWKS == "" {
		l.failAt(&t.Enabled, file, "vhost %s has auth and neither secret nor jwks in it: nobody could have a token", v.Name)
	}
	if v.Forward.Enabled && v.Publish.KickoffForIdle > 0 {
		l.failAt(&v.Publish.KickoffForIdle, file, "vhost %s has forward and publish.kickoff_for_idle: forwarded streams have no players here", v.Name)
	}
	l.validateRegistry(v, file)
	if v.Forward.Enabled && v.Forward.Backend != "" && !isWeb(v.Forward.Backend) {
		l.failAt(&v.Forward.Backend, file, "vhost %s has a forward.backend that does not begin with http:// or https:// and a host", v.Name)
	}
	names := map[string]bool{}
	for _, ingest := range v.Ingest {
		if names[ingest.Name] {
			l.failAt(ingest, file, "vhost %s has two ingest blocks named %q", v.Name, ingest.Name)
		}
		names[ingest.Name] = true
		if ingest.Enabled {
			l.validateIngest(v, ingest, file)
		}
	}
}

// validateRegistry checks the address of a registry, and that its certificates are of use.
func (l *loader) validateRegistry(v *Vhost, file string) {
	c := &v.Cluster
	var at Registry
	if c.Registry != "" {
		var err error
		if at, err = ParseRegistry(c.Registry); err != nil {
			l.failAt(&c.Registry, file, "vhost %s has cluster.registry whose address %v", v.Name, err)
			return
		}
	}
	if c.RegistryCA != "" && !at.TLS {
		l.failAt(&c.RegistryCA, file, "vhost %s has cluster.registry_ca and no registry that is reached over TLS: its address is to begin with rediss", v.Name)
	}
	for _, other := range l.cfg.Vhosts {
		if other == v {
			return
		}
		if c.Registry != "" && other.Cluster.Registry == c.Registry && other.Cluster.RegistryCA != c.RegistryCA {
			l.failAt(&c.Registry, file, "vhosts %s and %s have the same cluster.registry, and different registry_ca: there is one connection for both", other.Name, v.Name)
		}
	}
}

// validateHooks checks the addresses of callbacks.
func (l *loader) validateHooks(v *Vhost, file string) {
	h := &v.HTTPHooks
	if !h.Enabled {
		return
	}
	for _, at := range []struct {
		name string
		list *[]string
	}{
		{"on_connect", &h.OnConnect}, {"on_close", &h.OnClose}, {"on_publish", &h.OnPublish}, {"on_unpublish", &h.OnUnpublish},
		{"on_play", &h.OnPlay}, {"on_stop", &h.OnStop}, {"on_dvr", &h.OnDvr}, {"on_hls", &h.OnHls}, {"on_hls_notify", &h.OnHlsNotify},
	} {
		for n, address := range *at.list {
			if !isWeb(address) {
				l.failAt(at.list, file, "vhost %s has %s whose address %d does not begin with http:// or https:// and a host", v.Name, at.name, n+1)
			}
		}
	}
}

// isWeb tells whether an address can be called. Errors do not show it, as it may have secrets.
func isWeb(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

// noteChunkSize warns of sizes which some clients cannot read, once for each place.
func (l *loader) noteChunkSize(size *int, path string, global int) {
	if *size >= 128 && *size <= 65536 || *size == global {
		return
	}
	at := l.given[size]
	l.note(at.file, at.line, "%s %d is outside 128 to 65536: some clients cannot read such a stream", path, *size)
}
