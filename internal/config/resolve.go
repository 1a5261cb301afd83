package config

import (
	"slices"
	"time"
)

// resolve works out the values that depend on others, once every source has been read. What
// was given, in the file or by a variable, stays as it is.
func (l *loader) resolve() {
	c := &l.cfg
	if l.envOnly && len(c.Listen) == 0 {
		c.Listen = []string{"1935"} // a server that listens nowhere helps nobody
	}
	c.InDocker = c.InDocker || l.docker
	if (l.envOnly || c.InDocker) && !l.isGiven(&c.SrsLogTank) {
		c.SrsLogTank = "console"
	}
	if l.envOnly && !l.isGiven(&c.Daemon) || c.InDocker && c.DisableDaemonForDocker {
		c.Daemon = false
	}
	c.SRTServer.resolve(l.isGiven)
	c.Heartbeat.Interval = c.Heartbeat.Interval.Truncate(time.Second)
	if slices.Equal(c.HTTPAPI.Listen, c.HTTPServer.Listen) && !l.isGiven(&c.HTTPAPI.HTTPS.Listen) {
		c.HTTPAPI.HTTPS.Listen = c.HTTPServer.HTTPS.Listen
	}
	for _, candidate := range l.candidates() {
		*candidate = l.resolveCandidate(*candidate)
	}
	for _, v := range c.Vhosts {
		l.resolveVhost(v)
	}
}

func (l *loader) resolveVhost(v *Vhost) {
	if !l.isGiven(&v.ChunkSize) {
		v.ChunkSize = l.cfg.ChunkSize
	}
	if v.MinLatency {
		if !l.isGiven(&v.Play.MwLatency) {
			v.Play.MwLatency = 0
		}
		if !l.isGiven(&v.Play.MwMsgs) {
			v.Play.MwMsgs = 0
		}
		if !l.isGiven(&v.Publish.Mr) {
			v.Publish.Mr = false
		}
	}
	v.RTC.MinLatency = v.MinLatency || !l.isGiven(&v.MinLatency)
	switch {
	case l.isGiven(&v.Play.MwMsgs):
		v.RTC.MwMsgs = v.Play.MwMsgs
	case v.RTC.MinLatency:
		v.RTC.MwMsgs = 0
	default:
		v.RTC.MwMsgs = 1
	}
	if v.HLS.HlsKeyFilePath == "" {
		v.HLS.HlsKeyFilePath = v.HLS.HlsPath
	}
}
