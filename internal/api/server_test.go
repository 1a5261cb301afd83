package api

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// TestServer asks over real connections, several at once.
func TestServer(t *testing.T) {
	s := newStudio(t)
	server := httptest.NewUnstartedServer(nil)
	server.Config = Server(s.api)
	server.Start()
	defer server.Close()
	var asking sync.WaitGroup
	for _, path := range []string{"/", "/api/v1/summaries", "/api/v1/streams", "/api/v1/clients/", "/api/v1/vhosts/"} {
		asking.Go(func() {
			r, err := server.Client().Get(server.URL + path)
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Body.Close()
			body, err := io.ReadAll(r.Body)
			if err != nil || r.StatusCode != http.StatusOK || !strings.HasPrefix(string(body), `{"code":0,`) {
				t.Errorf("%s: %d %s, %v", path, r.StatusCode, body, err)
			}
		})
	}
	asking.Wait()
}
