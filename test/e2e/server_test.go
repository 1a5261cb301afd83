// Package e2e holds a whole server, in this process, against the encoders and players that
// people use. One suite serves all protocols: a new one adds a row to publishers or players.
package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/internal/config"
	"weir/internal/server"
	"weir/internal/stream"
	"weir/internal/testkit/logbook"
)

// patience is how long a test waits for what must come: the machine may be slow.
const patience = 30 * time.Second

// conf is what a test's configuration says beside the addresses.
type conf struct {
	global string     // directives of the server
	listen string     // more addresses of RTMP
	api    string     // of http_api, beside its addresses
	shared bool       // the API is where the web server is
	http   string     // of http_server, beside its addresses and dir; the first that is given counts
	rtc    string     // of rtc_server, which is where the web server is, on UDP; beside its candidate; $http, $https and $api are addresses; empty: there is none
	srt    string     // of srt_server, which is where RTMP is, on UDP; empty: there is none
	vhost  string     // of __defaultVhost__
	more   string     // other vhosts
	only   bool       // there is no __defaultVhost__
	name   string     // of this run of the server, where a test has several that know each other by it
	level  slog.Level // of the log; zero is the default one
}

// fixture is a server under test. It ends with the test, and then the test fails if the
// server has left goroutines or sockets behind.
type fixture struct {
	t           *testing.T
	label       string // of the server's goroutines
	rtmp, api   string // addresses
	rtmps       string // another
	http, https string // of the web server
	post        string // where FLV is posted to
	dir         string // of its files
	file        string // the configuration
	password    string // of the API's admin; empty without
	server      *server.Server
	end         func() // ends it
	log         logbook.Book
}

// serve starts a server.
func serve(t *testing.T, c conf) *fixture {
	t.Helper()
	f := &fixture{t: t, label: stream.NewID()}
	f.file, f.dir = filepath.Join(t.TempDir(), "weir.conf"), t.TempDir()
	for attempt := 0; f.server == nil; attempt++ {
		f.rtmp, f.api, f.rtmps = freeAddress(t), freeAddress(t), freeAddress(t)
		f.http, f.https, f.post = freeAddress(t), freeAddress(t), freeAddress(t)
		f.identify(ourIdentity())
		f.write(c)
		loaded, err := f.load()
		if err != nil {
			t.Fatal(err)
		}
		f.server, err = f.build(loaded, c)
		if err != nil && attempt == 3 {
			t.Fatal(err)
		}
	}
	f.listens()
	f.run()
	idle := f.settled()
	if idle == 0 || len(f.sockets()) == 0 {
		t.Fatalf("%d goroutines, sockets %v: leaks would not be seen", idle, f.sockets())
	}
	t.Cleanup(func() {
		defer f.report()
		f.settle(idle)
		f.end()
		f.gone()
	})
	return f
}

// build makes the server that the configuration describes.
func (f *fixture) build(loaded *config.Config, c conf) (*server.Server, error) {
	return server.New(server.Options{
		Config: loaded, Load: f.load, Log: slog.New(slog.NewTextHandler(&f.log, &slog.HandlerOptions{Level: c.level})),
		Identity: server.Identity{Server: "vid-testing", Service: cmp.Or(c.name, "testing0"), Pid: os.Getpid()},
	})
}

// run runs the server until end.
func (f *fixture) run() {
	f.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	s := f.server
	go pprof.Do(ctx, pprof.Labels("server", f.label), func(ctx context.Context) { ended <- s.Run(ctx) })
	f.end = func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				f.t.Errorf("the server ended with %v", err)
			}
		case <-time.After(patience):
			f.t.Errorf("the server does not end\n%s", stacks(f.label))
		}
	}
	waitFor(f.t, "the API to answer", func() bool { _, err := f.call("GET", "/api/v1/versions"); return err == nil })
}

// restart ends the server and runs another one with the same configuration.
func (f *fixture) restart(c conf) {
	f.t.Helper()
	f.end()
	loaded, err := f.load()
	if err == nil {
		f.server, err = f.build(loaded, c)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	f.run()
}

// settled returns how many goroutines there are once all parts of the server have begun: while they
// do, their number grows.
func (f *fixture) settled() (n int) {
	for same := 0; same < 5; time.Sleep(20 * time.Millisecond) {
		if now := goroutines(f.label); now != n {
			n, same = now, 0
		} else {
			same++
		}
	}
	return n
}

// settle waits until nobody is connected and the goroutines of sessions have ended. Players of segments have no connection
// whose end would tell that they have left: their sessions are ended, rather than waited for.
func (f *fixture) settle(idle int) {
	ok := poll(func() bool {
		sessions := f.sessions()
		for _, c := range sessions {
			if c.Type == "hls-play" || c.Type == "dash-play" {
				_, _ = f.call("DELETE", "/api/v1/clients/"+c.ID) // it may have ended
			}
		}
		return len(sessions) == 0 && goroutines(f.label) <= idle
	})
	if !ok {
		f.t.Errorf("sessions stay: %v; %d goroutines, %d when idle\n%s",
			f.sessions(), goroutines(f.label), idle, stacks(f.label))
	}
}

// gone checks that the server has left nothing behind.
func (f *fixture) gone() {
	http.DefaultClient.CloseIdleConnections()
	if !poll(func() bool { return goroutines(f.label) == 0 }) {
		f.t.Errorf("goroutines stay behind\n%s", stacks(f.label))
	}
	if !poll(func() bool { return len(f.sockets()) == 0 }) {
		f.t.Errorf("sockets stay behind: %v", f.sockets())
	}
}

// report shows the server's log of a test that failed.
func (f *fixture) report() {
	if f.t.Failed() {
		f.t.Logf("the server's log:\n%s", &f.log)
	}
	if strings.Contains(f.log.String(), "panic") {
		f.t.Errorf("the server panicked:\n%s", &f.log)
	}
}

func (f *fixture) write(c conf) {
	f.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "listen %s %s;\ndaemon off;\n%s\n", f.rtmp, c.listen, c.global)
	if c.shared {
		f.api = f.http
	}
	fmt.Fprintf(&b, "http_api { enabled on; listen %s; %s }\n", f.api, c.api)
	fmt.Fprintf(&b, "rtmps { enabled on; listen %s; key %s; cert %s; }\n", f.rtmps, f.keyFile(), f.certFile())
	if c.srt != "" {
		fmt.Fprintf(&b, "srt_server { %s enabled on; listen %s; }\n", c.srt, f.rtmp)
	}
	fmt.Fprintf(&b, "stream_caster { enabled on; caster flv; listen %s; output rtmp://127.0.0.1/[app]/[stream]; }\n", f.post)
	if c.rtc != "" {
		_, port, _ := net.SplitHostPort(f.http)
		said := strings.NewReplacer("$https", f.https, "$http", f.http, "$api", f.api).Replace(c.rtc)
		fmt.Fprintf(&b, "rtc_server { %s enabled on; listen %s; candidate 127.0.0.1:%s; }\n", said, f.http, port)
	}
	secure := fmt.Sprintf("https { enabled on; listen %s; key %s; cert %s; }", f.https, f.keyFile(), f.certFile())
	if strings.Contains(c.http, "enabled off") {
		secure = ""
	}
	fmt.Fprintf(&b, "http_server { %s\nenabled on; listen %s; dir %s; %s }\n", c.http, f.http, f.dir, secure)
	if !c.only {
		fmt.Fprintf(&b, "vhost __defaultVhost__ {\n%s\n}\n", c.vhost)
	}
	b.WriteString(c.more + "\n")
	if err := os.WriteFile(f.file, []byte(b.String()), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) load() (*config.Config, error) {
	return config.Load(config.Options{File: f.file}, nil)
}

// reload puts another configuration in force.
func (f *fixture) reload(c conf) {
	f.t.Helper()
	f.write(c)
	if _, err := f.server.Reload(); err != nil {
		f.t.Fatal(err)
	}
}

// url returns the RTMP address of a stream.
func (f *fixture) url(name string) string { return "rtmp://" + f.rtmp + "/live/" + name }

// client is a session as the API lists it.
type client struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	URL     string `json:"url"`
	Publish bool   `json:"publish"`
	Send    int64  `json:"send_bytes"`
}

// sessions lists the publishers and players.
func (f *fixture) sessions() []client {
	raw, err := f.call("GET", "/api/v1/clients/?count=1000")
	var answer struct {
		Code    int      `json:"code"`
		Clients []client `json:"clients"`
	}
	if err == nil {
		err = json.Unmarshal(raw, &answer)
	}
	if err != nil || answer.Code != 0 {
		f.t.Errorf("the API's list of clients: code %d, %v", answer.Code, err)
	}
	return answer.Clients
}

// publishers lists the sessions that publish, players those that play.
func (f *fixture) publishers() []client { return f.which(true) }
func (f *fixture) players() []client    { return f.which(false) }

func (f *fixture) which(publish bool) (list []client) {
	for _, c := range f.sessions() {
		if c.Publish == publish {
			list = append(list, c)
		}
	}
	return list
}

// kick ends a session through the API.
func (f *fixture) kick(id string) {
	f.t.Helper()
	raw, err := f.call("DELETE", "/api/v1/clients/"+id)
	if err != nil || !strings.Contains(string(raw), `"code":0`) {
		f.t.Errorf("kick %s: %s, %v", id, raw, err)
	}
}

var apiClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}

func (f *fixture) call(method, path string) ([]byte, error) {
	request, err := http.NewRequest(method, "http://"+f.api+path, nil)
	if err != nil {
		return nil, err
	}
	if f.password != "" {
		request.SetBasicAuth("admin", f.password)
	}
	answer, err := apiClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(answer.Body)
}

var (
	portsMu sync.Mutex
	ports   = map[string]bool{}
)

// freeAddress returns an address that nobody listens on, each only once. It is below the ports that the
// system gives to outgoing connections, so that none takes it meanwhile.
func freeAddress(t *testing.T) string {
	t.Helper()
	for {
		a := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))
		ln, err := net.Listen("tcp", a)
		if err != nil {
			continue // somebody has it
		}
		ln.Close()
		portsMu.Lock()
		used := ports[a]
		ports[a] = true
		portsMu.Unlock()
		if !used {
			return a
		}
	}
}

// poll reports whether ok becomes true in time.
func poll(ok func() bool) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return true
		}
	}
	return ok()
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	if !poll(ok) {
		t.Fatalf("waited %s in vain for %s", patience, what)
	}
}
