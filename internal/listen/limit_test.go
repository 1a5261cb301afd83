package listen

import (
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestLimitCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		var total, perIP atomic.Int64
		number := func(n *atomic.Int64) func() int { return func() int { return int(n.Load()) } }
		l := NewLimit(number(&total), number(&perIP), j.log())
		a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
		var tickets [6]ticket
		enter := func(i int, ip netip.Addr, want bool) {
			t.Helper()
			if got := l.enter(&tickets[i], ip); got != want {
				t.Errorf("connection %d from %s: %v", i, ip, got)
			}
		}
		perIP.Store(2)
		enter(0, a, true)
		enter(1, a, true)
		enter(2, a, false)
		enter(3, b, true)
		total.Store(3) // a reload
		enter(4, b, false)
		if l.Count() != 3 || l.CountIP(a) != 2 || l.Refused() != 2 {
			t.Error(l.Count(), l.CountIP(a), l.Refused())
		}
		l.leave(&tickets[0])
		l.leave(&tickets[0])
		l.leave(&tickets[2]) // it never came in
		enter(4, netip.Addr{}, true)
		if !l.settle(&tickets[4], a) || l.settle(&tickets[5], a) {
			t.Error("settle does not count per ip")
		}
		for i := range tickets {
			l.leave(&tickets[i])
		}
		if l.settle(&tickets[4], b) {
			t.Error("a closed connection settles")
		}
		if l.Count() != 0 || len(l.ips) != 0 {
			t.Error("left over:", l.Count(), l.ips)
		}
		if j.String() != "" {
			t.Error("told before the second is over:", j)
		}
		time.Sleep(refusalsEvery)
		synctest.Wait()
		if got := j.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "refused=3") {
			t.Error(got)
		}
	})
}

func TestLimitIsShared(t *testing.T) {
	limit := NewLimit(func() int { return 2 }, nil, (&journal{}).log())
	one, two := local(t, Options{Limit: limit}), local(t, Options{Limit: limit})
	echo := func(_ context.Context, c net.Conn) { _, _ = io.Copy(c, c) }
	start(t, one, echo)
	start(t, two, echo)
	greet := func(addr net.Addr) (*net.TCPConn, error) {
		c := dial(t, addr)
		_, _ = c.Write([]byte{1})
		_, err := io.ReadFull(c, []byte{0})
		return c, err
	}
	a, err := greet(one.Addr())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := greet(two.Addr()); err != nil {
		t.Fatal(err)
	}
	for _, l := range []*Listener{one, two} {
		if _, err := greet(l.Addr()); err == nil {
			t.Error("a third connection is let in")
		}
	}
	if limit.Count() != 2 || limit.Refused() != 2 {
		t.Error(limit.Count(), limit.Refused())
	}
	_ = a.CloseWrite()
	if _, err := io.ReadAll(a); err != nil { // until the server has closed it
		t.Fatal(err)
	}
	if _, err := greet(one.Addr()); err != nil {
		t.Error("a place is free, but:", err)
	}
}

func TestNilLimit(t *testing.T) {
	var l *Limit
	if !l.enter(nil, netip.Addr{}) || !l.settle(nil, netip.Addr{}) || l.Count() != 0 || l.CountIP(netip.Addr{}) != 0 || l.Refused() != 0 {
		t.Error("a nil Limit refuses")
	}
	l.leave(nil)
}
