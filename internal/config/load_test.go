package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// text loads a configuration from memory, with variables as NAME=value.
func text(conf string, environ ...string) (*Config, error) {
	return load(Options{File: "x.conf"}, environ, included2(conf))
}

func included2(conf string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		if name != "x.conf" {
			return nil, os.ErrNotExist
		}
		return []byte(conf), nil
	}
}

// refused has files that must not load, and what the error says of them.
var refused = map[string]struct{ conf, want string }{
	"empty":                {" # nothing\n", "x.conf: conf is empty"},
	"no listen":            {"daemon off;", "x.conf: listen is missing"},
	"unknown":              {"listen 1;\nmax_conections 1;", "x.conf: line 2: unknown directive max_conections; did you mean max_connections?"},
	"unknown in a block":   {"vhost a { play {\nmw_latencyy 1; } }", "x.conf: line 2: unknown directive mw_latencyy in vhost.play; did you mean mw_latency?"},
	"in a wrong block":     {"vhost a { play { parse_sps on; } }", "x.conf: line 1: unknown directive parse_sps in vhost.play; it belongs in vhost.publish"},
	"in any block":         {"vhost a { max_connections 10; }", "unknown directive max_connections in vhost; it belongs outside of all blocks"},
	"quite unknown":        {"listen 1; zzz 1;", "x.conf: line 1: unknown directive zzz"},
	"switch":               {"vhost a { play { gop_cache yes; } }", `x.conf: line 1: vhost.play.gop_cache expects on or off, got "yes"`},
	"switch of nothing":    {"daemon;", "daemon expects on or off, got nothing"},
	"number":               {"max_connections 1k;", `max_connections expects a whole number, 1 or more, got "1k"`},
	"number too small":     {"max_connections 0;", `got "0"`},
	"fraction":             {"vhost a { play { mw_latency 1.5; } }", `vhost.play.mw_latency expects whole milliseconds, 0 or more, got "1.5"`},
	"exponent":             {"vhost a { hls { hls_fragment 1e3; } }", `vhost.hls.hls_fragment expects seconds above 0, got "1e3"`},
	"infinite":             {"vhost a { hls { hls_td_ratio inf; } }", `expects a number above 0, got "inf"`},
	"endless":              {"grace_final_wait 999999999999999;", "grace_final_wait expects whole milliseconds"},
	"range":                {"vhost a { play { mw_msgs 129; } }", `expects a whole number from 0 to 128, got "129"`},
	"word":                 {"vhost a { play { time_jitter none; } }", `vhost.play.time_jitter expects full, zero or off, got "none"`},
	"tank":                 {"srs_log_tank syslog;", `srs_log_tank expects console or file, got "syslog"`},
	"level":                {"srs_log_level debug;", "expects verbose, info, trace, warn or error"},
	"former dvr plan":      {"vhost a { dvr { dvr_plan append; } }", `expects session or segment, got "append"`},
	"two values":           {"max_connections 1 2;", "max_connections expects one value, got 2: 1 2"},
	"leaf as block":        {"daemon { }", "daemon is no block: it takes on or off and ends with ';'"},
	"block as leaf":        {"http_api on;", "http_api is a block: it needs { and } instead of ';'"},
	"named block":          {"http_api x { }", "unexpected x between http_api and its '{'"},
	"twice named":          {"vhost a b { }", "unexpected a b between vhost and its '{'"},
	"vhost without name":   {"vhost { }", "vhost needs a name"},
	"block among options":  {"vhost a { transcode { engine { vparams { x { } } } } }", "vparams takes options, and no block x"},
	"endpoint name":        {"listen localhost:1935;", `listen expects a port or ip:port ([ip]:port for IPv6), got "localhost:1935"`},
	"endpoint port 0":      {"listen 0;", `got "0"`},
	"endpoint port":        {"listen 65536;", `got "65536"`},
	"endpoint bare IPv6":   {"listen ::1:1935;", `got "::1:1935"`},
	"endpoint open":        {"listen [::1:1935;", "listen expects"},
	"endpoint v4 brackets": {"listen [1.2.3.4]:1935;", "listen expects"},
	"endpoint of nothing":  {"listen :1935;", "listen expects"},
	"is_full":              {"listen 1935;\nis_full on;", "x.conf: line 2: is_full marks a catalogue"},
	"asprocess":            {"listen 1; asprocess on;", "asprocess and daemon cannot both be on"},
	"api https alone":      {"listen 1; http_api { https { enabled on; } }", "http_api.https needs http_api"},
	"server https alone":   {"listen 1; http_server { https { enabled on; } }", "http_server.https needs http_server"},
	"half shared": {"listen 1; http_api { enabled on; listen 8080; https { enabled on; listen 1990; } } http_server { enabled on; https { enabled on; } }",
		"must share both"},
	"half shared by https": {"listen 1; http_api { enabled on; https { enabled on; listen 8088; } } http_server { enabled on; https { enabled on; } }",
		"must share both"},
	"two http_remux":     {"listen 1; vhost a { http_remux { }\n http_remux { } }", "x.conf: line 2: a vhost has at most one http_remux; the first is in line 1"},
	"mount of nothing":   {"listen 1; vhost a { http_remux { mount a/[stream]; enabled on; } }", "vhost a has an http_remux whose mount does not end in .flv, .ts, .aac or .mp3"},
	"hls and ts":         {"listen 1; vhost a { hls { enabled on; } http_remux { mount a/b.ts; enabled on; } }", "vhost a has hls and an http_remux which ends in .ts"},
	"forward and kick":   {"listen 1; vhost a { forward h; publish { kickoff_for_idle 0.5; } }", "vhost a has forward and publish.kickoff_for_idle"},
	"auth without keys":  {"listen 1; vhost a { auth { enabled on; } }", "vhost a has auth and neither secret nor jwks"},
	"backend of rtmp":    {"listen 1; vhost a { forward { enabled on; backend rtmp://h/x; } }", "vhost a has a forward.backend that does not begin with http:// or https://"},
	"network of garbage": {"listen 1; forwarded_for 10.0.0.0/33;", "expects an address, or a network such as 10.0.0.0/8"},
	"ingest twice":       {"listen 1; vhost a { ingest i { }\n ingest i { } }", `x.conf: line 2: vhost a has two ingest blocks named "i"`},
	"caster of nothing":  {"listen 1; stream_caster { enabled on; }", "stream_caster needs caster and listen"},
	"caster to nowhere":  {"listen 1; stream_caster { enabled on; caster flv; listen 2; }", "stream_caster needs output"},
	"caster elsewhere": {"listen 1;\nstream_caster { enabled on; caster flv; listen 2;\noutput rtmp://example.com/[app]/[stream]; }",
		"x.conf: line 3: stream_caster.output \"rtmp://example.com/[app]/[stream]\": it is not on this server"},
	"caster to a host that is posted": {"listen 1; stream_caster { enabled on; caster flv; listen 2; output rtmp://[app]/live/[stream]; }", "it is not on this server"},
	"caster to another port":          {"listen 1; stream_caster { enabled on; caster flv; listen 2; output rtmp://127.0.0.1:2/[app]/[stream]; }", "listen has no port 2"},
	"caster to no stream":             {"listen 1; stream_caster { enabled on; caster flv; listen 2; output rtmp://127.0.0.1/[app]; }", "names no stream"},
	"rule of one word":                {"vhost a { security { allow all; } }", "vhost.security.allow expects two words, such as play all, got 1"},
	"rule of no action":               {"vhost a { security { allow read all; } }", `vhost.security.allow expects publish or play, got "read"`},
	"rule of no address":              {"vhost a { security { deny play here; } }", `expects all, an address or a network, got "here"`},
	"passphrase":                      {"srt_server { passphrase short; }", "srt_server.passphrase expects 10 to 79 characters"},
	"key length":                      {"srt_server { pbkeylen 8; }", `srt_server.pbkeylen expects 0, 16, 24 or 32, got "8"`},
	"heartbeat":                       {"heartbeat { interval 0.5; }", `heartbeat.interval expects seconds, 1 or more, got "0.5"`},
	"child of former":                 {"vhost a { mr { sleep 1; } }", "unknown directive sleep in vhost.mr"},
	"second occurrence":               {"listen 1; daemon off; daemon maybe;", `daemon expects on or off, got "maybe"`},
	"grammar":                         {"listen 1935", "x.conf: line 1: directive listen does not end"},
}

func TestRefused(t *testing.T) {
	for name, row := range refused {
		_, err := text(row.conf)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: error %v; want %s", name, err, row.want)
		}
	}
	if _, err := text("daemon maybe;\nmw 1;\nlisten x;"); err == nil || strings.Count(err.Error(), "x.conf: line") != 3 {
		t.Errorf("all mistakes at once: %v", err)
	}
	if _, err := load(Options{}, nil, included2("")); err == nil || !strings.HasPrefix(err.Error(), "no config file") {
		t.Errorf("no file: %v", err)
	}
	if _, err := Load(Options{File: "testdata/none.conf"}, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

// minimal is a file to which variables are added.
const minimal = "listen 1935; vhost __defaultVhost__ { play { gop_cache on; } } vhost b { chunk_size 4096; }"

func TestEnvironment(t *testing.T) {
	type check func(*Config) bool
	accepted := map[string]check{
		"SRS_LISTEN=1936 [::]:1937":                       func(c *Config) bool { return reflect.DeepEqual(c.Listen, []string{"1936", "[::]:1937"}) },
		"SRS_LISTEN=":                                     func(c *Config) bool { return reflect.DeepEqual(c.Listen, []string{"1935"}) },
		"SRS_VHOST_PLAY_GOP_CACHE=off":                    func(c *Config) bool { return !c.Vhosts[0].Play.GopCache && !c.Vhosts[1].Play.GopCache },
		"SRS_CHUNK_SIZE=8000":                             func(c *Config) bool { return c.Vhosts[0].ChunkSize == 8000 && c.Vhosts[1].ChunkSize == 4096 },
		"SRS_VHOST_CHUNK_SIZE=8000":                       func(c *Config) bool { return c.ChunkSize == 8000 && c.Vhosts[1].ChunkSize == 8000 },
		"SRS_SRS_LOG_TANK=console":                        func(c *Config) bool { return c.SrsLogTank == "console" },
		"SRS_LOG_TANK=console":                            func(c *Config) bool { return c.SrsLogTank == "console" },
		"SRS_LOG_LEVEL_V2=warn":                           func(c *Config) bool { return c.SrsLogLevelV2 == "warn" },
		"SRS_VHOST_SRT_TO_RTMP=off":                       func(c *Config) bool { return !c.Vhosts[1].SRT.SrtToRtmp },
		"SRS_VHOST_SRT_SRT_TO_RTMP=off":                   func(c *Config) bool { return !c.Vhosts[1].SRT.SrtToRtmp },
		"SRS_VHOST_HLS_HLS_FRAGMENT=2.5":                  func(c *Config) bool { return c.Vhosts[0].HLS.HlsFragment == 2500*time.Millisecond },
		"SRS_HTTP_API_RAW_API_ENABLED=on":                 func(c *Config) bool { return c.HTTPAPI.RawAPI.Enabled },
		"SRS_VHOST_HTTP_HOOKS_ON_PLAY=http://a  http://b": func(c *Config) bool { return len(c.Vhosts[0].HTTPHooks.OnPlay) == 2 },
		"SRS_HTTP_API_AUTH_PASSWORD=a b":                  func(c *Config) bool { return c.HTTPAPI.Auth.Password == "a b" },
		"SRS_RTC_SERVER_CANDIDATE=$SRS_MY_IP":             func(c *Config) bool { return c.RTCServer.Candidate == "*" },
		"SRS_VHOST_MIN_LATENCY=on":                        func(c *Config) bool { return c.Vhosts[1].Play.MwLatency == 0 },
		"SRS_RTMPS_LISTEN=1443 1444":                      func(c *Config) bool { return len(c.RTMPS.Listen) == 2 },
		"SRS_DEVICE_IP=1.2.3.4":                           func(c *Config) bool { return true },
		"SRS_SERVICE_HOST=10.0.0.1":                       func(c *Config) bool { return true },
		"SRS_ORIGIN_SERVICE_PORT_RTMP=1935":               func(c *Config) bool { return true },
		"SRS_PORT=tcp://10.0.0.1:1935":                    func(c *Config) bool { return true },
		"SRS_PORT_1935_TCP_ADDR=10.0.0.1":                 func(c *Config) bool { return true },
		"SRS_HTTP_PORT_8000_UDP=udp://10.0.0.1":           func(c *Config) bool { return true },
		"SRS_ZZZ=":                                        func(c *Config) bool { return true },
	}
	for variable, good := range accepted {
		if c, err := text(minimal, variable); err != nil || !good(c) {
			t.Errorf("%s: %+v, %v", variable, c, err)
		}
	}
	for variable, want := range map[string]string{
		"SRS_VHOST_PLAY_GOP_CACHE=yes":  `environment: SRS_VHOST_PLAY_GOP_CACHE expects on or off, got "yes"`,
		"SRS_VHOST_PLAY_GOPCACHE=off":   "environment: unknown variable SRS_VHOST_PLAY_GOPCACHE; did you mean SRS_VHOST_PLAY_GOP_CACHE?",
		"SRS_VHOST_ENABLED=off":         "environment: unknown variable SRS_VHOST_ENABLED",
		"SRS_VHOST_CLUSTER_MODE=remote": "environment: unknown variable SRS_VHOST_CLUSTER_MODE",
		"SRS_ASPROCESS=on":              "environment: SRS_ASPROCESS: asprocess and daemon cannot both be on",
	} {
		if _, err := text(minimal, variable); err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v; want %s", variable, err, want)
		}
	}
}

func TestWithoutFile(t *testing.T) {
	for _, c := range []*Config{Default(), must(t)(load(Options{File: "x.conf"}, []string{"SRS_ENV_ONLY=1", "SRS_CONFIG_FILE=y"}, nil))} {
		if c.Daemon || c.SrsLogTank != "console" || !reflect.DeepEqual(c.Listen, []string{"1935"}) || c.Vhost("any") == nil || len(c.Notes) > 0 {
			t.Errorf("without a file: %+v", c)
		}
	}
	c := must(t)(load(Options{EnvOnly: true}, []string{"SRS_LISTEN=1940", "SRS_DAEMON=on", "SRS_VHOST_TCP_NODELAY=on"}, nil))
	if !c.Daemon || c.Listen[0] != "1940" || !c.Vhosts[0].TCPNodelay {
		t.Errorf("variables alone: %+v", c)
	}
	file := filepath.Join(t.TempDir(), "a.conf")
	if err := os.WriteFile(file, []byte(minimal), 0o600); err != nil {
		t.Fatal(err)
	}
	if c := must(t)(Load(Options{File: "none"}, []string{"SRS_CONFIG_FILE=" + file})); len(c.Vhosts) != 2 {
		t.Errorf("SRS_CONFIG_FILE: %+v", c)
	}
}

func TestContainer(t *testing.T) {
	for name, c := range map[string]*Config{
		"found": must(t)(load(Options{File: "x.conf", Docker: true}, nil, included2("listen 1; daemon on;"))),
		"said":  must(t)(text("listen 1; in_docker on;")),
	} {
		if c.Daemon || c.SrsLogTank != "console" || !c.InDocker {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if c := must(t)(text("listen 1; in_docker on; disable_daemon_for_docker off; srs_log_tank file;")); !c.Daemon || c.SrsLogTank != "file" {
		t.Errorf("forced: %+v", c)
	}
}

func TestRealtime(t *testing.T) {
	c := must(t)(Load(Options{File: "testdata/conf/realtime.conf"}, nil))
	v := c.Vhost("no such vhost")
	if !v.MinLatency || !v.TCPNodelay || v.Play.GopCache || v.Play.MwLatency != 100*time.Millisecond || v.Play.MwMsgs != 0 || v.ChunkSize != 60000 {
		t.Errorf("written values: %+v", v)
	}
	if v := c.Vhost("defaults.example"); v.Play.MwLatency != 0 || v.Play.MwMsgs != 0 || v.Publish.Mr || !v.RTC.MinLatency {
		t.Errorf("defaults of realtime: %+v", v)
	}
	if v := c.Vhost("plain.example"); v.Play.MwLatency != 350*time.Millisecond || v.Play.MwMsgs != 8 || v.ChunkSize != 4096 || !v.RTC.MinLatency || v.RTC.MwMsgs != 0 {
		t.Errorf("plain defaults: %+v", v)
	}
	off := must(t)(text("listen 1; vhost a { min_latency off; }")).Vhosts[0]
	if off.RTC.MinLatency || off.RTC.MwMsgs != 1 {
		t.Errorf("not realtime: %+v", off.RTC)
	}
}

func TestNotes(t *testing.T) {
	c := must(t)(text("listen 1;\ndaemon off;\ndaemon on;\nchunk_size 100;\nvhost a { queue_length 5; dvr { enabled on; dvr_wait_keyframe on; } dash { enabled off; dash_fragment 3; } publish { takeover on; } }\nvhost a { enabled off; }\nvhost off { enabled off; dvr { enabled on; } }"))
	for _, want := range []string{
		"x.conf: line 3: daemon is given a second time; the first, in line 2, counts",
		"x.conf: line 4: chunk_size 100 is outside 128 to 65536",
		"x.conf: line 5: queue_length is an old spelling; write play { queue_length ...; }",
		"x.conf: line 6: vhost a is given a second time; the first counts",
	} {
		found := false
		for _, n := range c.Notes {
			found = found || strings.HasPrefix(n.String(), want)
		}
		if !found {
			t.Errorf("no note %q in %v", want, c.Notes)
		}
	}
	if c.Daemon || len(c.Notes) != 4 || len(c.Vhosts) != 2 || !c.Vhosts[0].Enabled {
		t.Errorf("notes %v, settings %+v", c.Notes, c.Settings)
	}
	if want := []string{"vhost.dvr.enabled (x.conf:5)"}; !reflect.DeepEqual(c.WithoutEffect, want) {
		t.Errorf("without effect: %v", c.WithoutEffect)
	}
	c = must(t)(text("listen 1;", "SRS_RTSP_SERVER_ENABLED=on"))
	if len(c.Notes) != 1 || !strings.Contains(c.Notes[0].Text, "no vhost is configured") || c.Vhost("a") != nil {
		t.Errorf("no vhost: %v", c.Notes)
	}
	if want := []string{"rtsp_server.enabled (SRS_RTSP_SERVER_ENABLED)"}; !reflect.DeepEqual(c.WithoutEffect, want) {
		t.Errorf("without effect, by a variable: %v", c.WithoutEffect)
	}
}

// TestSRT has the latency of both directions, and what cannot be done.
func TestSRT(t *testing.T) {
	for settings, want := range map[string][2]int64{ // ms
		"": {120, 0}, "latency 300;": {300, 300}, "latency 300; recvlatency 50;": {50, 300}, "latency 300; peerlatency 0;": {300, 0},
		"recvlatency 80;": {80, 0}, "latency 0; recvlatency 0; peerlatency 0;": {0, 0},
	} {
		c := must(t)(text("listen 1; vhost a { } srt_server { enabled on; " + settings + " }")).SRTServer
		if c.Recvlatency.Milliseconds() != want[0] || c.Peerlatency.Milliseconds() != want[1] {
			t.Errorf("%s: %s and %s", settings, c.Recvlatency, c.Peerlatency)
		}
	}
	c := must(t)(text("listen 1;\nvhost a { }\nsrt_server { enabled on; tsbpdmode off; tlpktdrop off;\npbkeylen 16;\nmss 9000; }"))
	if len(c.Notes) != 4 || c.Notes[0].Line != 3 || c.Notes[3].Line != 5 || c.SRTServer.Mss != 1500 {
		t.Errorf("notes %v, mss %d", c.Notes, c.SRTServer.Mss)
	}
}

func TestChanged(t *testing.T) {
	a := must(t)(text("listen 1; vhost a { } vhost b { ingest i { } } srt_server { mss 1000; }"))
	b := must(t)(text("# moved\nlisten 2;\nvhost c { }\nvhost a { min_latency on; play { gop_cache off; } }"))
	if got := a.Changed(&a.Settings); got != nil {
		t.Errorf("against itself: %v", got)
	}
	var got []string
	for _, c := range b.Changed(&a.Settings) {
		got = append(got, c.String())
	}
	want := []string{"listen (live)", "srt_server.mss (restart)", "vhost.c (new)", "vhost.a.min_latency (live)",
		"vhost.a.play.gop_cache (live)", "vhost.a.play.mw_latency (live)", "vhost.a.play.mw_msgs (live)", "vhost.b (new)"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("changed %q; want %q", got, want)
	}
	same := must(t)(text("\n\nlisten 1; srt_server { mss 1000; } vhost a { } vhost b { ingest i { } }"))
	if !reflect.DeepEqual(same.Settings, a.Settings) {
		t.Error("the same settings at other lines are not equal")
	}
}

// must returns a function which ends the test when loading failed.
func must(t *testing.T) func(*Config, error) *Config {
	return func(c *Config, err error) *Config {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

// FuzzLoad checks that whatever is accepted can be compared and written, and that the
// written file loads to the same settings.
func FuzzLoad(f *testing.F) {
	for _, row := range refused {
		f.Add(row.conf)
	}
	files, _ := filepath.Glob("testdata/conf/*.conf")
	for _, file := range files {
		conf, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(conf))
	}
	f.Add(minimal)
	f.Fuzz(func(t *testing.T, conf string) {
		c, err := text(conf)
		if err != nil {
			return
		}
		c.Changed(&Default().Settings)
		w := &writer{}
		w.fields(reflect.ValueOf(&c.Settings).Elem(), declarations(), "")
		again, err := text(w.out.String())
		if err != nil {
			t.Fatalf("%q was written as\n%s\nwhich is refused: %v", conf, w.out.String(), err)
		}
		if changed := again.Changed(&c.Settings); len(changed) > 0 {
			t.Fatalf("%q was written as\n%s\nwhich differs in %v", conf, w.out.String(), changed)
		}
	})
}

func TestCasters(t *testing.T) {
	c := must(t)(text("listen 1; vhost a { }\nstream_caster { enabled on; caster flv; listen 2 3; output rtmp://127.0.0.1:1/[app]/[stream]?vhost=a; }\n" +
		"stream_caster { enabled on; caster flv; listen 4; output rtmp://localhost/live/s; }\n" +
		"stream_caster { enabled on;\ncaster gb28181; listen 5; output rtmp://elsewhere/live/[stream]; }\n" +
		"stream_caster { caster gb28181; listen 6; }"))
	if len(c.StreamCaster) != 4 || len(c.WithoutEffect) != 0 {
		t.Errorf("%d casters, without effect: %v", len(c.StreamCaster), c.WithoutEffect)
	}
	if len(c.Notes) != 1 || c.Notes[0].Line != 5 || !strings.Contains(c.Notes[0].Text, "stream_caster gb28181 is not there yet") {
		t.Errorf("notes %v", c.Notes)
	}
}
