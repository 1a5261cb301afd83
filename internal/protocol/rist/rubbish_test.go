package rist

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

// Rubbish on either port, and RTCP of strangers, disturb nothing.
func TestRubbish(t *testing.T) {
	const n = 200
	r := listenOn(t, Options{})
	d := readAll(t, r)
	s := dialTo(t, r.Addr().String(), Options{})
	media, control := raw(t, r.Addr()), raw(t, controlOf(r))
	stranger := speaker{0xdead, "stranger"}
	for i := range n {
		if err := s.WritePacket(ts(i)); err != nil {
			t.Fatal(err)
		}
		for _, conn := range []*net.UDPConn{media, control} {
			say(t, conn, []byte("rubbish"))
			say(t, conn, stranger.bye(stranger.receiver()))
			say(t, conn, newPacket(uint32(i)*2, uint16(i), false, ts(100000)))
			say(t, conn, nil)
		}
		if i%10 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	for i, p := range d.wait(t, n) {
		if numberIn(p.Data) != i {
			t.Fatalf("the %dth is %d", i, numberIn(p.Data))
		}
	}
	if st := r.Stats(); st.Foreign == 0 || st.Malformed == 0 || st.Lost != 0 || st.Restarts != 0 || d.end() != nil {
		t.Errorf("%+v, end %v", st, d.end())
	}
}

// A sender is told nothing by others than the receiver, and the receiver's rubbish does it no harm.
func TestRubbishToSender(t *testing.T) {
	s := dialTo(t, "127.0.0.2:5004", Options{})
	_ = s.WritePacket(ts(1))
	port := s.control.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	stranger := raw(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port))
	say(t, stranger, appendNACK(host.receiver(), NACKRange, 1, 2, []uint16{1, 2, 3}))
	say(t, stranger, []byte("rubbish"))
	eventually(t, func() error {
		if st := s.Stats(); st.Foreign != 2 {
			return errors.New("strangers are not foreign")
		}
		return nil
	})
	if st := s.Stats(); st.Requested != 0 || s.Heard() != 0 {
		t.Errorf("%+v, heard %d", st, s.Heard())
	}
}

// A request for all that there can be, again and again, gets each packet a few times at the most.
func TestStorm(t *testing.T) {
	const n = 100
	sink, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	to := sink.LocalAddr().(*net.UDPAddr)
	if to.Port%2 != 0 {
		to.Port-- // nobody is there: it is all the same
	}
	s := dialTo(t, to.String(), Options{})
	for i := range n {
		if err := s.WritePacket(ts(i)); err != nil {
			t.Fatal(err)
		}
	}
	storm := raw(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), s.control.LocalAddr().(*net.UDPAddr).AddrPort().Port()))
	all := run{uint16(s.next - n), 65535}
	everything := appendApp(host.receiver(), app{subtype: appNACK, runs: []run{all, all, all}})
	for range 200 {
		say(t, storm, everything)
		time.Sleep(time.Millisecond)
	}
	eventually(t, func() error {
		if s.Stats().Requested < 100*maxRequests/2 {
			return errors.New("the storm did not come")
		}
		return nil
	})
	if st := s.Stats(); st.Retransmitted > maxShare*n || st.Retransmitted < n || st.Withheld == 0 {
		t.Errorf("%+v", st)
	}
}

// Who has not sent anything yet is answered, but with no more bytes than it sent.
func TestGreeting(t *testing.T) {
	r := listenOn(t, Options{CNAME: "weir"})
	conn := raw(t, controlOf(r))
	say(t, conn, (speaker{2, ""}).receiver())
	say(t, conn, appendEchoRequest((speaker{2, "a sender"}).sender(reportOf(3)), 2, 99))
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, maxPacket)
	n, err := conn.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := parseCompound(b[:n]); err != nil || len(c.echoes) != 1 || c.echoes[0].stamp != 99 {
		t.Errorf("%+v, %v", c, err)
	}
}
