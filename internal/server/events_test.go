package server

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"time"
)

// events opens the API's stream of events, and gives its lines.
func events(t *testing.T, base string, second bool) <-chan string {
	t.Helper()
	client := browser(second)
	client.Timeout = 0
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if second != (resp.ProtoMajor == 2) || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%s: %s, %s", base, resp.Proto, resp.Header.Get("Content-Type"))
	}
	lines, ended := make(chan string, 1000), make(chan struct{})
	go func() {
		defer close(ended)
		defer close(lines)
		for scan := bufio.NewScanner(resp.Body); scan.Scan(); {
			lines <- scan.Text()
		}
	}()
	t.Cleanup(func() { resp.Body.Close(); <-ended })
	return lines
}

// hears waits for a line that has the words.
func hears(t *testing.T, lines <-chan string, words string) {
	t.Helper()
	late := time.After(10 * time.Second)
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				t.Fatalf("the answer ends before %q", words)
			}
			if strings.Contains(line, words) {
				return
			}
		case <-late:
			t.Fatalf("no line %q", words)
		}
	}
}

// TestEvents has those who listen on a port of the API and on one that it shares hear of reloads, and
// of the end; none keeps the server from stopping.
func TestEvents(t *testing.T) {
	dir := t.TempDir()
	issue(t, dir, 1)
	rtmp, own, shared := free(t), free(t), free(t)
	conf := func(more, web string) string {
		secure := " https { enabled on; listen " + shared + "; key " + dir + "/server.key; cert " + dir + "/server.crt; } }\n"
		return "listen " + rtmp + ";\ngrace_start_wait 1;\ngrace_final_wait 1;\n" + more +
			"http_api { enabled on; listen " + own + ";" + secure + "http_server { enabled on; listen " + web + "; dir " + dir + ";" + secure + "vhost __defaultVhost__ { }\n"
	}
	r := launch(t, conf("", own))
	defer r.stop()
	listeners := map[string]<-chan string{"HTTP/1": events(t, "http://"+own, false), "HTTP/2": events(t, "https://"+shared, true)}
	r.write(t, conf("max_connections 77;\n", own))
	if _, err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	for name, lines := range listeners {
		t.Log(name)
		hears(t, lines, `"what":"reload","cause":"","applied":["max_connections"],"restart":[]}`)
	}
	r.write(t, conf("max_connections many;\n", own))
	if _, err := r.Reload(); err == nil {
		t.Fatal("a broken file is taken")
	}
	for _, lines := range listeners {
		hears(t, lines, "max_connections")
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		r.Drain(t.Context())
	}()
	for _, lines := range listeners {
		hears(t, lines, ": the server stops")
	}
	select {
	case <-drained:
	case <-time.After(10 * time.Second):
		t.Error("listeners keep the server from stopping")
	}
}
