package listen

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds every wait of these tests; none of them needs it.
const patience = 10 * time.Second

// A journal is a log that a test reads.
type journal struct {
	mu   sync.Mutex
	text strings.Builder // Guarded by mu.
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// local opens a listener on the loopback.
func local(t *testing.T, o Options) *Listener {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	l, err := Open("127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func dial(t *testing.T, addr net.Addr) *net.TCPConn {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr.String(), patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn)
}

// start runs Serve until the test ends, or stop, which gives its error.
func start(t *testing.T, l *Listener, handle Handler) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, handle) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() { _ = stop() })
	return stop
}

// say sends words and gives all that comes back.
func say(t *testing.T, addr net.Addr, words string) string {
	t.Helper()
	c := dial(t, addr)
	if _, err := io.WriteString(c, words); err != nil {
		t.Fatal(err)
	}
	_ = c.CloseWrite()
	answer, err := io.ReadAll(c)
	if err != nil && !reset(err) {
		t.Fatal(err)
	}
	return string(answer)
}

// reset tells whether err is how a peer that closes with bytes unread looks.
func reset(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && !op.Timeout()
}

func TestParse(t *testing.T) {
	for addr, want := range map[string]string{
		"1935":               ":1935",
		":1935":              ":1935",
		"0":                  ":0",
		"127.0.0.1:1935":     "127.0.0.1:1935",
		"0.0.0.0:80":         "0.0.0.0:80",
		"[::]:1935":          "[::]:1935",
		"[fe80::1%eth0]:443": "[fe80::1%eth0]:443",
	} {
		if e, err := parse(addr); err != nil || e.String() != want {
			t.Errorf("parse(%q) = %v, %v; want %s", addr, e, err, want)
		}
	}
	for _, addr := range []string{"", ":", "x", "65536", "-1", "1935 ", "localhost:1935", "::1", "::1:1935", "[1.2.3.4]:1", "[::1:1935", "1.2.3:1"} {
		if e, err := parse(addr); !errors.Is(err, ErrAddress) {
			t.Errorf("parse(%q) = %v, %v; want ErrAddress", addr, e, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, addr := range []string{"1935", "[::1]:80", "0.0.0.0:0"} {
		f.Add(addr)
	}
	f.Fuzz(func(t *testing.T, addr string) {
		e, err := parse(addr)
		if err != nil {
			return
		}
		if again, err := parse(e.String()); err != nil || again != e {
			t.Errorf("parse(%q) = %v, which parses as %v, %v", addr, e, again, err)
		}
	})
}

func TestOpenAnyAddress(t *testing.T) {
	l, err := Open("0", Options{})
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	start(t, l, func(context.Context, net.Conn) {})
	hosts := []net.IP{net.IPv4(127, 0, 0, 1)}
	if six, err := Open("[::1]:0", Options{}); err == nil {
		_ = six.Close()
		hosts = append(hosts, net.IPv6loopback)
	}
	for _, ip := range hosts {
		say(t, &net.TCPAddr{IP: ip, Port: port}, "")
	}
}

func TestPortInUse(t *testing.T) {
	l := local(t, Options{})
	_, err := Open(l.Addr().String(), Options{})
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if err == nil || !inUse(err) || !strings.Contains(err.Error(), "TCP port "+port+" is in use") {
		t.Errorf("a second Open: %v", err)
	}
	u, err := OpenPacket("127.0.0.1:0", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	if _, err := OpenPacket(u.LocalAddr().String(), Options{}); !inUse(err) || !strings.Contains(err.Error(), "UDP port") {
		t.Errorf("a second OpenPacket: %v", err)
	}
	if _, err := Open("192.0.2.1:0", Options{}); err == nil || !strings.Contains(err.Error(), "no address 192.0.2.1") {
		t.Errorf("Open of somebody else's address: %v", err)
	}
}

func TestOpenAll(t *testing.T) {
	if six, err := Open("[::1]:0", Options{}); err != nil {
		t.Skip("no IPv6:", err)
	} else {
		_ = six.Close()
	}
	free, err := Open("0", Options{})
	if err != nil {
		t.Fatal(err)
	}
	_ = free.Close()
	_, port, _ := net.SplitHostPort(free.Addr().String())
	ls, err := OpenAll([]string{port, "[::]:" + port}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range ls {
		_ = l.Close()
	}
	if _, err := OpenAll([]string{port, "127.0.0.1:" + port, "nonsense"}, Options{}); !errors.Is(err, ErrAddress) {
		t.Error(err)
	}
	busy := local(t, Options{})
	if _, err := OpenAll([]string{port, busy.Addr().String()}, Options{}); !inUse(err) {
		t.Error(err)
	}
	again, err := Open(port, Options{})
	if err != nil {
		t.Fatal("OpenAll that failed has left a socket open:", err)
	}
	if err := errors.Join(again.Close(), again.Close()); err != nil {
		t.Error("Close twice:", err)
	}
}

func TestAddrOf(t *testing.T) {
	mapped := &net.TCPAddr{IP: net.ParseIP("::ffff:192.0.2.7"), Port: 1}
	if got := addrOf(mapped); got != netip.MustParseAddr("192.0.2.7") {
		t.Error(got)
	}
	if got := addrOf(&net.UnixAddr{}); got.IsValid() {
		t.Error(got)
	}
}
