package webrtc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/config"
)

// TestUDPFlood has nothing left of who is no client: neither of checks, nor of DTLS, nor of anything else.
func TestUDPFlood(t *testing.T) {
	v := listening(t, &config.RTCServer{Enabled: true, Listen: []string{"127.0.0.1:0"}, Reuseport: 1, ECDSA: true})
	w, err := v.udp.GetConn("known", v.udp.GetListenAddresses()[0])
	if err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	from := func(i int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 4711)
	}
	hello := append([]byte{22, 254, 253}, make([]byte, 200)...)
	offered := 0
	var d datagram
	for i := range 100_000 {
		for _, b := range [][]byte{hello, {0x80, 96, 0, 1}, buildUnknown(i)} {
			d.n, d.from = copy(d.b[:], b), from(i)
			if v.udp.route(&d, nil) != nil {
				offered++
			}
		}
	}
	known := buildCheck(t, "known:x", "p")
	for i := range 10_000 { // who knows the name, and not the password
		d.n, d.from = copy(d.b[:], known), from(i)
		v.udp.route(&d, nil)
	}
	cable := w.(*cable)
	if n := runtime.NumGoroutine(); offered > 0 || v.lobby.count() != 1 || len(v.udp.cables) != 0 || len(cable.peers) > maxPeers || n > before {
		t.Errorf("%d packets handed over, %d guests, %d addresses, %d peers, %d goroutines more", offered, v.lobby.count(), len(v.udp.cables), len(cable.peers), n-before)
	}
	_ = w.Close()
	if v.lobby.count() != 0 {
		t.Error("a guest stays")
	}
}

// buildUnknown makes a check of nobody's.
func buildUnknown(i int) []byte {
	b := append([]byte{0, 1, 0, 16, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...)
	b = append(b, 0, 6, 0, 10)
	return append(fmt.Appendf(b, "u%07d:", i), 'x', 0, 0)
}

// TestCable holds how packets find their client: checks by its name, all else by the address that was proven last.
func TestCable(t *testing.T) {
	v := listening(t, &config.RTCServer{Enabled: true, Listen: []string{"127.0.0.1:0"}, Reuseport: 1, ECDSA: true})
	client, err := net.DialUDP("udp", nil, v.sockets[0].LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	local := v.udp.GetListenAddresses()[0]
	cables := map[string]*cable{}
	for _, name := range []string{"first", "second"} {
		w, err := v.udp.GetConn(name, local)
		if err != nil {
			t.Fatal(err)
		}
		cables[name] = w.(*cable)
	}
	b := make([]byte, receiveMTU)
	send := func(name string, packet []byte) {
		t.Helper()
		if _, err := client.Write(packet); err != nil {
			t.Fatal(err)
		}
		n, from, err := cables[name].ReadFromAddrPort(b)
		if err != nil || string(b[:n]) != string(packet) {
			t.Fatalf("%s: %d bytes, %v", name, n, err)
		}
		yes := append([]byte{1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...)
		if isCheck(packet) {
			if _, err := cables[name].WriteToAddrPort(yes, from); err != nil {
				t.Fatal(err)
			}
			if n, err := client.Read(b); err != nil || n != len(yes) {
				t.Fatalf("%s: %d bytes of an answer, %v", name, n, err)
			}
		}
	}
	media := []byte{0x80, 96, 0, 1, 2, 3}
	send("first", buildCheck(t, "first:x", "p"))
	send("first", media)
	send("second", buildCheck(t, "second:x", "p")) // from the same address: a client behind NAT, or come again
	send("second", media)
	send("first", buildCheck(t, "first:x", "p"))
	send("first", media)
	_ = cables["first"].Close()
	if _, _, err := cables["first"].ReadFromAddrPort(b); !errors.Is(err, io.EOF) {
		t.Errorf("a closed one reads %v", err)
	}
	if _, err := cables["first"].WriteToAddrPort(media, netip.AddrPort{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a closed one writes %v", err)
	}
	if n := len(v.udp.cables); n != 0 {
		t.Errorf("%d addresses stay", n)
	}
}

// pipe is a connection with an address.
type pipe struct {
	net.Conn
	port int
}

func (p pipe) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: p.port} }

func framed(b []byte) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...) }

// TestTCPStrangers has connections dropped that do not say whose they are: at once where there are too many, else in time.
func TestTCPStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newTCPMux(newLobby(), 1)
		began, silent := time.Now(), make(chan time.Duration, maxStrangers+1)
		for i := range maxStrangers + 1 {
			ours, theirs := net.Pipe()
			go func() { m.serve(t.Context(), pipe{ours, i}); ours.Close() }()
			go func() {
				_, _ = theirs.Read(make([]byte, 1))
				silent <- time.Since(began)
			}()
			synctest.Wait()
		}
		for i := range maxStrangers + 1 {
			want := strangerWait
			if i == 0 {
				want = 0
			}
			if got := <-silent; got != want {
				t.Fatalf("number %d ends after %s", i, got)
			}
		}
		for name, packet := range map[string][]byte{
			"nobody's check": framed(buildCheck(t, "who:x", "p")), "no check": framed([]byte("hello")), "too long": {255, 255, 0, 1}, "empty, then rubbish": {0, 0, 0, 1, 7},
		} {
			ours, theirs := net.Pipe()
			go func() { m.serve(t.Context(), pipe{ours, 1}); ours.Close() }()
			go func() { _, _ = theirs.Write(packet) }()
			if _, err := theirs.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := len(m.strangers); n != 0 || m.lobby.count() != 0 {
			t.Errorf("%d strangers, %d guests stay", n, m.lobby.count())
		}
	})
}

// TestTCPSlow has a client that reads nothing block nobody: what is too much for it is lost, and after a while it is gone.
func TestTCPSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newTCPMux(newLobby(), 1)
		c, err := m.GetConnByUfrag("ours", false, net.IPv4(127, 0, 0, 1))
		if err != nil {
			t.Fatal(err)
		}
		w := c.(*cable)
		hung := make(chan struct{})
		m.lobby.watch("ours", &contact{strict: func() bool { return false }, left: func() { close(hung) }})
		ours, theirs := net.Pipe()
		served := make(chan struct{})
		go func() { m.serve(t.Context(), pipe{ours, 1}); ours.Close(); close(served) }()
		check := framed(buildCheck(t, "ours:x", "p"))
		for _, part := range [][]byte{check[:1], check[1:7], check[7:]} { // in pieces
			if _, err := theirs.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		b := make([]byte, receiveMTU)
		n, from, err := w.ReadFromAddrPort(b)
		if err != nil || n != len(check)-frameHead {
			t.Fatalf("%d bytes, %v", n, err)
		}
		yes := append([]byte{1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...)
		if _, err := w.WriteToAddrPort(yes, from); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(theirs, b[:frameHead+len(yes)]); err != nil || string(b[frameHead:frameHead+len(yes)]) != string(yes) {
			t.Fatalf("the answer is % x, %v", b[:frameHead+len(yes)], err)
		}
		began := time.Now()
		for range 2 * maxUnsent / 1000 {
			if n, err := w.WriteToAddrPort(b[:1000], from); n != 1000 || err != nil {
				t.Fatalf("%d bytes, %v", n, err)
			}
		}
		w.mu.Lock()
		via := w.peers[0].via.(*tcpWay)
		w.mu.Unlock()
		via.mu.Lock()
		waits := len(via.out)
		via.mu.Unlock()
		if waits > maxUnsent || time.Since(began) != 0 {
			t.Errorf("%d bytes wait, after %s", waits, time.Since(began))
		}
		<-served
		<-hung
		if got := time.Since(began); got != slowWrite {
			t.Errorf("it is gone after %s", got)
		}
		_ = w.Close()
		if m.lobby.count() != 0 {
			t.Error("a guest stays")
		}
	})
}
