package heartbeat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/config"
)

// post is the service that hears of us.
type post struct {
	answer func(*http.Request) (*http.Response, error)

	mu   sync.Mutex
	log  bytes.Buffer
	got  []string // the addresses, and the bodies
	when []time.Duration
	from time.Time
}

func (p *post) RoundTrip(r *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.got = append(p.got, r.Method+" "+r.URL.String()+" "+string(raw))
	p.when = append(p.when, time.Since(p.from))
	p.mu.Unlock()
	return p.answer(r)
}

func (p *post) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

func (p *post) take() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := fmt.Sprint(p.when)
	p.when, p.got = nil, nil
	return out
}

func (p *post) lines() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.log.Reset()
	return p.log.String()
}

func answer(status int) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Status: fmt.Sprint(status), Body: io.NopCloser(strings.NewReader("0"))}, nil
	}
}

func settings(t testing.TB, conf string) *config.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "weir.conf")
	if err := os.WriteFile(path, []byte("listen 1935 192.0.2.1:1936;\nvhost __defaultVhost__ { }\n"+conf), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.Options{File: path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func options(c *atomic.Pointer[config.Config], log io.Writer) Options {
	return Options{
		Config: c.Load, Server: "vid-1", Service: "abc", Pid: 42, Agent: "agent/1", DeviceIP: "192.0.2.7",
		Summaries: func() any { return map[string]bool{"ok": true} },
		Log:       slog.New(slog.NewTextHandler(log, nil)),
	}
}

// run has a heart beat in a bubble of its own time.
func run(t *testing.T, c *atomic.Pointer[config.Config], p *post) {
	h := New(options(c, p))
	h.client.Transport = p
	p.from = time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestInterval changes what is asked for while the server runs.
func TestInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &post{answer: answer(200)}
		var c atomic.Pointer[config.Config]
		c.Store(settings(t, "heartbeat { enabled on; interval 3.9; url http://a.example/x; }"))
		run(t, &c, p)
		after := func(d time.Duration, conf, want string) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if got := p.take(); got != want {
				t.Errorf("heartbeats at %s; want %s", got, want)
			}
			if conf != "" {
				c.Store(settings(t, conf))
			}
		}
		after(9500*time.Millisecond, "heartbeat { enabled on; interval 5; url http://a.example/x; }", "[0s 3s 6s 9s]")
		after(10*time.Second, "heartbeat { enabled on; interval 5; url http://b.example/x; }", "[14s 19s]")
		after(3*time.Second, "heartbeat { enabled off; interval 5; url http://b.example/x; }", "[20s]")
		after(10*time.Second, "heartbeat { enabled on; interval 5; url http://b.example/x; }", "[]")
		after(4*time.Second, "", "[33s]")
	})
}

// TestFailure holds that the log is told once when heartbeats begin to fail and once when they arrive,
// and never of what is secret.
func TestFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var how atomic.Pointer[func(*http.Request) (*http.Response, error)]
		be := func(f func(*http.Request) (*http.Response, error)) { how.Store(&f) }
		be(answer(200))
		p := &post{answer: func(r *http.Request) (*http.Response, error) { return (*how.Load())(r) }}
		var c atomic.Pointer[config.Config]
		c.Store(settings(t, "heartbeat { enabled on; interval 2; url http://me:hush@a.example/x?token=hush; }"))
		run(t, &c, p)
		expect := func(words ...string) {
			t.Helper()
			time.Sleep(10 * time.Second)
			synctest.Wait()
			got := p.lines()
			if strings.Count(got, "\n") != min(1, len(words)) || strings.Contains(got, "hush") {
				t.Errorf("the log: %s", got)
			}
			for _, w := range words {
				if !strings.Contains(got, w) {
					t.Errorf("no %q in %s", w, got)
				}
			}
		}
		expect()
		be(answer(302))
		expect("WARN", "do not arrive", "answered with 302", "url=http://a.example/x ")
		be(func(*http.Request) (*http.Response, error) { return nil, errors.New("nobody is there") })
		expect()
		be(answer(201))
		expect("INFO", "arrive again")
		be(func(r *http.Request) (*http.Response, error) { return nil, fmt.Errorf("reset") })
		expect("WARN", "reset")
	})
}

// TestHang has a service that does not answer: there is never a second heartbeat under way, and the end
// of the server waits for none.
func TestHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &post{answer: func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}}
		var c atomic.Pointer[config.Config]
		c.Store(settings(t, "heartbeat { enabled on; interval 1; url http://a.example/x; }"))
		run(t, &c, p)
		time.Sleep(3*beatTime + 5*time.Second)
		synctest.Wait()
		if n := len(p.got); n != 4 {
			t.Errorf("%d heartbeats", n)
		}
		if got := p.lines(); strings.Count(got, "\n") != 1 {
			t.Errorf("the log: %s", got)
		}
	})
}

// TestBody gives each directive that shapes what is posted two values.
func TestBody(t *testing.T) {
	const who = `{"device_id":"","ip":"192.0.2.7","server":"vid-1","service":"abc","pid":"42"`
	more := "http_server { enabled on; listen 8081; } http_api { enabled on; listen 1986; } srt_server { enabled on; } " +
		"rtc_server { enabled on; listen 192.0.2.3:8001; tcp { enabled on; listen 8002; } } "
	for conf, want := range map[string]string{
		"heartbeat { }":                         who + `}`,
		"heartbeat { device_id my-device; }":    strings.Replace(who, `""`, `"my-device"`, 1) + `}`,
		"heartbeat { summaries on; }":           who + `,"summaries":{"data":{"ok":true}}}`,
		"heartbeat { ports on; }":               who + `,"rtmp":["1935","192.0.2.1:1936"]}`,
		more + "heartbeat { ports on; }":        who + `,"rtmp":["1935","192.0.2.1:1936"],"http":["8081"],"api":["1986"]}`,
		more + "heartbeat { ports off; }":       who + `}`,
		"heartbeat { summaries on; ports on; }": who + `,"summaries":{"data":{"ok":true}},"rtmp":["1935","192.0.2.1:1936"]}`,
		more + "heartbeat { ports on; } # media": who + `,"rtmp":["1935","192.0.2.1:1936"],"http":["8081"],"api":["1986"],` +
			`"srt":["udp://0.0.0.0:10080"],"rtc":["udp://192.0.2.3:8001","tcp://0.0.0.0:8002"]}`,
	} {
		p := &post{answer: answer(200)}
		var c atomic.Pointer[config.Config]
		o := options(&c, io.Discard)
		o.SRT = strings.Contains(conf, "# media")
		o.RTC = o.SRT
		h := New(o)
		h.client.Transport = p
		if err := h.send(t.Context(), settings(t, conf+"\n")); err != nil {
			t.Fatal(err)
		}
		if got := p.got[0]; got != "POST http://127.0.0.1:8085/api/v1/servers "+want {
			t.Errorf("with %s: %s\nwant %s", conf, got, want)
		}
	}
}

// TestAddress holds that the server has an address, whatever number is asked for, and another one for
// another interface.
func TestAddress(t *testing.T) {
	first, seen := address(0), map[string]bool{}
	for n := 0; n == 0 || address(n) != first; n++ {
		ip := net.ParseIP(address(n))
		if ip == nil || seen[ip.String()] {
			t.Fatalf("interface %d: %s, after %v", n, ip, seen)
		}
		seen[ip.String()] = true
		if next := address(n + 1); ip.IsLoopback() && next != first && !net.ParseIP(next).IsLoopback() {
			t.Errorf("interface %d is loopback, and %s comes after it", n, next)
		}
	}
	if len(seen) == 0 || address(1000) != first {
		t.Errorf("%v, and beyond them %s", seen, address(1000))
	}
}

// TestWire posts over a real connection, to a service that answers without end.
func TestWire(t *testing.T) {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Type") != "application/json" || r.UserAgent() != "agent/1" || r.URL.RawQuery != "" {
			t.Errorf("%s %s", r.URL, r.Header)
		}
		for {
			if _, err := w.Write(make([]byte, 32<<10)); err != nil {
				return
			}
		}
	}))
	defer service.Close()
	var c atomic.Pointer[config.Config]
	h := New(options(&c, io.Discard))
	began := time.Now()
	if err := h.send(t.Context(), settings(t, "heartbeat { url "+service.URL+"/x?a=b; }")); err != nil || time.Since(began) > beatTime/2 {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}
