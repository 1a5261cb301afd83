package server

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"weir/internal/config"
)

// get returns the status and the body of an answer, or nothing where nobody answers.
func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

// TestPprof turns profiles on, moves them and turns them off by reloads. No other port has them.
func TestPprof(t *testing.T) {
	addr, api, web, exporter, first, second := free(t), free(t), free(t), free(t), free(t), free(t)
	conf := func(pprof string) string {
		return "listen " + addr + ";\nhttp_api {\nenabled on;\nlisten " + api + ";\n}\nhttp_server {\nenabled on;\nlisten " + web +
			";\n}\nexporter {\nenabled on;\nlisten " + exporter + ";\n}\n" + pprof + "vhost __defaultVhost__ {\n}\n"
	}
	r := launch(t, conf(""))
	defer r.stop()
	for _, x := range []struct{ pprof, at string }{
		{"", ""},
		{"pprof {\nenabled on;\nlisten " + first + ";\n}\n", first},
		{"pprof {\nenabled on;\nlisten " + second + ";\n}\n", second},
		{"pprof {\nlisten " + second + ";\n}\n", ""},
	} {
		r.write(t, conf(x.pprof))
		if _, err := r.Reload(); err != nil {
			t.Fatal(err)
		}
		for _, at := range []string{api, web, exporter, first, second} {
			status, body := get(t, "http://"+at+"/debug/pprof/goroutine?debug=1")
			if got := status == 200 && strings.HasPrefix(body, "goroutine profile: total"); got != (at == x.at) {
				t.Errorf("with %q there are profiles at %s: %t; %.100s", x.pprof, at, got, body)
			}
		}
	}
}

// TestProcessorProfile asks for a profile as go tool pprof does, from a server that is full.
func TestProcessorProfile(t *testing.T) {
	addr, pprof := free(t), free(t)
	r := launch(t, "listen "+addr+";\nmax_connections 1;\npprof {\nenabled on;\nlisten "+pprof+";\n}\nvhost __defaultVhost__ {\n}\n")
	defer r.stop()
	client, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for r.limit.Count() == 0 {
		wait(t.Context(), 1e6)
	}
	status, body := get(t, "http://"+pprof+"/debug/pprof/profile?seconds=1")
	if status != 200 || !strings.HasPrefix(body, "\x1f\x8b") {
		t.Errorf("%d %.200q", status, body)
	}
}

// TestPprofWarning holds that profiles for everybody are noticed.
func TestPprofWarning(t *testing.T) {
	for listen, want := range map[string]bool{
		"127.0.0.1:6060": false, "[::1]:6060": false, "localhost:6060": false,
		"6060": true, "0.0.0.0:6060": true, "[::]:6060": true, "192.0.2.1:6060": true, "example.com:6060": true,
	} {
		for _, on := range []bool{true, false} {
			var log bytes.Buffer
			c := &config.Config{}
			c.Pprof.Enabled, c.Pprof.Listen = on, []string{"127.0.0.1:6061", listen}
			announce(slog.New(slog.NewTextHandler(&log, nil)), c)
			if got := strings.Contains(log.String(), "profiles"); got != (want && on) {
				t.Errorf("%s, %t: %s", listen, on, log.String())
			}
		}
	}
}
