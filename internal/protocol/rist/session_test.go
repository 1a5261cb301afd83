package rist

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is for what must come in the end, on however busy a machine.
const patience = 20 * time.Second

func eventually(t testing.TB, check func() error) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// listenOn starts a receiver that ends with the test.
func listenOn(t testing.TB, o Options) *Receiver {
	t.Helper()
	r, err := Listen("127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func dialTo(t testing.TB, addr string, o Options) *Sender {
	t.Helper()
	s, err := Dial(addr, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// reader collects what a receiver hands on.
type reader struct {
	mu      sync.Mutex
	packets []Packet
	ends    []error
	all     sync.WaitGroup
}

func readAll(t testing.TB, r *Receiver) *reader {
	d := &reader{}
	d.all.Go(func() {
		for {
			p, err := r.ReadPacket()
			d.mu.Lock()
			if err != nil {
				d.ends = append(d.ends, err)
			} else {
				d.packets = append(d.packets, p)
			}
			d.mu.Unlock()
			if errors.Is(err, io.EOF) {
				return
			}
		}
	})
	t.Cleanup(func() {
		r.Close()
		d.all.Wait()
	})
	return d
}

// numbers are what has come, by the numbers in it.
func (d *reader) numbers() (got []int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.packets {
		got = append(got, numberIn(p.Data))
	}
	return got
}

func (d *reader) end() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.ends) == 0 {
		return nil
	}
	return d.ends[len(d.ends)-1]
}

// wait waits for n packets.
func (d *reader) wait(t testing.TB, n int) []Packet {
	t.Helper()
	eventually(t, func() error {
		if got := d.numbers(); len(got) < n {
			return errors.New("too few packets came")
		}
		return nil
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.packets
}

// raw is a socket that says what it is told to, to one port of a receiver.
func raw(t testing.TB, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func say(t testing.TB, conn *net.UDPConn, b []byte) {
	t.Helper()
	if _, err := conn.Write(b); err != nil && !strings.Contains(err.Error(), "refused") {
		t.Fatal(err)
	}
}

func controlOf(r *Receiver) netip.AddrPort {
	return netip.AddrPortFrom(r.Addr().Addr(), r.Addr().Port()+1)
}

func TestPass(t *testing.T) {
	const n = 500
	r := listenOn(t, Options{})
	d := readAll(t, r)
	s := dialTo(t, r.Addr().String(), Options{})
	before := now()
	for i := range n {
		if err := s.WritePacket(ts(i)); err != nil {
			t.Fatal(err)
		}
		if i%50 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	for i, p := range d.wait(t, n) {
		if numberIn(p.Data) != i || p.Lost != 0 || p.First != (i == 0) || len(p.Data) != MaxPayload || p.At < int64(before) || !p.From.Addr().IsLoopback() {
			t.Fatalf("the %dth is %d: %+v", i, numberIn(p.Data), p.At)
		}
	}
	eventually(t, func() error {
		if a, b := s.Stats(), r.Stats(); s.Heard() == 0 || a.RTT == 0 || b.RTT == 0 {
			return errors.New("the ends do not know their round trip")
		}
		return nil
	})
	if st := r.Stats(); st.Packets != n || st.Bytes != n*MaxPayload || st.Lost+st.Foreign+st.Malformed+st.Duplicates != 0 {
		t.Errorf("%+v", st)
	}
	if st := s.Stats(); st.Packets != n || st.Bytes != n*MaxPayload || st.Foreign+st.Malformed != 0 || st.RTT > time.Second {
		t.Errorf("%+v", st)
	}
	s.Close()
	eventually(t, func() error {
		if !errors.Is(d.end(), ErrBye) {
			return errors.New("the sender's goodbye was not heard")
		}
		return nil
	})
	if r.Heard() != 0 {
		t.Error("who has left is heard")
	}
}

func TestPorts(t *testing.T) {
	if _, err := Listen("127.0.0.1:5001", Options{}); err == nil || !strings.Contains(err.Error(), "odd") {
		t.Errorf("an odd port: %v", err)
	}
	r := listenOn(t, Options{})
	if r.Addr().Port()%2 != 0 {
		t.Errorf("port %d", r.Addr().Port())
	}
	if _, err := Listen(r.Addr().String(), Options{}); err == nil {
		t.Error("a port that is in use")
	}
	for _, addr := range []string{"127.0.0.1:5001", "127.0.0.1:0", ":5000", "nowhere", "127.0.0.1"} {
		if _, err := Dial(addr, Options{}); err == nil {
			t.Errorf("dialled %q", addr)
		}
	}
	for _, o := range []Options{{Buffer: -1}, {Buffer: time.Hour}, {Reorder: -1}, {Hold: -1}, {NACK: 7}, {CNAME: strings.Repeat("x", 256)}} {
		if _, err := Listen("127.0.0.1:0", o); err == nil {
			t.Errorf("listened with %+v", o)
		}
		if _, err := Dial("127.0.0.1:5000", o); err == nil {
			t.Errorf("dialled with %+v", o)
		}
	}
}

// A receiver on all addresses is reached over either family.
func TestFamilies(t *testing.T) {
	r, err := Listen(":0", Options{Hold: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	d := readAll(t, r)
	for i, host := range []string{"127.0.0.1", "::1"} {
		to := netip.AddrPortFrom(netip.MustParseAddr(host), r.Addr().Port())
		s := dialTo(t, to.String(), Options{})
		if err := s.WritePacket(ts(i)); err != nil {
			t.Skip(err) // no IPv6
		}
		d.wait(t, i+1)
		eventually(t, func() error {
			if s.Heard() == 0 {
				return errors.New("no answer over " + host)
			}
			return nil
		})
		s.Close()
		eventually(t, func() error {
			if r.Heard() != 0 {
				return errors.New("no goodbye over " + host)
			}
			return nil
		})
	}
}

func TestPayloads(t *testing.T) {
	s := dialTo(t, "127.0.0.1:5000", Options{})
	for name, b := range map[string][]byte{
		"nothing": nil, "a part": ts(1)[:100], "eight": append(ts(1), ts(2)[:cell]...), "no TS": make([]byte, cell),
	} {
		if err := s.WritePacket(b); !errors.Is(err, ErrPayload) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.Close()
	if err := s.WritePacket(ts(1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestClose(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 10 {
		r := listenOn(t, Options{})
		s := dialTo(t, r.Addr().String(), Options{})
		done := make(chan error)
		go func() {
			for {
				if _, err := r.ReadPacket(); err != nil && !errors.Is(err, ErrBye) {
					done <- err
					return
				}
			}
		}()
		if err := s.WritePacket(ts(1)); err != nil {
			t.Fatal(err)
		}
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				if err := errors.Join(r.Close(), s.Close()); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		if err := <-done; !errors.Is(err, io.EOF) {
			t.Errorf("ReadPacket: %v", err)
		}
		if _, err := r.ReadPacket(); !errors.Is(err, io.EOF) {
			t.Errorf("ReadPacket again: %v", err)
		}
	}
	eventually(t, func() error {
		if n := runtime.NumGoroutine(); n > before {
			return errors.New("goroutines are left")
		}
		return nil
	})
}

// A receiver in a group hears who sends to it, and the sender hears the receiver.
func TestMulticast(t *testing.T) {
	group := fmt.Sprintf("239.195.%d.%d:5000", rand.IntN(256), rand.IntN(256))
	if _, err := Listen(group, Options{Interface: "nowhere0"}); err == nil {
		t.Error("an interface that is not there")
	}
	r, err := Listen(group, Options{})
	if err != nil {
		t.Skip(err) // no interface for it
	}
	d := readAll(t, r)
	s := dialTo(t, group, Options{})
	for deadline := time.Now().Add(3 * time.Second); len(d.numbers()) == 0; time.Sleep(10 * time.Millisecond) {
		if err := s.WritePacket(ts(1)); err != nil {
			t.Skip(err)
		}
		if time.Now().After(deadline) {
			t.Skip("no multicast here")
		}
	}
	eventually(t, func() error {
		if s.Heard() == 0 {
			return errors.New("the sender is not answered")
		}
		return nil
	})
}
