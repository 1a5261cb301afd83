package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// callback is a request that has come to a receiver.
type callback struct {
	http.Header
	method, path, body string
	at                 time.Time

	// Of the body.
	Action, Vhost, App, Stream, Param, TCURL string
	ClientID                                 string `json:"client_id"`
	StreamID                                 string `json:"stream_id"`
	StreamURL                                string `json:"stream_url"`
	Duration                                 float64
	Cwd, File, URL, M3u8                     string
	SeqNo                                    int `json:"seq_no"`
}

// receiver is a business system that keeps all callbacks.
type receiver struct {
	t       *testing.T
	address string

	mu     sync.Mutex
	came   []callback
	answer func(w http.ResponseWriter, c callback) // nil says 0
	server *http.Server
}

// receive starts a receiver, which ends with the test. Start it before the server that calls it.
func receive(t *testing.T, answer func(http.ResponseWriter, callback)) *receiver {
	t.Helper()
	v := &receiver{t: t, answer: answer}
	v.start()
	t.Cleanup(func() {
		v.kill()
		if t.Failed() {
			for _, c := range v.calls("") {
				t.Logf("callback %s %s %s %v", c.method, c.path, c.body, c.Header)
			}
		}
	})
	return v
}

func (v *receiver) start() {
	v.t.Helper()
	var ln net.Listener
	waitFor(v.t, "the receiver's port", func() bool { // somebody else may have it for a moment
		address := v.address
		if address == "" {
			address = freeAddress(v.t)
		}
		var err error
		ln, err = net.Listen("tcp", address)
		return err == nil
	})
	v.address = ln.Addr().String()
	server := &http.Server{Handler: v}
	server.SetKeepAlivesEnabled(false) // what is open counts as the server's
	v.mu.Lock()
	v.server = server
	v.mu.Unlock()
	go func() { _ = server.Serve(ln) }()
}

// kill ends it with all that it is doing, and nobody hears an answer. It may be started again.
func (v *receiver) kill() {
	v.mu.Lock()
	server := v.server
	v.mu.Unlock()
	_ = server.Close()
}

// say changes the answers.
func (v *receiver) say(answer func(http.ResponseWriter, callback)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.answer = answer
}

func (v *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	c := callback{Header: r.Header, method: r.Method, path: r.URL.RequestURI(), body: string(body), at: time.Now()}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &c); err != nil {
			v.t.Errorf("a callback's body: %v in %s", err, body)
		}
	}
	v.mu.Lock()
	v.came = append(v.came, c)
	answer := v.answer
	v.mu.Unlock()
	if answer == nil {
		_, _ = io.WriteString(w, "0")
		return
	}
	answer(w, c)
}

// calls returns those that have come so far with words in the path or body.
func (v *receiver) calls(words ...string) (found []callback) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, c := range v.came {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(c.path+" "+c.body, w) }) {
			found = append(found, c)
		}
	}
	return found
}

// wait waits for so many calls with words, and returns them.
func (v *receiver) wait(n int, words ...string) []callback {
	v.t.Helper()
	waitFor(v.t, fmt.Sprint(n, " callbacks with ", words), func() bool { return len(v.calls(words...)) >= n })
	return v.calls(words...)
}

// actions returns what has come, in short.
func actions(calls []callback) string {
	var list []string
	for _, c := range calls {
		list = append(list, c.Action)
	}
	return strings.Join(list, " ")
}

// hooks returns the block http_hooks that sends events to a receiver, all to one address but for
// those that are named with one of their own.
func (v *receiver) hooks(more string) string {
	var b strings.Builder
	for _, name := range []string{"on_connect", "on_close", "on_publish", "on_unpublish", "on_play", "on_stop", "on_hls"} {
		if !strings.Contains(more, name+" ") {
			fmt.Fprintf(&b, "%s %s;\n", name, v.at("/hooks"))
		}
	}
	return "http_hooks { enabled on;\n" + b.String() + more + "\n}"
}

func (v *receiver) at(path string) string { return "http://" + v.address + path }

// saying makes an answer of some actions; the others are welcome.
func saying(status int, text string, to ...string) func(http.ResponseWriter, callback) {
	return func(w http.ResponseWriter, c callback) {
		if !slices.Contains(to, c.Action) {
			_, _ = io.WriteString(w, "0")
			return
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}
