package listen

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/pires/go-proxyproto"
)

var (
	loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	client   = &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 4711}
	server   = &net.TCPAddr{IP: net.IPv4(198, 51, 100, 1), Port: 1935}
)

func header(t testing.TB, version byte, command proxyproto.ProtocolVersionAndCommand) string {
	t.Helper()
	h := proxyproto.HeaderProxyFromAddrs(version, client, server)
	h.Command = command
	b, err := h.Format()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// whoami answers with who the peer seems to be, and all that it says.
func whoami(_ context.Context, c net.Conn) {
	_, _ = io.WriteString(c, c.RemoteAddr().String()+" ")
	_, _ = io.Copy(c, c)
}

func TestProxy(t *testing.T) {
	j := &journal{}
	l := local(t, Options{Proxy: func() []netip.Prefix { return loopback }, Log: j.log()})
	start(t, l, whoami)
	for name, h := range map[string]string{
		"version 1": header(t, 1, proxyproto.PROXY),
		"version 2": header(t, 2, proxyproto.PROXY),
		"mapped":    "PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.1 4711 1935\r\n",
	} {
		if got := say(t, l.Addr(), h+"hello"); got != "192.0.2.7:4711 hello" {
			t.Errorf("%s: %q", name, got)
		}
	}
	for name, h := range map[string]string{
		"version 1 unknown": "PROXY UNKNOWN\r\n",
		"version 2 local":   header(t, 2, proxyproto.LOCAL),
	} {
		if got := say(t, l.Addr(), h+"hello"); !strings.HasPrefix(got, "127.0.0.1:") || !strings.HasSuffix(got, " hello") {
			t.Errorf("%s: %q", name, got)
		}
	}
	for name, h := range map[string]string{
		"nothing":    "",
		"no header":  "\x03hello",
		"nonsense":   "PROXY TCP4 everybody knows 1 2\r\n",
		"no newline": "PROXY TCP4 " + strings.Repeat("1", 200),
	} {
		if got := say(t, l.Addr(), h); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := j.String(); strings.Count(got, "\n") != 4 || strings.Count(got, "PROXY header") != 4 {
		t.Error(got)
	}
}

func TestProxyOnlyFromTrusted(t *testing.T) {
	for name, trusted := range map[string][]netip.Prefix{
		"off":     nil,
		"another": {netip.MustParsePrefix("10.0.0.0/8")},
	} {
		l := local(t, Options{Proxy: func() []netip.Prefix { return trusted }})
		start(t, l, whoami)
		h := header(t, 1, proxyproto.PROXY)
		if got := say(t, l.Addr(), h); !strings.HasPrefix(got, "127.0.0.1:") || !strings.HasSuffix(got, h) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestProxyLimit: the limit per ip counts the clients, not their proxy.
func TestProxyLimit(t *testing.T) {
	limit := NewLimit(nil, func() int { return 1 }, (&journal{}).log())
	l := local(t, Options{Proxy: func() []netip.Prefix { return loopback }, Limit: limit})
	start(t, l, whoami)
	hold := func(ip string) error {
		c := dial(t, l.Addr())
		_, _ = io.WriteString(c, "PROXY TCP4 "+ip+" 198.51.100.1 1 1935\r\n")
		_, err := io.ReadFull(c, []byte{0})
		return err
	}
	if err := errors.Join(hold("192.0.2.1"), hold("192.0.2.2")); err != nil {
		t.Fatal(err)
	}
	if err := hold("192.0.2.1"); err == nil {
		t.Error("a second connection of one client is let in")
	}
	if n := limit.CountIP(netip.MustParseAddr("192.0.2.2")); n != 1 {
		t.Error(n)
	}
}

func TestReadProxyTruncated(t *testing.T) {
	for _, version := range []byte{1, 2} {
		wire := header(t, version, proxyproto.PROXY)
		for n := range wire {
			ours, theirs := net.Pipe()
			go func() {
				_, _ = io.WriteString(theirs, wire[:n])
				_ = theirs.Close()
			}()
			if from, _, _, err := readProxy(ours); !errors.Is(err, ErrProxy) {
				t.Errorf("version %d cut at %d: %v, %v", version, n, from, err)
			}
			_ = ours.Close()
		}
	}
}

func TestReadProxySilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		if _, _, _, err := readProxy(ours); !errors.Is(err, ErrProxy) || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
	})
}

// TestConnLazily: a listener that is used without Serve reads the header too.
func TestConnLazily(t *testing.T) {
	l := local(t, Options{Proxy: func() []netip.Prefix { return loopback }})
	c := dial(t, l.Addr())
	_, _ = io.WriteString(c, header(t, 2, proxyproto.PROXY)+"hello")
	_ = c.CloseWrite()
	got, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	if got.LocalAddr().String() != server.String() || got.RemoteAddr().String() != client.String() {
		t.Error(got.LocalAddr(), got.RemoteAddr())
	}
	var b strings.Builder
	if _, err := io.Copy(&b, got); b.String() != "hello" || err != nil {
		t.Error(b.String(), err)
	}
}
