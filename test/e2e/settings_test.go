package e2e

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// setting is a directive with two values, between which the running server is switched. What
// look sees is as documented with each of them, or the directive does nothing.
type setting struct {
	name   string // of the directive, and after a comma what is special here
	value  [2]string
	look   func(t *testing.T, f *fixture) func() string // opens sessions, and says what they meet
	want   [2]string
	next   bool   // it is for connections that come after it
	beside string // what else the vhost says
}

// settings are all that are settled here. A new one is a row.
var settings = []setting{
	{name: "chunk_size", value: [2]string{"4096", "50000"}, look: chunks, want: [2]string{"4096", "50000"}, next: true},
	{name: "max_connections", value: [2]string{"100", "3"}, look: door, want: [2]string{"open", "closed"}},
	{name: "max_connections_per_ip", value: [2]string{"0", "3"}, look: door, want: [2]string{"open", "closed"}},

	{name: "http_server.enabled", value: [2]string{"on", "off"}, look: statuses("/api/v1/versions"), want: [2]string{"200", "nobody"}},
	{name: "http_server.dir", value: [2]string{".", ".."}, look: statuses("/settings_test.go", "/e2e/settings_test.go"), want: [2]string{"200 404", "404 200"}},
	{name: "http_server.crossdomain", value: [2]string{"on", "off"}, look: statuses("/a"), want: [2]string{"404 for all", "404"}},
	{name: "http_server.pages", value: [2]string{"on", "off"}, look: statuses("/"), want: [2]string{"200 for all", "404 for all"}},
	{name: "vhost.http_static.enabled", value: [2]string{"off", "on"}, look: statuses("/settings_test.go"), want: [2]string{"404 for all", "200 for all"},
		beside: quick + "http_static { dir .; }"},
	{name: "vhost.http_static.mount", value: [2]string{"[vhost]/", "/here"}, look: statuses("/settings_test.go", "/here/settings_test.go"), want: [2]string{"200 404", "404 200"},
		beside: quick + "http_static { enabled on; dir .; }"},
	{name: "vhost.http_static.dir", value: [2]string{".", ".."}, look: statuses("/settings_test.go", "/e2e/settings_test.go"), want: [2]string{"200 404", "404 200"},
		beside: quick + "http_static { enabled on; }"},

	{name: "vhost.http_remux.enabled", value: [2]string{"off", "on"}, look: remuxAt("/live/"), want: [2]string{"", "/live/"}, next: true},
	{name: "vhost.http_remux.mount", value: [2]string{"[vhost]/[app]/[stream].flv", "/tv/[app]/[stream].flv"}, look: remuxAt("/live/", "/tv/live/"),
		want: [2]string{"/live/", "/tv/live/"}, next: true, beside: remuxed},
	{name: "vhost.http_remux.fast_cache", value: [2]string{"0", "3"}, look: remuxPast, want: [2]string{"the newest", "the past"}, next: true, beside: remuxedAAC},
	{name: "vhost.http_remux.drop_if_not_match", value: [2]string{"on", "off"}, look: remuxKinds, next: true, beside: remuxedDrop,
		want: [2]string{"sound false, pictures true: pictures", "sound false, pictures true: sounds pictures"}},
	{name: "vhost.http_remux.has_audio", value: [2]string{"on", "off"}, look: remuxKinds, next: true, beside: remuxedTell,
		want: [2]string{"sound true, pictures true: sounds pictures", "sound false, pictures true: pictures"}},
	{name: "vhost.http_remux.has_video", value: [2]string{"on", "off"}, look: remuxKinds, next: true, beside: remuxedTell,
		want: [2]string{"sound true, pictures true: sounds pictures", "sound true, pictures false: sounds"}},
	{name: "vhost.http_remux.guess_has_av", value: [2]string{"on", "off"}, look: remuxKinds, next: true, beside: remuxedSome,
		want: [2]string{"sound true, pictures true: sounds pictures", "sound false, pictures true: pictures"}},
	{name: "vhost.http_remux.wait_timeout", value: [2]string{"1", "0"}, look: remuxWait, want: [2]string{"404", "nothing"}, next: true, beside: remuxed},

	{name: "vhost.enabled", value: [2]string{"on", "off"}, look: welcome, want: [2]string{"served", "refused"}, next: true, beside: quick},
	{name: "vhost.min_latency", value: [2]string{"off", "on"}, look: bursts(1), want: [2]string{"1 slow", "1 quick"}},
	{name: "vhost.min_latency, but mw_latency", value: [2]string{"off", "on"}, look: bursts(1), want: [2]string{"1 slow", "1 slow"},
		beside: "play { mw_latency 400; }"},
	{name: "vhost.min_latency, but mw_msgs", value: [2]string{"off", "on"}, look: bursts(8, 9), want: [2]string{"8 slow 9 quick", "8 slow 9 quick"},
		beside: "play { mw_latency 0; mw_msgs 8; }"},
	{name: "vhost.min_latency, but mr", value: [2]string{"off", "on"}, look: bursts(1), want: [2]string{"1 slow", "1 slow"},
		beside: "publish { mr on; mr_latency 500; } play { mw_latency 0; mw_msgs 0; }"},
	{name: "vhost.tcp_nodelay", value: [2]string{"off", "on"}, look: nagle, want: [2]string{"gathered", "at once"}, beside: quick},
	{name: "vhost.chunk_size", value: [2]string{"5000", "128"}, look: chunks, want: [2]string{"5000", "128"}, next: true},
	{name: "vhost.in_ack_size", value: [2]string{"0", "20000"}, look: receipts, want: [2]string{"none", "some"}, next: true},
	{name: "vhost.out_ack_size", value: [2]string{"7000", "0"}, look: window, want: [2]string{"7000", "0"}, next: true},

	{name: "vhost.publish.mr", value: [2]string{"off", "on"}, look: bursts(1), want: [2]string{"1 quick", "1 slow"}, beside: quick},
	{name: "vhost.publish.mr_latency", value: [2]string{"50", "500"}, look: bursts(1), want: [2]string{"1 quick", "1 slow"},
		beside: quick + "publish { mr on; }"},
	{name: "vhost.publish.firstpkt_timeout", value: [2]string{"20000", "700"}, look: mute(0),
		want: [2]string{"stays", "publisher sent nothing for 700ms"}},
	{name: "vhost.publish.firstpkt_timeout, after the first", value: [2]string{"20000", "700"}, look: mute(1), want: [2]string{"stays", "stays"},
		beside: "publish { normal_timeout 10000; }"},
	{name: "vhost.publish.normal_timeout", value: [2]string{"10000", "1500"}, look: mute(1),
		want: [2]string{"stays", "publisher sent nothing for 1.5s"}},
	{name: "vhost.publish.normal_timeout, before the first", value: [2]string{"10000", "1500"}, look: mute(0), want: [2]string{"stays", "stays"}},
	{name: "vhost.publish.kickoff_for_idle", value: [2]string{"0", "0.5"}, look: mute(50),
		want: [2]string{"stays", "nobody has been watching for longer than kickoff_for_idle: 500ms"}},

	{name: "vhost.play.gop_cache", value: [2]string{"on", "off"}, look: late, want: [2]string{"all 100", "the newest"}, beside: quick},
	{name: "vhost.play.gop_cache_max_frames", value: [2]string{"50", "0"}, look: late, want: [2]string{"the newest", "all 100"}, beside: quick},
	{name: "vhost.play.gop_cache_max_frames, enough", value: [2]string{"98", "99"}, look: late, want: [2]string{"the newest", "all 100"}, beside: quick},
	{name: "vhost.play.queue_length", value: [2]string{"60", "2"}, look: slow, want: [2]string{"all", "whole groups are missing"}, beside: quick},
	{name: "vhost.play.time_jitter", value: [2]string{"full", "zero"}, look: clock, want: [2]string{"smooth", "shifted"}, beside: quick},
	{name: "vhost.play.time_jitter, off", value: [2]string{"zero", "off"}, look: clock, want: [2]string{"shifted", "as sent"}, beside: quick},
	{name: "vhost.play.time_jitter, full", value: [2]string{"off", "full"}, look: clock, want: [2]string{"as sent", "smooth"}, beside: quick},
	{name: "vhost.play.atc", value: [2]string{"off", "on"}, look: clock, want: [2]string{"smooth", "as sent"}, beside: quick},
	{name: "vhost.play.mw_latency", value: [2]string{"0", "400"}, look: bursts(1), want: [2]string{"1 quick", "1 slow"}, beside: "play { mw_msgs 0; }"},
	{name: "vhost.play.mw_msgs", value: [2]string{"0", "8"}, look: bursts(8, 9), want: [2]string{"8 quick 9 quick", "8 slow 9 quick"},
		beside: "play { mw_latency 0; }"},
	{name: "vhost.play.send_min_interval", value: [2]string{"0", "10"}, look: bursts(1, 60), want: [2]string{"1 quick 60 quick", "1 quick 60 slow"}, beside: quick},
	{name: "vhost.play.reduce_sequence_header", value: [2]string{"off", "on"}, look: repeat, want: [2]string{"again", "once"}, beside: quick},
	{name: "vhost.publish.parse_sps", value: [2]string{"on", "off"}, look: sized, want: [2]string{"sized", "unknown"}, next: true, beside: quick},
	{name: "vhost.publish.takeover", value: [2]string{"off", "on"}, look: rival, want: [2]string{"refused", "let in"}, beside: quick},
	{name: "vhost.publish.resume_timeout", value: [2]string{"0", "30"}, look: absent, want: [2]string{"gone", "held"}, beside: quick},
	{name: "vhost.play.mix_correct", value: [2]string{"off", "on"}, look: order, want: [2]string{"as sent", "sorted"}, beside: quick},
	{name: "vhost.play.atc_auto", value: [2]string{"off", "on"}, look: wish, want: [2]string{"the player's", "the encoder's"}, beside: quick},
	{name: "vhost.play.writer", value: [2]string{"file", "own"}, look: writer, want: [2]string{"a shard", "a goroutine"}, next: true, beside: quick},
	{name: "vhost.play.notify_unpublish", value: [2]string{"off", "on"}, look: notice, want: [2]string{"silence", "a notice"}, beside: quick},
}

// elsewhere are the directives that other tests hold.
var elsewhere = []string{
	// players get the bytes as they came, whatever it says
	"vhost.publish.try_annexb_first",
	// the server's own tests move the ports about
	"http_server.listen", "http_server.https.enabled", "http_server.https.listen", "http_server.https.key", "http_server.https.cert",
}

// path is the directive's place in the configuration.
func (s setting) path() string {
	path, _, _ := strings.Cut(s.name, ",")
	return path
}

// conf writes the configuration with one of the values.
func (s setting) conf(n int) conf {
	words := strings.Split(s.path(), ".")
	line := words[len(words)-1] + " " + s.value[n] + ";"
	if words[0] == "http_server" {
		return conf{http: line, vhost: quick + s.beside}
	}
	if words[0] != "vhost" {
		return conf{global: line, vhost: quick + s.beside}
	}
	block := s.beside
	switch {
	case len(words) == 2:
		block += line
	case strings.Contains(block, words[1]+" {"):
		block = strings.Replace(block, words[1]+" {", words[1]+" { "+line, 1)
	default:
		block += words[1] + " { " + line + " }"
	}
	return conf{vhost: block}
}

// TestSettings switches each setting to its other value and back, under an audience that
// misses nothing, and looks each time.
func TestSettings(t *testing.T) {
	t.Parallel()
	for _, s := range settings {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, s.conf(0))
			audience := openBroadcast(t, f)
			look := s.look(t, f)
			see := func(when, want string) {
				t.Helper()
				if got := look(); got != want {
					t.Errorf("%s: %s, want %s", when, got, want)
				}
			}
			see("with "+s.value[0], s.want[0])
			f.reload(s.conf(1))
			if s.next {
				see("still with "+s.value[0], s.want[0])
				look = s.look(t, f)
			}
			see("with "+s.value[1], s.want[1])
			f.reload(s.conf(0))
			if s.next {
				see("still with "+s.value[1], s.want[1])
				look = s.look(t, f)
			}
			see("with "+s.value[0]+" again", s.want[0])
			audience.check()
			path := strings.Replace(s.path(), "vhost", "vhost.__defaultVhost__", 1)
			if n := f.log.Count("configuration reloaded", path); n != 2 {
				t.Errorf("%d lines in the log say that %s has changed", n, path)
			}
		})
	}
}

// TestSettingsTable holds the table against the manual: no setting is forgotten, and each
// reaches whom it says.
func TestSettingsTable(t *testing.T) {
	manual, err := os.ReadFile("../../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, s := range settings {
		known[s.path()] = true
	}
	for _, path := range elsewhere {
		known[path] = true
	}
	for _, s := range hlsSettings {
		known["vhost.hls."+s.directive()] = true
	}
	for _, name := range hlsElsewhere {
		known["vhost.hls."+name] = true
	}
	for _, part := range []string{"vhost NAME", "vhost.publish", "vhost.play", "http_server", "http_server.https", "vhost.http_static", "vhost.http_remux"} {
		prefix := strings.TrimSuffix(part, " NAME")
		_, text, _ := strings.Cut(string(manual), "\n## `"+part+"`")
		text, _, _ = strings.Cut(text, "\n## ")
		rows := regexp.MustCompile("(?m)^\\| `(\\w+)` .*\\| (new|live)(?:, later)? \\|").FindAllStringSubmatch(text, -1)
		if len(rows) < 3 {
			t.Errorf("the manual has %d directives of %s", len(rows), part)
		}
		for _, row := range rows {
			if path := prefix + "." + row[1]; !known[path] {
				t.Errorf("nothing tests %s", path)
			}
			for _, s := range settings {
				if s.path() == prefix+"."+row[1] && s.next != (row[2] == "new") {
					t.Errorf("%s: the manual says %s", s.name, row[2])
				}
			}
		}
	}
}
