package config

import (
	"reflect"
	"strings"
	"testing"
)

// TestSecretsHidden holds that no mistake in a secret shows it, and that all that look like one are
// declared so.
func TestSecretsHidden(t *testing.T) {
	const secret = "TOPSECRET"
	count := 0
	(&field{fields: declarations()}).each(func(f *field) {
		last := f.name[strings.LastIndexByte(f.name, '_')+1:]
		looks := last == "password" || last == "secret" || last == "passphrase"
		if looks && !f.secret && !f.block {
			t.Errorf("%s looks like a secret, and is not declared as one", f.path)
		}
		if !f.secret || f.block {
			return
		}
		count++
		v := reflect.New(f.typ).Elem()
		for _, args := range [][]string{{secret, secret}, {strings.Repeat(secret, 100), secret}, {secret}} {
			if err := f.set(v, args); err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %v", f.path, err)
			}
		}
	})
	if count < 3 {
		t.Errorf("%d secrets, want http_api.auth, http_hooks and srt_server at least", count)
	}
	for _, text := range []string{
		"http_api { auth { enabled on; password " + secret + " more; } }", "http_api { auth { password " + secret + " } }",
		"http_api { auth { password \"" + secret + "; } }", "http_api { auth { password " + secret + " { } } }",
		"http_api { auth { password " + secret + "\n; } }", "srt_server { passphrase " + secret + "; }", // too short
	} {
		_, err := load(Options{File: "a"}, nil, func(string) ([]byte, error) {
			return []byte("listen 1935;\n" + text + "\nvhost __defaultVhost__ {\n}\n"), nil
		})
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := load(Options{EnvOnly: true}, []string{"SRS_SRT_SERVER_PASSPHRASE=TOP"}, nil); err == nil || strings.Contains(err.Error(), "\"TOP") {
		t.Errorf("in the environment: %v", err)
	}
}

// TestAddressesChecked has addresses that nobody can call: they are refused where they would be used.
func TestAddressesChecked(t *testing.T) {
	for text, says := range map[string]string{
		"http_hooks { enabled on; on_play http://a/x ftp://u:TOPSECRET@b; }":                                             "line 2: vhost __defaultVhost__ has on_play whose address 2",
		"http_hooks { enabled on; on_publish 127.0.0.1:8085/TOPSECRET; }":                                                "has on_publish whose address 1",
		"http_hooks { enabled on; on_hls http:///TOPSECRET; }":                                                           "has on_hls whose address 1",
		"http_hooks { enabled on; on_stop \"http://a b/\"; }":                                                            "has on_stop whose address 1",
		"http_hooks { enabled off; on_play nothing; }":                                                                   "",
		"http_hooks { enabled on; on_hls_notify http://a/[server_id]/[app]/[ts_url][param]; on_play https://[::1]:1/; }": "",
	} {
		_, err := load(Options{File: "a"}, nil, func(string) ([]byte, error) {
			return []byte("listen 1935; vhost __defaultVhost__ {\n" + text + "\n}\n"), nil
		})
		if (err == nil) != (says == "") || err != nil && (!strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "TOPSECRET")) {
			t.Errorf("%s: %v", text, err)
		}
	}
	_, err := load(Options{EnvOnly: true}, []string{"SRS_HEARTBEAT_ENABLED=on", "SRS_HEARTBEAT_URL=x"}, nil)
	if err == nil || !strings.Contains(err.Error(), "SRS_HEARTBEAT_URL: heartbeat.url does not begin") {
		t.Error(err)
	}
}
