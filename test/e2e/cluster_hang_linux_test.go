package e2e

import (
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"
)

// balancer is an address behind which there are several servers, of which it takes one for each connection.
type balancer struct {
	host *host
	conn sync.WaitGroup

	mu     sync.Mutex
	to     *host
	open   map[net.Conn]bool
	closed bool
}

// balances has the host stand before a server, at some of its ports.
func (h *host) balances(to *host, ports ...int) *balancer {
	h.t.Helper()
	b := &balancer{host: h, to: to, open: map[net.Conn]bool{}}
	var listeners []net.Listener
	for _, port := range ports {
		var ln net.Listener
		var err error
		if e := h.within(func() { ln, err = net.Listen("tcp", fmt.Sprintf("%s:%d", h.ip, port)) }); e != nil || err != nil {
			h.t.Fatal(e, err)
		}
		listeners = append(listeners, ln)
		b.conn.Go(func() {
			for {
				conn, err := ln.Accept()
				if err != nil {
					return
				}
				b.conn.Go(func() { b.passes(conn, port) })
			}
		})
	}
	h.t.Cleanup(func() {
		for _, ln := range listeners {
			ln.Close()
		}
		b.mu.Lock()
		b.closed = true
		for conn := range b.open {
			conn.Close()
		}
		b.mu.Unlock()
		b.conn.Wait()
	})
	return b
}

// turns has it take another server for connections to come.
func (b *balancer) turns(to *host) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.to = to
}

// passes passes on what comes, both ways.
func (b *balancer) passes(conn net.Conn, port int) {
	defer conn.Close()
	b.mu.Lock()
	to := b.to
	b.mu.Unlock()
	far, err := b.host.dial(b.host.t.Context(), "tcp", fmt.Sprintf("%s:%d", to.ip, port))
	if err != nil {
		return
	}
	defer far.Close()
	b.mu.Lock()
	b.open[conn], b.open[far] = true, true
	if b.closed {
		conn.Close()
		far.Close()
	}
	b.mu.Unlock()
	var way sync.WaitGroup
	defer way.Wait()
	way.Go(func() {
		_, _ = io.Copy(far, conn) // until one of them is closed
		far.Close()
	})
	_, _ = io.Copy(conn, far) // the same
	conn.Close()
}

// TestClusterHangs has the only origin be an address behind which there are two servers. That which the stream comes from hangs,
// and its connection stays: edges dial the address anew, and their viewers, who are not closed, see the stream come from the other one.
func TestClusterHangs(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	c := newClip(t, "h264", "small")
	n := numbered(t, c)
	one, two, front, camera, couch := l.host("one"), l.host("two"), l.host("front"), l.host("camera"), l.host("couch")
	for _, o := range []*host{one, two} {
		o.weir(local(""))
		camera.sends(o.rtmp("s"), c)
		o.publishes(camera)
	}
	b := front.balances(one, 1935, 8080)
	views := map[string]*screen{}
	for name, cluster := range map[string]string{"rtmp": "origin " + front.ip + ";", "flv": "origin " + front.ip + ":8080; protocol flv;"} {
		h := l.host(name)
		h.weir(edge(cluster))
		views[name+" rtmp"], views[name+" http"] = couch.watches(h.rtmp("s")), couch.watches(h.http("s"))
	}
	for _, v := range views {
		v.shows(rate)
	}
	one.server.signal(syscall.SIGSTOP)
	defer one.server.signal(syscall.SIGCONT)
	b.turns(two)
	for _, v := range views {
		v.shows(2 * rate)
	}
	for name, v := range views {
		s := v.ends(n, c)
		t.Logf("%s: %s", name, s)
		if s.gap < 3*time.Second || s.gap > 11*time.Second {
			t.Errorf("%s: %s", name, s)
		}
	}
}
