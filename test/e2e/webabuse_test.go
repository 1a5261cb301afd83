package e2e

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestWebAbuse does to the web server what scanners and worse do. Goroutines and sockets are as
// before afterwards.
func TestWebAbuse(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{vhost: "http_remux { enabled on; mount [vhost]/[app]/[stream].flv; }"})
	f.put("a.txt", []byte("file a"))
	f.put("big.bin", make([]byte, 8<<20))
	if err := os.WriteFile(filepath.Join(filepath.Dir(f.dir), "secret.txt"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../secret.txt", filepath.Join(f.dir, "link.txt")); err != nil {
		t.Fatal(err)
	}
	for name, abuse := range map[string]func(*testing.T, *fixture){
		"traversal": traverse, "headers": hugeHeaders, "bodies": endlessBodies, "loris": loris,
		"unknown": unknownPaths, "vanish": vanish, "garbage": webGarbage, "renegades": tlsStrangers,
	} {
		t.Run(name, func(t *testing.T) {
			before, idle := len(f.sockets()), goroutines(f.label)
			abuse(t, f)
			waitFor(t, "all of it to be gone", func() bool { return len(f.sockets()) <= before && goroutines(f.label) <= idle })
			if status, body := f.get("http://" + f.http + "/a.txt"); status != 200 || body != "file a" {
				t.Errorf("afterwards: %d %q", status, body)
			}
		})
	}
}

// raw sends bytes to the web server and returns what comes back until it hangs up.
func raw(t *testing.T, f *fixture, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", f.http)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	go func() { _, _ = io.WriteString(c, request) }()
	got, _ := io.ReadAll(io.LimitReader(c, 1<<20))
	return string(got)
}

func traverse(t *testing.T, f *fixture) {
	for _, path := range []string{
		"/../secret.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "/%2e%2e%2fsecret.txt", "/a/../../secret.txt",
		"/..%5csecret.txt", "/..\\secret.txt", "/link.txt", "/a.txt%00", "//secret.txt", "/./../secret.txt", "/%c0%ae%c0%ae/secret.txt",
		"/live/../../secret.txt", "/live/..%2f..%2fsecret.txt", "/console/../../secret.txt", "/players/../../secret.txt",
		"/api/v1/../../../secret.txt", "/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/C:/secret.txt", "http://h/../secret.txt", "*",
		"/live/..%2fsecret.flv", "/players/..%2f..%2fa.txt",
	} {
		got := raw(t, f, "GET "+path+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 4") || strings.Contains(got, "secret") || strings.Contains(got, "root:") {
			t.Errorf("%s: %.300q", path, got)
		}
	}
}

func hugeHeaders(t *testing.T, f *fixture) {
	for name, request := range map[string]string{
		"one":    "GET / HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n",
		"many":   "GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("X: y\r\n", 1<<16) + "\r\n",
		"target": "GET /" + strings.Repeat("x", 1<<20) + " HTTP/1.1\r\nHost: h\r\n\r\n",
	} {
		if got := raw(t, f, request); got != "" && !strings.HasPrefix(got, "HTTP/1.1 4") { // or a reset
			t.Errorf("%s: %.100q", name, got)
		}
	}
}

func endlessBodies(t *testing.T, f *fixture) {
	chunk := "10000\r\n" + strings.Repeat("x", 1<<16) + "\r\n"
	for name, request := range map[string]string{
		"chunks": "POST /a.txt HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat(chunk, 64),
		"length": "POST /live/s.flv HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n" + strings.Repeat("x", 4<<20),
		"API":    "POST /api/v1/versions HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 99999999999\r\n\r\n" + strings.Repeat("x", 4<<20),
	} {
		if got := raw(t, f, request); got != "" && !strings.HasPrefix(got, "HTTP/1.1 4") && name != "API" {
			t.Errorf("%s: %.100q", name, got)
		}
	}
}

// loris opens many connections that say next to nothing.
func loris(t *testing.T, f *fixture) {
	var all []net.Conn
	for range 100 {
		c, err := net.Dial("tcp", f.http)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		all = append(all, c)
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\nX-")
	}
	start := time.Now()
	for _, c := range all {
		_ = c.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.Copy(io.Discard, c); err != nil && os.IsTimeout(err) {
			t.Fatal("a connection that says nothing stays")
		}
	}
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("they stayed for %s", took)
	}
}

// unknownPaths asks for thousands of files that there are not, over one connection.
func unknownPaths(t *testing.T, f *fixture) {
	const paths = 5000
	c, err := net.Dial("tcp", f.http)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	in := bufio.NewReader(c)
	for n := range paths {
		_, _ = fmt.Fprintf(c, "GET /nothing/%d.m3u8 HTTP/1.1\r\nHost: h%d\r\n\r\n", n, n)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		if resp.StatusCode != http.StatusNotFound {
			t.Fatalf("path %d: %s", n, resp.Status)
		}
	}
}

// vanish has clients go in the middle of a file and while they wait for a stream.
func vanish(t *testing.T, f *fixture) {
	for n := range 100 {
		c, err := net.Dial("tcp", f.http)
		if err != nil {
			t.Fatal(err)
		}
		path := "/big.bin"
		if n%2 == 0 {
			path = "/live/nobody.flv"
		}
		_, _ = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path)
		if n%2 == 1 {
			_, _ = io.CopyN(io.Discard, c, 1000)
		}
		_ = c.(*net.TCPConn).SetLinger(n%3 - 1) // some by a reset
		_ = c.Close()
	}
}

func webGarbage(t *testing.T, f *fixture) {
	for _, request := range []string{
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "\x03" + strings.Repeat("\x00", 1536), "\r\n\r\n", "GET", "GET / HTTP/9.9\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n",
		"CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\r\n",
	} {
		c, err := net.Dial("tcp", f.http)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(c, request)
		_ = c.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, io.LimitReader(c, 1<<20))
		_ = c.Close()
	}
}

// tlsStrangers come to the port of https with something else, or with half a handshake.
func tlsStrangers(t *testing.T, f *fixture) {
	var all []net.Conn
	for n := range 60 {
		c, err := net.Dial("tcp", f.https)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		all = append(all, c)
		_, _ = io.WriteString(c, []string{"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "\x16\x03\x01", "nonsense"}[n%3])
	}
	for _, c := range all {
		_ = c.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.Copy(io.Discard, c); err != nil && os.IsTimeout(err) {
			t.Fatal("it may stay")
		}
	}
	_, err := tls.Dial("tcp", f.https, &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10, InsecureSkipVerify: true})
	if err == nil {
		t.Error("TLS 1.1 is spoken")
	}
}
