package server

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// browser is a client that believes every certificate; each of its requests has a connection of
// its own. With second it may speak HTTP/2.
func browser(second bool) *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true, ForceAttemptHTTP2: second,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
}

// says returns what an address answers to: the API, the files, or both; nothing if nobody listens.
func says(base string) string {
	var words []string
	for path, word := range map[string]string{"/api/v1/summaries": "API", "/a.txt": "files", "/api/v1/versions": "version"} {
		resp, err := browser(false).Get(base + path)
		if err != nil {
			return ""
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK && (path != "/a.txt" || string(body) == "file a") { // the API answers to all
			words = append(words, word)
		}
	}
	sorted := ""
	for _, word := range []string{"API", "files", "version"} {
		if strings.Contains(strings.Join(words, " "), word) {
			sorted += " " + word
		}
	}
	return strings.TrimSpace(sorted)
}

// TestSharedPorts moves the API and the web server to common ports and apart again.
func TestSharedPorts(t *testing.T) {
	dir := t.TempDir()
	issue(t, dir, 1)
	if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte("file a"), 0o600); err != nil {
		t.Fatal(err)
	}
	rtmp, first, second, third, fourth := free(t), free(t), free(t), free(t), free(t)
	block := func(name, listen, secure string) string {
		if listen == "" {
			return ""
		}
		text := name + " { enabled on; listen " + listen + ";"
		if name == "http_server" {
			text += " dir " + dir + ";"
		}
		if secure != "" {
			text += " https { enabled on; listen " + secure + "; key " + dir + "/server.key; cert " + dir + "/server.crt; }"
		}
		return text + " }\n"
	}
	conf := func(api, apis, web, webs string) string {
		return "listen " + rtmp + ";\n" + block("http_api", api, apis) + block("http_server", web, webs) + "vhost __defaultVhost__ { }\n"
	}
	const api, files, both = "API version", "files version", "API files version"
	r := launch(t, conf("", "", "", ""))
	defer r.stop()
	for step, c := range []struct {
		text string
		want [4]string
	}{
		{conf(first, "", "", ""), [4]string{api}},
		{conf(first, "", second, ""), [4]string{api, files}},
		{conf(first, "", first, ""), [4]string{both}}, // from one front to the other
		{conf(second, "", first, ""), [4]string{files, api}},
		{conf(first, "", second, ""), [4]string{api, files}}, // they change places
		{conf(first, third, second, fourth), [4]string{api, files, api, files}},
		{conf(first, third, first, third), [4]string{both, "", both}},
		{conf(first, third, "", ""), [4]string{api, "", api}},
		{conf("", "", first, third), [4]string{files, "", files}},
		{conf("", "", first+" "+second, third+" "+fourth), [4]string{files, files, files, files}},
		{conf("", "", "", ""), [4]string{}},
	} {
		r.write(t, c.text)
		if _, err := r.Reload(); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		got := [4]string{says("http://" + first), says("http://" + second), says("https://" + third), says("https://" + fourth)}
		if got != c.want {
			t.Errorf("step %d: %q, want %q", step, got, c.want)
		}
		if !answers(rtmp) {
			t.Errorf("step %d: RTMP is gone", step)
		}
	}
}

// TestWebBroken leaves all as it was if a port of the web server cannot be had.
func TestWebBroken(t *testing.T) {
	dir := t.TempDir()
	issue(t, dir, 1)
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	rtmp, api, secure := free(t), free(t), free(t)
	tlsFiles := "; key " + dir + "/server.key; cert " + dir + "/server.crt; }"
	good := "listen " + rtmp + ";\nhttp_api { enabled on; listen " + api + "; https { enabled on; listen " + secure + tlsFiles + " }\nvhost __defaultVhost__ { }\n"
	r := launch(t, good)
	defer r.stop()
	for name, c := range map[string]struct{ text, says string }{
		"port":      {"http_server { enabled on; listen " + api + " " + busy.Addr().String() + "; }", "in use"},
		"https":     {"http_server { enabled on; listen " + api + "; https { enabled on; listen " + busy.Addr().String() + tlsFiles + " }", "in use"},
		"no files":  {"http_server { enabled on; listen " + api + "; https { enabled on; key ./none.key; cert ./none.crt; } }", "http_server.https"},
		"API files": {"http_api { enabled on; https { enabled on; key ./none.key; cert ./none.crt; } }", "http_api.https"},
	} {
		r.write(t, "listen "+rtmp+";\n"+c.text+"\nvhost __defaultVhost__ { }\n")
		if _, err := r.Reload(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: Reload = %v", name, err)
		}
		if a, b := says("http://"+api), says("https://"+secure); a != "API version" || b != "API version" {
			t.Errorf("%s: %q and %q", name, a, b)
		}
	}
}

// TestHTTPS speaks both versions of HTTP, and none without TLS.
func TestHTTPS(t *testing.T) {
	dir := t.TempDir()
	issue(t, dir, 1)
	if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte("file a"), 0o600); err != nil {
		t.Fatal(err)
	}
	rtmp, plain, secure := free(t), free(t), free(t)
	r := launch(t, "listen "+rtmp+";\nhttp_server { enabled on; listen "+plain+"; dir "+dir+"; https { enabled on; listen "+secure+
		"; key "+dir+"/server.key; cert "+dir+"/server.crt; } }\nvhost __defaultVhost__ { }\n")
	defer r.stop()
	for major, second := range map[int]bool{1: false, 2: true} {
		resp, err := browser(second).Get("https://" + secure + "/a.txt")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) != "file a" || err != nil || resp.ProtoMajor != major || resp.Header.Get("Server") != CompatSignature {
			t.Errorf("%q, %v by %s from %q", body, err, resp.Proto, resp.Header.Get("Server"))
		}
	}
	resp, err := http.Get("http://" + secure + "/a.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "https") {
		t.Errorf("without TLS: %d %q", resp.StatusCode, body)
	}
}

// TestHTTPSRenewal exchanges the certificate in its files under a client that stays connected.
func TestHTTPSRenewal(t *testing.T) {
	dir := t.TempDir()
	issue(t, dir, 1)
	if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte("file a"), 0o600); err != nil {
		t.Fatal(err)
	}
	rtmp, plain, secure := free(t), free(t), free(t)
	r := launch(t, "listen "+rtmp+";\nhttp_server { enabled on; listen "+plain+"; dir "+dir+"; https { enabled on; listen "+secure+
		"; key "+dir+"/server.key; cert "+dir+"/server.crt; } }\nvhost __defaultVhost__ { }\n")
	defer r.stop()
	conn, err := tls.Dial("tcp", secure, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	fetch := func() {
		t.Helper()
		if _, err := io.WriteString(conn, "GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(resp.Body); string(body) != "file a" {
			t.Fatalf("%q, %v", body, err)
		}
	}
	fetch()
	issue(t, dir, 2)
	for end := time.Now().Add(10 * time.Second); serial(secure) != 2; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the new certificate is not shown")
		}
	}
	fetch()
}

// TestWebConnections counts the clients of the web server among all others.
func TestWebConnections(t *testing.T) {
	rtmp, plain := free(t), free(t)
	r := launch(t, "listen "+rtmp+";\nmax_connections 2;\nhttp_server { enabled on; listen "+plain+"; }\nvhost __defaultVhost__ { }\n")
	defer r.stop()
	for n := range 2 {
		c, err := net.Dial("tcp", plain)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for end := time.Now().Add(10 * time.Second); r.limit.Count() != n+1 && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
	}
	third, err := net.Dial("tcp", rtmp)
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	_ = third.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := third.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("one too many: %v", err)
	}
}

// TestDrainWeb lets a client have the rest of its file, and no other one after it.
func TestDrainWeb(t *testing.T) {
	dir := t.TempDir()
	const size = 32 << 20 // more than sockets hold
	if err := os.WriteFile(filepath.Join(dir, "big.bin"), make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	rtmp, plain := free(t), free(t)
	r := launch(t, "listen "+rtmp+";\ngrace_start_wait 1;\ngrace_final_wait 1;\nhttp_server { enabled on; listen "+plain+"; dir "+dir+
		"; }\nvhost __defaultVhost__ { }\n")
	defer r.stop()
	conn, err := net.Dial("tcp", plain)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /big.bin HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		r.Drain(t.Context())
	}()
	for answers(plain) {
		time.Sleep(time.Millisecond)
	}
	select {
	case <-drained:
		t.Fatal("the drain did not wait for the client")
	default:
	}
	if n, err := io.Copy(io.Discard, resp.Body); n != size || err != nil {
		t.Errorf("%d bytes of %d, %v", n, size, err)
	}
	select {
	case <-drained:
	case <-time.After(10 * time.Second):
		t.Fatal("the drain does not end")
	}
}
