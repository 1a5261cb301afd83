package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestPprof turns profiles on and off by reloads.
func TestPprof(t *testing.T) {
	addr := free(t)
	conf := func(api string) string { return "listen " + addr + ";\n" + api + "vhost __defaultVhost__ {\n}\n" }
	r := launch(t, conf(""))
	defer r.stop()
	for _, x := range []struct {
		api  string
		want bool
	}{{"", false}, {"http_api {\npprof on;\n}\n", true}, {"http_api {\npprof off;\n}\n", false}} {
		r.write(t, conf(x.api))
		if err := r.Reload(); err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		r.api.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/debug/pprof/goroutine?debug=1", nil))
		if got := strings.Contains(w.Body.String(), "goroutine profile"); got != x.want {
			t.Errorf("with %q there are profiles: %t; %.100s", x.api, got, w.Body)
		}
	}
}
