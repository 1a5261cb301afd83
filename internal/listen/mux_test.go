package listen

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// heads are first bytes and the matcher that knows them, seeds of FuzzMatch too.
var heads = map[string]string{
	"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03":                             "tls",
	"\x16\x03\x04\x00\x40\x01":                                                 "tls",
	"GET / HTTP/1.1\r\n":                                                       "http",
	"OPTIONS /rtc/v1/whip/ HTTP/1.1\r\n":                                       "http",
	"PATCH /x HTTP/1.1\r\n":                                                    "http",
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":                                         "http",
	"\x03\x00\x00\x00\x00\x00\x00\x00\x00\x11\x22\x33\x44":                     "rtmp",
	"\xf3\x00\x00\x00\x00\x00\x00\x00\x00\x11\x22\x33\x44":                     "rtmp",
	"\x00\x14\x00\x01\x00\x00\x21\x12\xa4\x42tttttttttttt":                     "ice",
	"\x03\x14\x00\x01\x03\x00\x21\x12\xa4\x42tttttttttttt":                     "ice",
	"\x00\x15\x00\x01\x00\x00\x21\x12\xa4\x42tttttttttttt":                     "",
	"\x00\x14\x00\x01\x00\x00\x21\x12\xa4\x43tttttttttttt":                     "",
	"SSH-2.0-OpenSSH_9.9\r\n":                                                  "",
	"GETTING nowhere at all, in more bytes than a matcher is ever shown by us": "",
	"\x16\x03\x01\x02\x00\x02":                                                 "",
}

func matches(handle func(name string) Handler) []Match {
	return []Match{
		{IsICE, handle("ice")},
		{IsTLS, handle("tls")},
		{IsHTTP, handle("http")},
		{IsRTMP, handle("rtmp")},
	}
}

func TestMux(t *testing.T) {
	tell := func(name string) Handler {
		return func(_ context.Context, c net.Conn) {
			_, _ = io.WriteString(c, name+":")
			_, _ = io.Copy(c, c)
		}
	}
	m := &Mux{Matches: matches(tell), Default: tell("")}
	l := local(t, Options{})
	start(t, l, m.Handle)
	for head, want := range heads {
		if got := say(t, l.Addr(), head); got != want+":"+head {
			t.Errorf("% x: %q; want %s", head, got, want)
		}
	}
}

// TestMuxByteByByte: slow peers are recognised too, and a cut gives the default.
func TestMuxByteByByte(t *testing.T) {
	for head, want := range heads {
		for n := 1; n <= len(head); n++ {
			var got, rest string
			tell := func(name string) Handler {
				return func(_ context.Context, c net.Conn) {
					b, _ := io.ReadAll(c)
					got, rest = name, string(b)
				}
			}
			m := &Mux{Matches: matches(tell), Default: tell("")}
			ours, theirs := net.Pipe()
			go func() {
				for i := range n {
					_, _ = io.WriteString(theirs, head[i:i+1])
				}
				_ = theirs.Close()
			}()
			m.Handle(t.Context(), ours)
			if rest != head[:n] || n == len(head) && got != want || got != want && got != "" && got != "rtmp" {
				t.Errorf("% x: %q gets % x", head[:n], got, rest)
			}
		}
	}
}

func FuzzMatch(f *testing.F) {
	for head := range heads {
		f.Add([]byte(head))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		for i, is := range []func([]byte) Verdict{IsICE, IsTLS, IsHTTP, IsRTMP} {
			decided := More
			for n := range len(head) + 1 {
				v := is(head[:n])
				if decided != More && v != decided {
					t.Fatalf("matcher %d: %v at % x, then %v", i, decided, head[:n], v)
				}
				if v == More && n >= maxHead {
					t.Fatalf("matcher %d wants more than maxHead bytes", i)
				}
				decided = v
			}
		}
	})
}

func TestMuxSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		called := ""
		tell := func(name string) Handler {
			return func(_ context.Context, c net.Conn) {
				called += name
				_ = c.Close()
			}
		}
		m := &Mux{Matches: matches(tell), Default: tell("default"), Log: j.log()}
		ours, theirs := net.Pipe()
		begin := time.Now()
		m.Handle(t.Context(), ours)
		if _, err := theirs.Write([]byte{0}); !errors.Is(err, io.ErrClosedPipe) || time.Since(begin) != headWait {
			t.Error("a silent peer is closed after", time.Since(begin), err)
		}
		if !strings.Contains(j.String(), ErrSilent.Error()) || called != "" {
			t.Error(j, called)
		}

		ours, theirs = net.Pipe()
		go func() { _, _ = io.WriteString(theirs, "GE") }()
		m.Handle(t.Context(), ours)
		if called != "default" {
			t.Errorf("a peer that stops half way goes to %q", called)
		}
	})
}

func TestMuxEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		m := &Mux{Log: j.log()}
		ctx, cancel := context.WithCancel(t.Context())
		ours, _ := net.Pipe()
		time.AfterFunc(time.Second, cancel)
		begin := time.Now()
		m.Handle(ctx, ours)
		if time.Since(begin) != time.Second {
			t.Error("ctx ends it after", time.Since(begin))
		}
		ours, theirs := net.Pipe()
		go func() { _, _ = io.WriteString(theirs, "SSH-") }()
		m.Handle(t.Context(), ours)
		if !strings.Contains(j.String(), "unknown protocol: it starts with 53 53 48 2d") {
			t.Error(j)
		}
	})
}

func TestQueueServesHTTP(t *testing.T) {
	limit := NewLimit(nil, nil, nil)
	l := local(t, Options{Limit: limit})
	q := NewQueue(l.Addr())
	web := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "you ask for "+r.URL.Path)
	})}
	served := make(chan error, 1)
	go func() { served <- web.Serve(q) }()
	m := &Mux{Matches: []Match{{IsHTTP, q.Handle}}}
	stop := start(t, l, m.Handle)
	client := &http.Client{Transport: &http.Transport{}}
	for range 2 { // the connection outlives its first request
		answer, err := client.Get("http://" + l.Addr().String() + "/x")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if string(body) != "you ask for /x" {
			t.Errorf("%s", body)
		}
	}
	if limit.Count() != 1 {
		t.Error("open connections:", limit.Count())
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	client.CloseIdleConnections()
	if err := web.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
	if limit.Count() != 0 {
		t.Error("connections left open:", limit.Count())
	}
	ours, theirs := net.Pipe()
	q.Handle(t.Context(), ours)
	if _, err := theirs.Read([]byte{0}); !errors.Is(err, io.EOF) {
		t.Error("a closed Queue does not close what it gets:", err)
	}
}
