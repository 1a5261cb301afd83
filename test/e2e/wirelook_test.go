package e2e

import (
	"fmt"
	"net"
	"syscall"
	"testing"

	"weir/internal/protocol/rtmp"
	"weir/internal/stream"
)

// chunks says in what pieces a long message comes.
func chunks(t *testing.T, f *fixture) func() string {
	name := stream.NewID()
	s, pub := converse(t, f, "play", name), openFeed(t, f.url(name))
	var round byte
	return func() string {
		round++
		body := make([]byte, 200_000)
		body[0], body[1], body[len(body)-1] = 0x17, 1, round
		pub.send(9, 40*uint32(round), body...)
		if m := s.until(9); len(m.Body) != len(body) || m.Body[len(body)-1] != round {
			t.Errorf("a long message came with %d bytes", len(m.Body))
		}
		return fmt.Sprint(s.in.size)
	}
}

// window says after how many bytes the server wants to hear that they have come.
func window(t *testing.T, f *fixture) func() string {
	name := stream.NewID()
	s, pub := converse(t, f, "play", name), openFeed(t, f.url(name))
	var ms uint32
	return func() string {
		ms += 40
		pub.frame(true, ms, 0)
		s.until(9)
		var asked uint32
		for _, m := range s.got {
			if m.Kind == 5 {
				asked = be32(m.Body) // the last word counts
			}
		}
		return fmt.Sprint(asked)
	}
}

// receipts says whether the server tells a publisher what has come.
func receipts(t *testing.T, f *fixture) func() string {
	s := converse(t, f, "publish", stream.NewID())
	var ms, sent, told uint32
	return func() string {
		for range 10 {
			body := append([]byte{0x17, 1}, make([]byte, 5000)...)
			s.send(rtmp.Message{Kind: 9, Chunk: 6, Stream: 1, Time: ms, Body: body})
			ms, sent = ms+40, sent+uint32(len(body))
		}
		s.drain()
		before := told
		for _, m := range s.got {
			if m.Kind == 3 {
				told = max(told, be32(m.Body))
			}
		}
		s.got = nil
		switch {
		case told == before:
			return "none"
		case told > sent-10_000 && told < sent+10_000:
			return "some"
		}
		return fmt.Sprint(told, " of ", sent)
	}
}

// nagle says whether the system may gather what the server sends to a player.
func nagle(t *testing.T, f *fixture) func() string {
	view, pub := playClient(t, f.url("s")), openFeed(t, f.url("s"))
	pub.header(t)
	var ms uint32
	var sent int
	return func() string {
		for range 2 { // what a player starts with is never gathered
			ms = pub.group(ms, 2)
			sent += 2
			waitFor(t, "the frames", func() bool { return len(numbers(view)) == sent })
		}
		on, err := syscall.GetsockoptInt(accepted(t, view.client.LocalAddr()), syscall.IPPROTO_TCP, syscall.TCP_NODELAY)
		if err != nil {
			t.Fatal(err)
		}
		if on != 0 {
			return "at once"
		}
		return "gathered"
	}
}

// accepted finds the server's descriptor of a client's connection: it is in this process.
func accepted(t *testing.T, client net.Addr) int {
	t.Helper()
	want := client.(*net.TCPAddr).AddrPort()
	for fd := range 4096 {
		peer, err := syscall.Getpeername(fd)
		if v4, ok := peer.(*syscall.SockaddrInet4); err == nil && ok && v4.Port == int(want.Port()) && v4.Addr == want.Addr().As4() {
			return fd
		}
	}
	t.Fatalf("no socket is connected to %s", client)
	return -1
}
