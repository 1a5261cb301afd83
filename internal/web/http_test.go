package web

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener of connections that are all in memory, so that their deadlines go by the
// clock of synctest.
type pipes struct {
	ready chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.ready:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// bubble runs a test with a server of the site's files in a bubble, and what dials it.
func bubble(t *testing.T, s *site, test func(t *testing.T, dial func() net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{make(chan net.Conn), make(chan struct{})}
		v := HTTPServer(New(s.o), slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(context.Background())
		v.BaseContext = func(net.Listener) context.Context { return ctx }
		ended := make(chan error, 1)
		go func() { ended <- v.Serve(p) }()
		test(t, func() net.Conn {
			ours, theirs := net.Pipe()
			if s.tls != nil {
				theirs = tls.Server(theirs, s.tls)
			}
			p.ready <- theirs
			return ours
		})
		cancel()
		close(p.done)
		_ = v.Close()
		if err := <-ended; !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve = %v", err)
		}
	})
}

// lasts reads until the connection ends, and returns after how long it does and what came.
func lasts(c net.Conn) (time.Duration, string) {
	start := time.Now()
	got, _ := io.ReadAll(c)
	return time.Since(start), string(got)
}

// within reports a time that is not about the one that is wanted.
func within(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if got < want || got > want+time.Second {
		t.Errorf("%s: it took %s, want %s", what, got, want)
	}
}

func TestSlowHeaders(t *testing.T) {
	bubble(t, newSite(t), func(t *testing.T, dial func() net.Conn) {
		c := dial()
		written := make(chan struct{})
		go func() {
			defer close(written)
			for _, b := range []byte("GET / HTTP/1.1\r\nHost: h\r\nX-Slow: " + strings.Repeat("x", 1000)) {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		took, _ := lasts(c)
		within(t, "a byte a second", took, headerTimeout)
		_ = c.Close()
		<-written
		took, _ = lasts(dial())
		within(t, "silence", took, headerTimeout)
	})
}

func TestLongHeaders(t *testing.T) {
	bubble(t, newSite(t), func(t *testing.T, dial func() net.Conn) {
		c := dial()
		sent := make(chan int)
		go func() {
			n, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n")
			for err == nil {
				var m int
				m, err = io.WriteString(c, "X-Long: "+strings.Repeat("x", 1000)+"\r\n")
				n += m
			}
			sent <- n
		}()
		_, got := lasts(c)
		if n := <-sent; n > 4*maxHeader {
			t.Errorf("%d bytes were read", n)
		}
		if !strings.HasPrefix(got, "HTTP/1.1 4") {
			t.Errorf("the answer is %q", got)
		}
	})
}

func TestIdle(t *testing.T) {
	s := newSite(t)
	s.put("a.txt", "file a")
	bubble(t, s, func(t *testing.T, dial func() net.Conn) {
		c := dial()
		in := bufio.NewReader(c)
		for range 3 {
			if _, err := io.WriteString(c, "GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			got, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(got.Body); string(body) != "file a" {
				t.Fatalf("%q, %v", body, err)
			}
			time.Sleep(idleTimeout - time.Second)
		}
		took, _ := lasts(c)
		within(t, "from the last second on", took, time.Second)
	})
}

// TestBodies sends bodies that nobody has asked for.
func TestBodies(t *testing.T) {
	s := newSite(t)
	s.put("a.txt", "file a")
	bubble(t, s, func(t *testing.T, dial func() net.Conn) {
		ask := func(head string, body func(w io.Writer) error) (time.Duration, string) {
			c := dial()
			written := make(chan struct{})
			go func() {
				defer close(written)
				_, err := io.WriteString(c, "GET /a.txt HTTP/1.1\r\nHost: h\r\n"+head+"\r\n\r\n")
				for err == nil {
					err = body(c)
				}
			}()
			took, got := lasts(c)
			_ = c.Close()
			<-written
			return took, got
		}
		endless := func(w io.Writer) error {
			_, err := io.WriteString(w, "1000\r\n"+strings.Repeat("x", 0x1000)+"\r\n")
			return err
		}
		if _, got := ask("Transfer-Encoding: chunked", endless); !strings.HasPrefix(got, "HTTP/1.1 413") {
			t.Errorf("a body without end: %.40q", got)
		}
		large := func(w io.Writer) error {
			_, err := io.WriteString(w, strings.Repeat("x", 0x1000))
			return err
		}
		if _, got := ask("Content-Length: 9999999999", large); !strings.HasPrefix(got, "HTTP/1.1 413") {
			t.Errorf("a large body: %.40q", got)
		}
		drop := func(w io.Writer) error {
			time.Sleep(time.Second)
			_, err := io.WriteString(w, "x")
			return err
		}
		took, got := ask("Content-Length: 5000", drop)
		if took > 2*bodyTimeout || !strings.HasPrefix(got, "HTTP/1.1 413") {
			t.Errorf("a slow body: %.40q after %s", got, took)
		}
		once := false
		small := func(w io.Writer) error {
			if once {
				return io.EOF
			}
			once = true
			_, err := io.WriteString(w, "12345"+"GET /a.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
			return err
		}
		if _, got := ask("Content-Length: 5", small); strings.Count(got, "file a") != 2 {
			t.Errorf("a small body: %q", got)
		}
	})
}

// TestSlowReader drops who does not read, and waits for who reads slowly.
func TestSlowReader(t *testing.T) {
	s := newSite(t)
	size := 10 * stride
	s.put("big.ts", strings.Repeat("x", size))
	bubble(t, s, func(t *testing.T, dial func() net.Conn) {
		ask := func() (net.Conn, *bufio.Reader) {
			c := dial()
			if _, err := io.WriteString(c, "GET /big.ts HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			return c, bufio.NewReader(c)
		}
		c, in := ask()
		got, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		for read := 0; read < size; read += stride { // 200 s in all
			time.Sleep(20 * time.Second)
			if _, err := io.CopyN(io.Discard, got.Body, stride); err != nil {
				t.Fatalf("after %d bytes: %v", read, err)
			}
		}
		_ = c.Close()

		_, in = ask()
		if _, err := in.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		time.Sleep(writeTimeout + time.Second)
		if n, _ := io.Copy(io.Discard, in); n >= int64(size) {
			t.Error("the file has waited for who does not read")
		}
	})
}

// TestEndless has a handler that streams: no deadline ends it, and the server's end does.
func TestEndless(t *testing.T) {
	s := newSite(t)
	ended := make(chan error, 2)
	s.o.Routes = []Route{func(r *http.Request) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			control := http.NewResponseController(w)
			for range 3 {
				_, _ = io.WriteString(w, "media ")
				if err := control.Flush(); err != nil {
					ended <- err
					return
				}
				select {
				case <-time.After(10 * time.Minute):
				case <-r.Context().Done():
				}
			}
			if r.URL.Path == "/hijacked" {
				conn, _, err := control.Hijack()
				if err != nil {
					ended <- err
					return
				}
				defer conn.Close()
			}
			<-r.Context().Done()
			ended <- r.Context().Err()
		})
	}}
	for _, path := range []string{"/plain", "/hijacked"} {
		bubble(t, s, func(t *testing.T, dial func() net.Conn) {
			c := dial()
			go func() { _, _ = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: h\r\n\r\n") }()
			all := make([]byte, 4096)
			n := 0
			for strings.Count(string(all[:n]), "media") < 3 {
				m, err := c.Read(all[n:])
				if n += m; err != nil {
					t.Fatalf("%s: %q, %v", path, all[:n], err)
				}
			}
			time.Sleep(time.Hour)
		})
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
