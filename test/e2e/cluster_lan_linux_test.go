package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"weir/internal/stream"
)

// lan is a network of hosts, each of which has a network of the kernel's to itself and a cable to the hub. It ends with
// the test.
type lan struct {
	t     *testing.T
	hub   string // the network in which all cables meet
	hosts []*host
}

func newLAN(t *testing.T) *lan {
	t.Helper()
	l := &lan{t: t, hub: "weir-" + stream.NewID()}
	l.network(l.hub)
	l.ip("-n " + l.hub + " link add br0 type bridge")
	l.ip("-n " + l.hub + " link set br0 up")
	return l
}

// ip runs a command of ip.
func (l *lan) ip(words string) {
	l.t.Helper()
	run(l.t, "ip", strings.Fields(words)...)
}

// network makes one of the kernel's networks, which ends with the test.
func (l *lan) network(name string) {
	l.t.Helper()
	l.ip("netns add " + name)
	l.t.Cleanup(func() {
		if said, err := exec.Command("ip", "netns", "del", name).CombinedOutput(); err != nil {
			l.t.Errorf("%v: %s", err, said)
		}
	})
}

// host is a machine of a LAN.
type host struct {
	t    *testing.T
	lan  *lan
	name string
	net  string // its network
	port string // the hub's end of its cable
	ip   string

	dir    string // of its server
	conf   string // the same
	server *process
}

// host adds a machine.
func (l *lan) host(name string) *host {
	l.t.Helper()
	n := len(l.hosts) + 1
	h := &host{
		t: l.t, lan: l, name: name, net: l.hub + "-" + name, port: fmt.Sprintf("port%d", n), ip: fmt.Sprintf("10.78.0.%d", n),
		dir: l.t.TempDir(),
	}
	l.hosts = append(l.hosts, h)
	l.network(h.net)
	l.ip(fmt.Sprintf("link add eth0 netns %s type veth peer name %s netns %s", h.net, h.port, l.hub))
	l.ip(fmt.Sprintf("-n %s addr add %s/24 dev eth0", h.net, h.ip))
	l.ip("-n " + l.hub + " link set " + h.port + " master br0")
	for _, card := range []string{h.net + " link set lo", h.net + " link set eth0", l.hub + " link set " + h.port} {
		l.ip("-n " + card + " up")
	}
	return h
}

// cut takes the host's cable out of the hub: nobody is told.
func (h *host) cut() { h.t.Helper(); h.lan.ip("-n " + h.lan.hub + " link set " + h.port + " down") }

// mend puts it back.
func (h *host) mend() { h.t.Helper(); h.lan.ip("-n " + h.lan.hub + " link set " + h.port + " up") }

// loses has one in so many packets to and from the host be lost.
func (h *host) loses(one uint32) {
	h.t.Helper()
	const random = 0xfffff038 // what a filter reads there is another number each time: SKF_AD_OFF + SKF_AD_RANDOM of linux/filter.h
	rule := fmt.Sprintf("4,32 0 0 %d,53 0 1 %d,6 0 0 0,6 0 0 2", uint32(random), ^uint32(0)/one)
	tc := func(words ...string) {
		run(h.t, "ip", append([]string{"netns", "exec", h.lan.hub, "tc"}, words...)...)
	}
	tc("qdisc", "add", "dev", h.port, "clsact")
	for _, way := range []string{"ingress", "egress"} {
		tc("filter", "add", "dev", h.port, way, "bpf", "da", "bytecode", rule)
	}
}

// narrows has the host's cable carry no more than so much to the host, such as 2mbit.
func (h *host) narrows(rate string) {
	h.t.Helper()
	h.shapes("add", "tbf", "rate", rate, "burst", "5kb", "latency", "50ms")
}

// widens has it carry as much as it can again.
func (h *host) widens() { h.t.Helper(); h.shapes("del") }

func (h *host) shapes(what string, how ...string) {
	h.t.Helper()
	run(h.t, "ip", append([]string{"netns", "exec", h.lan.hub, "tc", "qdisc", what, "dev", h.port, "root"}, how...)...)
}

// names has the host know the addresses of a name.
func (h *host) names(name string, addresses ...string) {
	h.t.Helper()
	dir := filepath.Join("/etc/netns", h.net) // ip netns exec shows what is in it in place of what is in /etc
	h.t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.MkdirAll(dir, 0o755); err != nil {
		h.t.Fatal(err)
	}
	var all strings.Builder
	for _, a := range addresses {
		fmt.Fprintf(&all, "%s %s\n", a, name)
	}
	if err := os.WriteFile(filepath.Join(dir, "hosts"), []byte(all.String()), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// command is a program on the host.
func (h *host) command(name string, args ...string) *exec.Cmd {
	h.t.Helper()
	if !strings.Contains(name, "/") {
		name = tool(h.t, name)
	}
	return exec.Command(tool(h.t, "ip"), append([]string{"netns", "exec", h.net, name}, args...)...)
}

// within does something in the host's network: a socket stays where it was made.
func (h *host) within(do func()) error {
	there, err := os.Open("/run/netns/" + h.net)
	if err != nil {
		return err
	}
	defer there.Close()
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer home.Close()
	if err = unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err == nil {
		do()
	}
	if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
		runtime.UnlockOSThread() // else the thread ends with its goroutine
	}
	return err
}

// dial connects from the host.
func (h *host) dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	if e := h.within(func() { conn, err = new(net.Dialer).DialContext(ctx, network, address) }); e != nil {
		return nil, e
	}
	return conn, err
}

// answers has the host serve HTTP at a port.
func (h *host) answers(port int, handler http.Handler) {
	h.t.Helper()
	var ln net.Listener
	var err error
	if e := h.within(func() { ln, err = net.Listen("tcp", fmt.Sprintf("%s:%d", h.ip, port)) }); e != nil || err != nil {
		h.t.Fatal(e, err)
	}
	s := &http.Server{Handler: handler}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Serve(ln) // until it is closed
	}()
	h.t.Cleanup(func() { s.Close(); <-ended })
}
