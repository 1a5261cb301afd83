package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"weir/internal/stream"
)

// TestCallbackMetrics has a receiver that says yes, one that says no and none at all, and reads what is
// told of them.
func TestCallbackMetrics(t *testing.T) {
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, map[string]string{"/yes": "0", "/no": "1"}[r.URL.Path])
	}))
	defer receiver.Close()
	nobody := "http://" + free(t)
	addr, exporter := free(t), free(t)
	r := launch(t, "listen "+addr+";\nexporter {\nenabled on;\nlisten "+exporter+";\n}\n"+
		"vhost yes {\nhttp_hooks {\nenabled on;\non_publish "+receiver.URL+"/yes;\n}\n}\n"+
		"vhost no {\nhttp_hooks {\nenabled on;\non_publish "+receiver.URL+"/no;\n}\n}\n"+
		"vhost nobody {\nhttp_hooks {\nenabled on;\non_publish "+nobody+"/x;\n}\n}\n")
	defer r.stop()
	for _, vhost := range []string{"yes", "no", "no", "nobody"} {
		p, err := r.registry.Publish(t.Context(), &stream.Request{ID: stream.NewID(), Vhost: vhost, App: "live", Stream: "cam"})
		if (err == nil) != (vhost == "yes") {
			t.Errorf("%s: %v", vhost, err)
		}
		if err == nil {
			defer p.Close()
		}
	}
	_, text := get(t, "http://"+exporter+"/metrics")
	for _, want := range []string{
		`weir_callback_seconds_count{action="on_publish"} 4`, `weir_callback_seconds_bucket{action="on_publish",le="+Inf"} 4`,
		`weir_callback_denials_total{action="on_publish"} 2`, `weir_callback_failures_total{action="on_publish"} 1`,
		`weir_callback_seconds_count{action="on_play"} 0`, `weir_callback_queue 0`, `weir_callback_lost_total{reason="mute"} 0`,
		`weir_denied_total{act="publish",gate="on_publish"} 3`, `srs_clients_errs_total 3`,
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// TestMetricsAddress asks for the metrics at each port: those of the API have them, whoever owns the port.
func TestMetricsAddress(t *testing.T) {
	addr, api, web, exporter := free(t), free(t), free(t), free(t)
	conf := func(api, exporter string) string {
		return "listen " + addr + ";\nhttp_api {\nenabled on;\nlisten " + api + ";\n}\nhttp_server {\nenabled on;\nlisten " + web +
			";\n}\nexporter {\n" + exporter + "\n}\nvhost __defaultVhost__ {\n}\n"
	}
	r := launch(t, conf(api, "enabled on;\nlisten "+exporter+";"))
	defer r.stop()
	see := func(what string, want map[string]string) {
		t.Helper()
		for at, want := range want {
			status, body := get(t, "http://"+at+"/metrics")
			got := "nothing"
			switch {
			case strings.Contains(body, "\nsrs_streams 0\n"):
				got = "metrics"
			case body == `{"code":1090}`:
				got = "disabled"
			case status == http.StatusNotFound:
				got = "404"
			}
			if got != want {
				t.Errorf("%s: at %s there is %s, want %s: %.100s", what, at, got, want, body)
			}
		}
	}
	see("apart", map[string]string{api: "metrics", web: "404", exporter: "metrics"})
	r.write(t, conf(web, "enabled on;\nlisten "+exporter+";"))
	if _, err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	see("shared", map[string]string{api: "nothing", web: "metrics", exporter: "metrics"})
	r.write(t, conf(web, "enabled off;\nlisten "+exporter+";"))
	if _, err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	see("off", map[string]string{web: "disabled", exporter: "nothing"})
}
