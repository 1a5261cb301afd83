package webrtc

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

// TestBurst sends packets of several sizes at one go, and has each come whole, in order, and those that are no media at once.
func TestBurst(t *testing.T) {
	from, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	to, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	mux := newUDPMux(newLobby(), []*net.UDPConn{from})
	defer mux.Close()
	w := mux.lobby.newCable("u", udp4, from.LocalAddr(), &mux.free)
	at := to.LocalAddr().(*net.UDPAddr).AddrPort()
	w.meet(at, &socket{conn: from})
	var u burst
	u.hold()
	var want [][]byte
	send := func(first byte, size int) []byte {
		b := bytes.Repeat([]byte{byte(len(want) + 1)}, size)
		b[0] = first
		if n, err := u.write(w, b, at); n != size || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		return b
	}
	for _, size := range []int{1200, 1200, 1200, 700, 1200, 90, 91, 91, 91} {
		want = append(want, send(0x80, size))
	}
	for range maxBurst + 3 {
		want = append(want, send(0x80, 200))
	}
	at1 := send(20, 50) // of the handshake, which overtakes what is held
	u.flush()
	var got [][]byte
	b := make([]byte, 2000)
	for range len(want) + 1 {
		_ = to.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, err := to.Read(b)
		if err != nil {
			t.Fatalf("after %d packets: %v", len(got), err)
		}
		if c := bytes.Clone(b[:n]); c[0] != 20 {
			got = append(got, c)
		} else if !bytes.Equal(c, at1) || len(got) == len(want) {
			t.Errorf("the packet that is no media came as %d bytes, behind %d", n, len(got))
		}
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("packet %d: %d bytes of %d, want %d of %d", i, len(got[i]), got[i][1], len(want[i]), want[i][1])
		}
	}
	_ = w.Close()
	if err := w.WriteSeveral([]byte{1}, 1, at); err == nil {
		t.Error("a cable that is closed sends")
	}
}

// TestBurstWithoutSegments has packets sent one by one where the system does not cut them.
func TestBurstWithoutSegments(t *testing.T) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s := &socket{conn: conn}
	s.vain.Store(maxVain)
	if err := s.several(bytes.Repeat([]byte{1}, 250), 100, conn.LocalAddr().(*net.UDPAddr).AddrPort()); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 300)
	for _, want := range []int{100, 100, 50} {
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		if n, err := conn.Read(b); n != want || err != nil {
			t.Fatalf("%d bytes, %v; want %d", n, err, want)
		}
	}
}

// nowhere takes packets and does nothing with them.
type nowhere struct{ n int }

func (w *nowhere) ReadFromAddrPort([]byte) (int, netip.AddrPort, error) {
	return 0, netip.AddrPort{}, errors.ErrUnsupported
}
func (w *nowhere) WriteToAddrPort(b []byte, _ netip.AddrPort) (int, error) { w.n++; return len(b), nil }
func (w *nowhere) WriteSeveral(b []byte, size int, _ netip.AddrPort) error {
	w.n += (len(b) + size - 1) / size
	return nil
}

// BenchmarkBurst gathers the packets of a picture.
func BenchmarkBurst(b *testing.B) {
	var u burst
	w, at, packet := &nowhere{}, netip.MustParseAddrPort("127.0.0.1:9"), make([]byte, 1228)
	packet[0] = 0x80
	b.ReportAllocs()
	for b.Loop() {
		u.hold()
		for range 4 {
			_, _ = u.write(w, packet, at)
		}
		u.flush()
	}
}
