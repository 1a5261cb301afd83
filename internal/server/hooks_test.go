package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/internal/protocol/rtmp"
)

// business is a receiver of callbacks that remembers what it was told of.
type business struct {
	mu   sync.Mutex
	told []string
}

func (b *business) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, action, _ := strings.Cut(string(body), `"action":"`)
	action, _, _ = strings.Cut(action, `"`)
	b.mu.Lock()
	b.told = append(b.told, action)
	b.mu.Unlock()
	time.Sleep(50 * time.Millisecond) // so that the end has something to wait for
	_, _ = io.WriteString(w, "0")
}

func (b *business) heard() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.told, " ")
}

// TestCallbacksLast stops a server, whose callbacks tell of the sessions that end by that; and takes a
// virtual host away before, whose streams go on by the rules they had.
func TestCallbacksLast(t *testing.T) {
	for _, host := range []string{"kept.test", "gone.test"} {
		b := &business{}
		receiver := httptest.NewServer(b)
		addr, other := free(t), "vhost other.test {\n}\n"
		hooks := "http_hooks { enabled on; "
		for _, action := range []string{"on_connect", "on_close", "on_publish", "on_unpublish"} {
			hooks += action + " " + receiver.URL + "; "
		}
		kept := "listen " + addr + ";\nvhost kept.test {\n" + hooks + "}\n}\n"
		r := launch(t, kept+"vhost gone.test {\n"+hooks+"}\n}\n"+other)
		client, err := rtmp.Dial(t.Context(), "rtmp://"+addr+"/live?vhost="+host+"/s", rtmp.DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.write(t, kept+other)
		if _, err := r.Reload(); err != nil {
			t.Error(err)
		}
		r.stop()
		client.Close()
		receiver.Close()
		if got, want := b.heard(), "on_connect on_publish on_unpublish on_close"; got != want {
			t.Errorf("%s: %s, want %s", host, got, want)
		}
		if slices.Contains(b.told, "") {
			t.Error("a callback without an action")
		}
	}
}
