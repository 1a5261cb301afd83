package config

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// The files in testdata/conf are written as people write them for this kind of server.
func TestFiles(t *testing.T) {
	load := func(name string, environ ...string) *Config {
		return must(t)(Load(Options{File: "testdata/conf/" + name + ".conf"}, environ))
	}
	check := func(name string, good bool, value any) {
		t.Helper()
		if !good {
			t.Errorf("%s: %+v", name, value)
		}
	}

	c := load("container", "CANDIDATE=192.0.2.1", "SRS_LISTEN=1936")
	v := c.Vhost("a")
	check("container", c.RTCServer.Candidate == "192.0.2.1" && c.HTTPServer.Enabled && c.HTTPAPI.Enabled && c.Listen[0] == "1936", c)
	check("container", v.HLS.HlsFragment == 2500*time.Millisecond && v.HTTPRemux.Mount == "[vhost]/[app]/[stream].flv" && v.RTC.RtcToRtmp, v)
	check("container", load("container").RTCServer.Candidate == "*", c)
	check("container", load("container", "CANDIDATE=$SRS_IP", "SRS_IP=192.0.2.2").RTCServer.Candidate == "192.0.2.2", c)

	c = load("edge")
	check("edge", c.Heartbeat.Interval == 9*time.Second && c.Heartbeat.DeviceID == "my-edge" && c.Daemon, c.Heartbeat)
	check("edge", c.Vhost("").Cluster.Mode == "remote" && len(c.Vhost("").Cluster.Origin) == 2, c.Vhost(""))
	check("edge", !c.Vhost("same.edge.example").Enabled && c.Vhost("same.edge.example").Cluster.Vhost == "other.example", c)

	c = load("forward")
	check("forward", len(c.Vhost("a").Forward.Destination) == 2 && c.Vhost("backend.example").Forward.Backend != "", c)

	c = load("ffmpeg")
	v = c.Vhosts[0]
	engine := v.Transcode[0].Engine[0]
	check("ffmpeg", v.Transcode[0].Name == "live/livestream" && engine.Name == "sd" && engine.Vfps == 25.5 && engine.Vbitrate == 500, engine)
	check("ffmpeg", reflect.DeepEqual(engine.Perfile, []Param{{Name: "re"}, {Name: "rtsp_transport", Args: []string{"tcp"}}}), engine.Perfile)
	check("ffmpeg", engine.Vfilter[1].Args[0] == "overlay=10:10" && len(v.Transcode[0].Engine) == 2, engine)
	check("ffmpeg", v.Ingest[0].Name == "livestream" && !v.Ingest[0].Engine[0].Enabled && v.Ingest[1].Input.URL == "rtsp://10.0.0.2/h;1", v.Ingest[1])
	check("ffmpeg", reflect.DeepEqual(v.Exec.Publish[1], []string{"./notify", "two words", `{"json": 1}`}), v.Exec)

	c = load("hooks")
	v = c.Vhosts[0]
	check("hooks", len(v.HTTPHooks.OnConnect) == 2 && v.HTTPHooks.OnPlay == nil && c.SrsLogLevelV2 == "debug", v.HTTPHooks)
	check("hooks", reflect.DeepEqual(v.Security.Deny, []Rule{{"publish", "192.0.2.0/24"}, {"play", "2001:db8::1"}}), v.Security)
	check("hooks", v.Security.Allow[0] == Rule{"play", "all"} && len(v.Refer.All) == 2 && v.DVR.DvrDuration == time.Minute, v)

	c = load("include")
	check("include", !c.Daemon && !c.Vhosts[0].Play.GopCache && c.Vhosts[0].TCPNodelay && c.Vhosts[0].Name == "included.example", c)

	c = load("secure")
	check("secure", c.HTTPAPI.HTTPS.Listen[0] == "8088" && c.HTTPAPI.Auth.Password == "a b" && len(c.RTMPS.Listen) == 2, c.HTTPAPI)
	v = c.Vhosts[0]
	check("secure", v.HLS.HlsKeyURL == "https://localhost/keys/" && v.HLS.HlsKeyFilePath == "./www" && v.HLS.HlsUseFmp4 && v.RTSP.RtmpToRtsp, v.HLS)
}

func TestFormerSpellings(t *testing.T) {
	c := must(t)(Load(Options{File: "testdata/conf/former.conf"}, nil))
	v := c.Vhosts[0]
	if !c.HTTPServer.Enabled || c.HTTPServer.Listen[0] != "8088" || c.SRTServer.Tlpktdrop || c.StreamCaster[0].SIP.Candidate != "192.0.2.9" {
		t.Errorf("top level: %+v", c.Settings)
	}
	want := Play{GopCacheMaxFrames: 1000, QueueLength: 12 * time.Second, TimeJitter: "zero", Atc: true, MixCorrect: true, AtcAuto: true,
		MwLatency: 100 * time.Millisecond, MwMsgs: 8, SendMinInterval: 10500 * time.Microsecond, Writer: "auto", ReduceSequenceHeader: true}
	if v.Play != want {
		t.Errorf("play %+v; want %+v", v.Play, want)
	}
	if p := v.Publish; !p.Mr || p.MrLatency != 500*time.Millisecond || p.FirstpktTimeout != 30*time.Second || p.NormalTimeout != 7*time.Second {
		t.Errorf("publish %+v", p)
	}
	if !v.HTTPStatic.Enabled || v.HTTPStatic.Mount != "[vhost]/files" || !v.HTTPRemux.Enabled {
		t.Errorf("http %+v %+v", v.HTTPStatic, v.HTTPRemux)
	}
	refer := Refer{Enabled: true, All: []string{"github.com", "github.io"}, Play: []string{"github.com"}, Publish: []string{"github.io"}}
	if !reflect.DeepEqual(v.Refer, refer) || !v.Forward.Enabled || len(v.Forward.Destination) != 2 {
		t.Errorf("refer %+v forward %+v", v.Refer, v.Forward)
	}
	if cl := v.Cluster; cl.Mode != "local" || cl.Origin[0] != "127.0.0.1:19350" || !cl.TokenTraverse || cl.Vhost != "inner.example" || cl.DebugSrsUpnode {
		t.Errorf("cluster %+v", cl)
	}
	if r := v.RTC; r.Nack || r.Twcc || !r.RtmpToRtc || !r.KeepBframe {
		t.Errorf("rtc %+v", r)
	}
	// Every directive which the file gives in an old form has a note with its line.
	if len(c.Notes) != 42 {
		t.Errorf("%d notes: %v", len(c.Notes), c.Notes)
	}
	for _, n := range c.Notes {
		if n.File != "testdata/conf/former.conf" || n.Line == 0 {
			t.Errorf("note without a place: %v", n)
		}
	}
	both := must(t)(text("listen 1; vhost a { gop_cache off; play { gop_cache on; } forward a; forward { enabled off; } }"))
	if v := both.Vhosts[0]; !v.Play.GopCache || v.Forward.Enabled || v.Forward.Destination[0] != "a" {
		t.Errorf("old and new together: %+v", v)
	}
}

func TestSamples(t *testing.T) {
	files, err := filepath.Glob("../../conf/*.conf")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		c, err := Load(Options{File: file}, nil)
		if filepath.Base(file) == "full.conf" {
			if err == nil || !strings.Contains(err.Error(), "is_full") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v", file, err)
			}
			continue
		}
		if err != nil {
			t.Error(err)
		} else if len(c.Notes)+len(c.WithoutEffect) > 0 {
			t.Errorf("%s: %v %v", file, c.Notes, c.WithoutEffect)
		}
	}
	c := must(t)(Load(Options{File: "../../conf/rtmp.conf"}, nil))
	if c.Daemon || c.SrsLogTank != "console" || c.Listen[0] != "1935" || !c.HTTPAPI.Enabled || c.HTTPAPI.Listen[0] != "1985" || c.Vhost("a") == nil {
		t.Errorf("rtmp.conf: %+v", c)
	}
}
