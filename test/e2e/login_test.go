package e2e

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestLogin asks for the API in all forms that might get past its login, on its own port, on that of the
// web server, over TLS and HTTP/2, and with an upgrade to WebSocket.
func TestLogin(t *testing.T) {
	for _, shared := range []bool{false, true} {
		t.Run(fmt.Sprintf("shared port %v", shared), func(t *testing.T) {
			f := serve(t, conf{
				api:   "auth { enabled on; username admin; password secret; } raw_api { enabled on; allow_reload on; }",
				vhost: "http_remux { enabled on; }", shared: shared,
			})
			f.password = "secret"
			f.login()
		})
	}
}

// login tries to get past the login.
func (f *fixture) login() {
	t := f.t
	targets := []string{
		"/api/v1/streams/", "//api/v1/streams/", "///api/v1/streams/", "/api//v1/streams/", "/./api/v1/streams/", "/x/../api/v1/streams/",
		"/API/v1/streams/", "/%61pi/v1/streams/", "/api%2fv1%2fstreams%2f", "/api/v1/streams/?a=b", "/api/v1/streams/;x", "/api/v1/streams/%00",
		"/console/../api/v1/streams/", "/api/v1/clients/x?callback=f&method=DELETE", "/api/v1/raw?rpc=reload", "/api/v1/events",
		"/api/v1/openapi.json", "http://localhost/api/v1/streams/", "/live/../api/v1/streams/", "/api/v1/versions", "/api/v1/streams/..%2f",
		"\\api\\v1\\streams", "/api/v1/streams/#x", "*",
	}
	for _, at := range []string{f.api, f.http} {
		for _, target := range targets {
			for _, more := range []string{"", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "X-Original-URL: /\r\nX-Forwarded-For: 127.0.0.1\r\n", "Authorization: Basic YWRtaW46\r\n"} {
				if text := rawRequest(t, at, "GET "+target+" HTTP/1.1\r\nHost: localhost\r\n"+more+"\r\n"); leaks(text) {
					t.Errorf("%s at %s gets past the login:\n%.300s", target, at, text)
				}
			}
		}
		text := rawRequest(t, at, "GET /api/v1/streams/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\n\r\n")
		if at == f.api && !leaks(text) {
			t.Errorf("with the login: %.300s", text)
		}
	}
	two := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	defer two.CloseIdleConnections()
	plain := &http.Client{Transport: two, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, target := range []string{"/api/v1/streams/", "//api/v1/streams/", "/%61pi/v1/streams/", "/API/v1/streams/"} {
		answer, err := plain.Get("https://" + f.https + target)
		if err != nil {
			t.Fatal(err)
		}
		body := make([]byte, 4096)
		n, _ := answer.Body.Read(body)
		answer.Body.Close()
		if answer.ProtoMajor != 2 || answer.StatusCode == http.StatusOK && leaks(string(body[:n])) {
			t.Errorf("%s over %s: %d %s", target, answer.Proto, answer.StatusCode, body[:n])
		}
	}
	if lines := f.log.Lines("secret"); len(lines) > 0 {
		t.Errorf("the log has the password: %q", lines)
	}
}

// leaks reports whether an answer is one of the API to who may ask.
func leaks(text string) bool {
	for _, word := range []string{`"streams"`, `"clients"`, `"applied"`, `"paths"`, `"events"`, `"major"`, `"code":2049`} {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// rawRequest sends text and returns what comes back within a moment.
func rawRequest(t *testing.T, at, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprint(c, text); err != nil {
		return ""
	}
	r := bufio.NewReader(c)
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	body := make([]byte, 4096)
	n, _ := answer.Body.Read(body)
	return answer.Status + "\n" + string(body[:n])
}
