package relay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// patience is for what must come in the end, on however busy a machine.
const patience = 20 * time.Second

// listenUDP opens a socket that ends with the test. Nothing waits on it for ever.
func listenUDP(t testing.TB) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(conn.SetReadBuffer(socketBuffer), conn.SetDeadline(time.Now().Add(3*patience))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// sink is a server that keeps what comes.
type sink struct {
	*net.UDPConn

	// Guarded by mu.
	mu   sync.Mutex
	got  []arrival      // since start
	from netip.AddrPort // of the last
}

var start = time.Now()

func newSink(t testing.TB) *sink {
	t.Helper()
	s := &sink{UDPConn: listenUDP(t)}
	ended := make(chan struct{})
	t.Cleanup(func() {
		s.Close()
		<-ended
	})
	go func() {
		defer close(ended)
		buf := make([]byte, maxPacket)
		for {
			n, from, err := s.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			s.mu.Lock()
			a := arrival{at: time.Since(start), data: slices.Clone(buf[:n])}
			if n >= 4 {
				a.n = int(binary.BigEndian.Uint32(buf))
			}
			s.got, s.from = append(s.got, a), from
			s.mu.Unlock()
		}
	}()
	return s
}

func (s *sink) list() []arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// answer sends to where the last packet came from.
func (s *sink) answer(data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.WriteToUDPAddrPort(data, s.from)
	return err
}

// wait returns what came once it is n packets.
func (s *sink) wait(t testing.TB, n int) []arrival {
	t.Helper()
	eventually(t, func() error {
		if got := len(s.list()); got < n {
			return fmt.Errorf("%d of %d packets came", got, n)
		}
		return nil
	})
	return s.list()
}

func eventually(t testing.TB, check func() error) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// client is a socket that sends to a relay.
type client struct {
	*net.UDPConn
	t testing.TB
}

func dial(t testing.TB, r *Relay) client {
	t.Helper()
	to, err := net.ResolveUDPAddr("udp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.DialUDP("udp", nil, to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return client{conn, t}
}

func (c client) send(data []byte) {
	c.t.Helper()
	if _, err := c.Write(data); err != nil {
		c.t.Fatal(err)
	}
}

func (c client) receive() string {
	c.t.Helper()
	buf := make([]byte, maxPacket)
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	n, err := c.Read(buf)
	if err != nil {
		c.t.Fatal(err)
	}
	return string(buf[:n])
}

// pour sends n packets of size bytes through a relay, never many more than it and the server
// have taken, so that no socket overflows. It returns what came once all is at rest.
func pour(t testing.TB, r *Relay, s *sink, n, size int) []arrival {
	t.Helper()
	const ahead = 128
	c := dial(t, r)
	settled := func(least int) func() error {
		return func() error {
			up, _ := r.Counts()
			came := up.Passed.Packets - up.Duplicated.Packets + up.Lost.Packets + up.Overflowed.Packets + up.Filtered.Packets
			s.mu.Lock()
			defer s.mu.Unlock()
			if behind := up.Passed.Packets - len(s.got); came < least || behind > n-least {
				return fmt.Errorf("%d of %d packets came to the relay, and %d of its %d to the server", came, least, len(s.got), up.Passed.Packets)
			}
			return nil
		}
	}
	for i := range n {
		c.send(numbered(i, size))
		if i%32 == 0 && i > ahead {
			eventually(t, settled(i-ahead))
		}
	}
	eventually(t, settled(n))
	return s.list()
}

func TestFairWeather(t *testing.T) {
	const n, size = 20_000, 1316
	s := newSink(t)
	r := New(t, s.LocalAddr().String(), Weather{}, Weather{})
	got := pour(t, r, s, n, size)
	for i, a := range got {
		if a.n != i || len(a.data) != size {
			t.Fatalf("the %dth is packet %d of %d bytes", i, a.n, len(a.data))
		}
	}
	if up, _ := r.Counts(); len(got) != n || up != (Count{Passed: Tally{n, n * size}}) {
		t.Errorf("%d came, counts %+v", len(got), up)
	}
}

func TestFairWeatherDown(t *testing.T) {
	const n = 5000
	server := listenUDP(t)
	r := New(t, server.LocalAddr().String(), Weather{}, Weather{})
	c := dial(t, r)
	if err := c.SetReadBuffer(socketBuffer); err != nil {
		t.Fatal(err)
	}
	c.send([]byte("hello"))
	_, from, err := server.ReadFromUDPAddrPort(make([]byte, 10))
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if _, err := server.WriteToUDPAddrPort(numbered(i, 1000), from); err != nil {
			t.Fatal(err)
		}
		if i < 100 {
			continue // a hundred are on their way at any time
		}
		if got := c.receive(); got != string(numbered(i-100, 1000)) {
			t.Fatalf("packet %d is not the next", i-100)
		}
	}
}

func TestLossOnSockets(t *testing.T) {
	const n = 10_000
	var before []int
	var count Count
	for range 2 {
		s := newSink(t)
		r := New(t, s.LocalAddr().String(), Weather{Loss: .05, Seed: 42}, Weather{})
		got := numbers(pour(t, r, s, n, 100))
		up, _ := r.Counts()
		if up.Lost.Packets != n-len(got) || up.Lost.Packets < 400 || up.Lost.Packets > 600 { // 5 sigma are 109
			t.Errorf("%d came, counts %+v", len(got), up)
		}
		if before != nil && (count != up || !slices.Equal(before, got)) {
			t.Errorf("counts %+v after %+v with the same seed", up, count)
		}
		before, count = got, up
	}
}

func TestMishapsOnSockets(t *testing.T) {
	const n, size = 3000, 40
	s := newSink(t)
	w := Weather{Loss: .1, Burst: 5, Reorder: .1, Duplicate: .1, Jitter: time.Millisecond, Seed: 9}
	r := New(t, s.LocalAddr().String(), w, w)
	got := numbers(pour(t, r, s, n, size))
	up, _ := r.Counts()
	if len(got) != up.Passed.Packets || slices.IsSorted(got) {
		t.Errorf("%d came, sorted %v, counts %+v", len(got), slices.IsSorted(got), up)
	}
	for _, tally := range []Tally{up.Lost, up.Reordered, up.Duplicated} {
		if tally.Packets < n/20 || tally.Packets > n/5 || tally.Bytes != tally.Packets*size {
			t.Errorf("counts %+v", up)
		}
	}
	slices.Sort(got)
	if different := len(slices.Compact(got)); different != n-up.Lost.Packets {
		t.Errorf("%d different ones came, counts %+v", different, up)
	}
}

func TestCorruptOnSockets(t *testing.T) {
	const n, size = 500, 30
	s := newSink(t)
	r := New(t, s.LocalAddr().String(), Weather{Corrupt: 1}, Weather{})
	for i, a := range pour(t, r, s, n, size) {
		flipped := 0
		for k, b := range numbered(i, size) {
			flipped += bits.OnesCount8(b ^ a.data[k])
		}
		if flipped != 1 {
			t.Fatalf("packet %d: %d bits flipped", i, flipped)
		}
	}
}

func TestDelayOnSockets(t *testing.T) {
	const n, delay, jitter = 100, 50 * time.Millisecond, 20 * time.Millisecond
	s := newSink(t)
	r := New(t, s.LocalAddr().String(), Weather{Delay: delay, Jitter: jitter}, Weather{})
	c := dial(t, r)
	var sent [n]time.Duration
	for i := range n {
		sent[i] = time.Since(start)
		c.send(numbered(i, 10))
		time.Sleep(time.Millisecond)
	}
	for i, a := range s.wait(t, n) {
		if d := a.at - sent[i]; a.n != i || d < delay || d > delay+jitter+5*time.Second {
			t.Errorf("the %dth is packet %d, after %v", i, a.n, d)
		}
	}
}

// The link is never faster than its rate. That it is not slower either only shows when the
// machine has time, so that may take some attempts.
func TestRateOnSockets(t *testing.T) {
	const n, size, rate = 200, 1000, 3_200_000 // half a second
	var took time.Duration
	for range 10 {
		s := newSink(t)
		r := New(t, s.LocalAddr().String(), Weather{Rate: rate}, Weather{})
		c := dial(t, r)
		before := time.Since(start)
		for i := range n {
			c.send(numbered(i, size))
		}
		got := s.wait(t, n)
		took = got[n-1].at - before
		if took < 500*time.Millisecond {
			t.Fatalf("faster than its rate: %v", took)
		}
		if took < 550*time.Millisecond {
			return
		}
	}
	t.Errorf("slower than its rate: %v in the last attempt", took)
}

func TestQueueOverflows(t *testing.T) {
	const n, size = 50, 1000
	s := newSink(t)
	r := New(t, s.LocalAddr().String(), Weather{Rate: 8, Queue: 10 * size}, Weather{})
	c := dial(t, r)
	for i := range n {
		c.send(numbered(i, size))
	}
	eventually(t, func() error {
		if up, _ := r.Counts(); up != (Count{Overflowed: Tally{n - 10, (n - 10) * size}}) {
			return fmt.Errorf("counts %+v", up)
		}
		return nil
	})
	r.Set(Weather{}, Weather{})
	if got := numbers(s.wait(t, 10)); !slices.Equal(got, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
		t.Errorf("%v came", got)
	}
}

func TestSet(t *testing.T) {
	s := newSink(t)
	r := New(t, s.LocalAddr().String(), Weather{}, Weather{})
	c := dial(t, r)
	c.send(numbered(1, 4))
	s.wait(t, 1)
	r.Set(Weather{Loss: 1}, Weather{})
	c.send(numbered(2, 4))
	eventually(t, func() error {
		if up, _ := r.Counts(); up.Lost.Packets != 1 {
			return errors.New("nothing lost")
		}
		return nil
	})
	r.Set(Weather{Delay: 30 * time.Millisecond}, Weather{})
	before := time.Since(start)
	c.send(numbered(3, 4))
	got := s.wait(t, 2)
	if d := got[1].at - before; d < 30*time.Millisecond || !slices.Equal(numbers(got), []int{1, 3}) {
		t.Errorf("%v came, the last after %v", numbers(got), d)
	}
}

func TestFilter(t *testing.T) {
	const n = 100
	s := newSink(t)
	r := New(t, s.LocalAddr().String(), Weather{}, Weather{})
	calls := 0 // no lock: calls come one at a time
	r.Filter(func(up bool, packet []byte) bool {
		calls++
		r.Counts()
		return up && packet[3]%2 == 0
	})
	got := numbers(pour(t, r, s, n, 4))
	if len(got) != n/2 || slices.ContainsFunc(got, func(n int) bool { return n%2 != 0 }) {
		t.Errorf("%v came", got)
	}
	if err := s.answer(numbered(0, 4)); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		up, down := r.Counts()
		if up.Filtered != (Tally{n / 2, n * 2}) || down != (Count{Filtered: Tally{1, 4}}) {
			return fmt.Errorf("counts %+v, %+v", up, down)
		}
		return nil
	})
	r.Filter(nil)
	dial(t, r).send(numbered(1, 4))
	s.wait(t, n/2+1)
	if calls != n+1 {
		t.Errorf("%d calls", calls)
	}
}

// Each client has its own way back, and strangers have none.
func TestClients(t *testing.T) {
	server := listenUDP(t)
	r := New(t, server.LocalAddr().String(), Weather{}, Weather{})
	clients := []client{dial(t, r), dial(t, r), dial(t, r)}
	names := map[string]netip.AddrPort{}
	for i, c := range clients {
		c.send(fmt.Appendf(nil, "client %d", i))
		buf := make([]byte, 100)
		n, from, err := server.ReadFromUDPAddrPort(buf)
		if err != nil {
			t.Fatal(err)
		}
		names[string(buf[:n])] = from
	}
	stranger := listenUDP(t)
	for name, to := range names {
		if _, err := stranger.WriteToUDPAddrPort([]byte("from a stranger"), to); err != nil {
			t.Fatal(err)
		}
		for k := range 10 {
			if _, err := server.WriteToUDPAddrPort(fmt.Appendf(nil, "to %s, %d", name, k), to); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, c := range clients {
		for k := range 10 {
			if got, want := c.receive(), fmt.Sprintf("to client %d, %d", i, k); got != want {
				t.Errorf("client %d received %q, want %q", i, got, want)
			}
		}
	}
	if _, down := r.Counts(); down.Passed.Packets != 30 {
		t.Errorf("counts %+v", down)
	}
}

// watched is a test that may fail.
type watched struct {
	testing.TB
	failed atomic.Bool
}

func (w *watched) Error(...any) { w.failed.Store(true) }

func TestClientsAreBounded(t *testing.T) {
	s := newSink(t)
	w := &watched{TB: t}
	r := New(w, s.LocalAddr().String(), Weather{}, Weather{})
	for i := range maxClients {
		dial(t, r).send(numbered(i, 4))
		s.wait(t, i+1)
	}
	if w.failed.Load() {
		t.Error("a client too few")
	}
	dial(t, r).send(numbered(maxClients, 4))
	eventually(t, func() error {
		if !w.failed.Load() {
			return errors.New("a client too many")
		}
		return nil
	})
}

// A server that is not there yet costs what is sent to it, and nothing after.
func TestServerComesLater(t *testing.T) {
	gone := listenUDP(t)
	addr := gone.LocalAddr().(*net.UDPAddr)
	gone.Close()
	r := New(t, addr.String(), Weather{}, Weather{})
	c := dial(t, r)
	for range 10 {
		c.send([]byte("anybody?"))
	}
	eventually(t, func() error {
		if up, _ := r.Counts(); up.Passed.Packets != 10 {
			return fmt.Errorf("counts %+v", up)
		}
		return nil
	})
	time.Sleep(10 * time.Millisecond) // the last may be counted and not sent
	server, err := net.ListenUDP("udp", addr)
	if err != nil {
		t.Skip("somebody took the port:", err)
	}
	defer server.Close()
	c.send([]byte("hello"))
	buf := make([]byte, 100)
	if n, _, err := server.ReadFromUDPAddrPort(buf); err != nil || string(buf[:n]) != "hello" {
		t.Errorf("%q, %v", buf[:n], err)
	}
}

// Of a pair, each relay has its own server, and the ports are as RTP wants them.
func TestPair(t *testing.T) {
	var server *net.UDPConn
	var second *net.UDPConn
	for second == nil {
		server = listenUDP(t)
		next := net.UDPAddrFromAddrPort(server.LocalAddr().(*net.UDPAddr).AddrPort())
		next.Port++
		var err error
		if second, err = net.ListenUDP("udp", next); err == nil {
			t.Cleanup(func() { second.Close() })
		}
	}
	even, odd := NewPair(t, server.LocalAddr().String(), Weather{}, Weather{})
	a, b := even.front.LocalAddr().(*net.UDPAddr).Port, odd.front.LocalAddr().(*net.UDPAddr).Port
	if a%2 != 0 || b != a+1 {
		t.Errorf("ports %d and %d", a, b)
	}
	for r, to := range map[*Relay]*net.UDPConn{even: server, odd: second} {
		dial(t, r).send([]byte(r.Addr()))
		buf := make([]byte, 100)
		if n, _, err := to.ReadFromUDPAddrPort(buf); err != nil || string(buf[:n]) != r.Addr() {
			t.Errorf("%s came, %v", buf[:n], err)
		}
	}
}

func TestAddresses(t *testing.T) {
	for server, want := range map[string]string{
		":9000":          "127.0.0.1:9000",
		"0.0.0.0:9000":   "127.0.0.1:9000",
		"[::]:9000":      "127.0.0.1:9000",
		"127.0.0.2:9000": "127.0.0.2:9000",
		"[::1]:9000":     "[::1]:9000",
	} {
		if got, err := resolve(server); err != nil || got.String() != want {
			t.Errorf("%s: %v, %v", server, got, err)
		}
	}
	if _, err := resolve("nowhere"); err == nil {
		t.Error("no error for an address without a port")
	}
}

func TestNothingIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("work", func(t *testing.T) {
		server := listenUDP(t)
		w := Weather{Delay: time.Hour, Reorder: .5, Rate: 1000}
		r := New(t, server.LocalAddr().String(), w, w)
		for i := range 20 {
			c := dial(t, r)
			for range 10 {
				c.send(numbered(i, 100))
			}
		}
	})
	eventually(t, func() error {
		if n := runtime.NumGoroutine(); n > before {
			stacks := make([]byte, 1<<16)
			return fmt.Errorf("%d goroutines more\n%s", n-before, stacks[:runtime.Stack(stacks, true)])
		}
		return nil
	})
}

// TestSend puts packets on their way for either side, past the rule.
func TestSend(t *testing.T) {
	server := newSink(t)
	r := New(t, server.LocalAddr().String(), Weather{}, Weather{})
	r.Send(true, []byte("to nobody"))
	client := listenUDP(t)
	to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(r.Addr()))
	if _, err := client.WriteToUDP([]byte("hello"), to); err != nil {
		t.Fatal(err)
	}
	for len(server.list()) == 0 {
		runtime.Gosched()
	}
	r.Filter(func(bool, []byte) bool { return false })
	r.Send(true, []byte("up"))
	r.Send(false, []byte("down"))
	buf := make([]byte, 10)
	n, from, err := client.ReadFromUDP(buf)
	if err != nil || string(buf[:n]) != "down" || from.String() != r.Addr() {
		t.Errorf("%q from %s, %v", buf[:n], from, err)
	}
	for end := time.Now().Add(patience); len(server.list()) < 2 && time.Now().Before(end); {
		runtime.Gosched()
	}
	if got := server.list(); len(got) != 2 || string(got[1].data) != "up" {
		t.Errorf("%d packets came", len(got))
	}
}
