package cluster

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"weir/internal/testkit/leak"
	"weir/internal/testkit/logbook"
)

func TestMain(m *testing.M) { leak.Main(m) }

// await waits until something is so, and fails after a while in which it should have become so.
func await(t testing.TB, within time.Duration, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(within); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", within, what)
		}
	}
}

// freePort returns a port of 127.0.0.1 that nobody has.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// redisServer is a Redis without persistence: what is stopped forgets.
type redisServer struct {
	t    testing.TB
	port int
	args []string
	cmd  *exec.Cmd
	*redis.Client
}

// startRedis starts a Redis of its own, with more arguments.
func startRedis(t testing.TB, args ...string) *redisServer {
	t.Helper()
	port, dir := freePort(t), t.TempDir()
	r := &redisServer{t: t, port: port, args: append([]string{
		"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--save", "", "--appendonly", "no", "--dir", dir,
		"--logfile", filepath.Join(dir, "log"), "--shutdown-timeout", "0",
	}, args...)}
	r.Client = redis.NewClient(&redis.Options{Addr: r.addr(), Protocol: 2, DisableIdentity: true})
	t.Cleanup(func() {
		r.Close()
		r.stop()
	})
	r.start()
	return r
}

func (r *redisServer) addr() string { return fmt.Sprintf("127.0.0.1:%d", r.port) }
func (r *redisServer) url() string  { return "redis://" + r.addr() + "/0" }

func (r *redisServer) start() {
	r.t.Helper()
	r.cmd = exec.Command("redis-server", r.args...)
	if err := r.cmd.Start(); err != nil {
		r.t.Fatalf("redis-server: %v (test/install.sh installs it)", err)
	}
	await(r.t, 10*time.Second, "redis-server answers", func() bool { return r.Ping(r.t.Context()).Err() == nil })
}

// stop ends the server as a crash does.
func (r *redisServer) stop() {
	if r.cmd == nil {
		return
	}
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
	r.cmd = nil
}

func (r *redisServer) freeze() { _ = r.cmd.Process.Signal(syscall.SIGSTOP) }
func (r *redisServer) thaw()   { _ = r.cmd.Process.Signal(syscall.SIGCONT) }

// calls is how often a command has been run.
func (r *redisServer) calls(command string) int {
	r.t.Helper()
	stats, err := r.InfoMap(r.t.Context(), "commandstats").Result()
	if err != nil {
		r.t.Fatal(err)
	}
	n := 0
	_, _ = fmt.Sscanf(stats["Commandstats"]["cmdstat_"+command], "calls=%d", &n)
	return n
}

// claims is how many streams Redis knows of.
func (r *redisServer) claims() int {
	r.t.Helper()
	keys, err := r.Keys(r.t.Context(), streamKey+"*").Result()
	if err != nil {
		r.t.Fatal(err)
	}
	return len(keys)
}

// loss is what a member was told to be lost.
type loss struct {
	key string
	to  Node
}

// member is a node of a cluster under test, all on one host: their ports of RTMP differ.
type member struct {
	t testing.TB
	*Directory
	log    logbook.Book
	losses chan loss
	end    func() // ends Run; may be called twice

	mu   sync.Mutex
	self Node
	dead string // the id of who is known to be dead
}

// makeMember makes a node that does not run yet.
func makeMember(t testing.TB, url string, lease time.Duration, self Node, change ...func(*Options)) *member {
	t.Helper()
	m := &member{t: t, losses: make(chan loss, 100_000), self: self, end: func() {}}
	o := Options{
		Registry: url, Lease: lease,
		Self: func() Node {
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.self
		},
		Lost: func(key string, to Node) { m.losses <- loss{key, to} },
		Gone: func(_ context.Context, n Node) bool {
			m.mu.Lock()
			defer m.mu.Unlock()
			return n.ID == m.dead
		},
		Log: slog.New(slog.NewTextHandler(io.Writer(&m.log), nil)),
	}
	for _, each := range change {
		each(&o)
	}
	var err error
	if m.Directory, err = New(o); err != nil {
		t.Fatal(err)
	}
	return m
}

// startMember starts a node, whose id is a letter, and waits until it is known and hears.
func startMember(t testing.TB, url string, lease time.Duration, id string) *member {
	t.Helper()
	m := makeMember(t, url, lease, Node{ID: id, Host: "127.0.0.1", RTMP: 10_000 + int(id[0]), HTTP: 8080, API: 1985})
	m.run()
	await(t, 10*time.Second, id+" is in the list", func() bool { return m.knows(id) })
	await(t, 10*time.Second, id+" hears events", func() bool {
		m.answers.mu.Lock()
		defer m.answers.mu.Unlock()
		return m.answers.age > 0
	})
	return m
}

func (m *member) run() {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = m.Run(ctx) })
	m.end = func() { cancel(); running.Wait() }
	m.t.Cleanup(m.end)
}

// die ends a node without a goodbye: Redis cannot tell it from a crash.
func (m *member) die() {
	m.redis.Close()
	m.end()
}

func (m *member) change(change func(*Node)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.self)
}

func (m *member) knows(id string) bool {
	for _, n := range m.Nodes() {
		if n.ID == id {
			return true
		}
	}
	return false
}

// claim claims a key that nobody has.
func (m *member) claim(key string) *Claim {
	m.t.Helper()
	c, err := m.Claim(m.t.Context(), key)
	if err != nil {
		m.t.Fatalf("%s claims %s: %v", m.id, key, err)
	}
	return c
}

// finds says who has a key, in a word: an id, "stale" and an id, or an error.
func (m *member) finds(key string) string {
	f, err := m.Find(m.t.Context(), key)
	switch {
	case err != nil:
		return err.Error()
	case f.Stale:
		return "stale " + f.Node.ID
	}
	return f.Node.ID
}

// mustFind fails if somebody else has a key.
func (m *member) mustFind(key, want string) {
	m.t.Helper()
	if got := m.finds(key); got != want {
		m.t.Fatalf("%s finds %s at %q, want %q", m.id, key, got, want)
	}
}

// awaitFind waits until a key is found where it should be.
func (m *member) awaitFind(within time.Duration, key, want string) {
	m.t.Helper()
	await(m.t, within, m.id+" finds "+key+" at "+want, func() bool { return m.finds(key) == want })
}

// told does something of which a member is told.
func (m *member) told(key string, do func()) {
	m.t.Helper()
	changed, stop, err := m.Watch(key)
	if err != nil {
		m.t.Fatal(err)
	}
	defer stop()
	do()
	select {
	case <-changed:
	case <-time.After(2 * time.Second):
		m.t.Fatalf("%s was not told that %s has changed", m.id, key)
	}
}

// awaitLoss waits for a loss.
func (m *member) awaitLoss(within time.Duration, key, to string) {
	m.t.Helper()
	select {
	case l := <-m.losses:
		if l.key != key || l.to.ID != to {
			m.t.Fatalf("%s lost %s to %s, want %s to %s", m.id, l.key, l.to.ID, key, to)
		}
	case <-time.After(within):
		m.t.Fatalf("%s was not told that it lost %s", m.id, key)
	}
}

// lostNothing fails if there was a loss.
func (m *member) lostNothing() {
	m.t.Helper()
	select {
	case l := <-m.losses:
		m.t.Errorf("%s lost %s to %s", m.id, l.key, l.to.ID)
	default:
	}
}

// wire is a way to Redis that can be cut.
type wire struct {
	at     net.Listener
	to     string
	copies sync.WaitGroup

	mu    sync.Mutex // guards what follows
	cut   bool
	conns []net.Conn
}

// layWire lays a way to an address.
func layWire(t testing.TB, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{at: l, to: to}
	w.copies.Go(w.accept)
	t.Cleanup(func() {
		l.Close()
		w.set(true)
		w.copies.Wait()
	})
	return w
}

func (w *wire) url() string { return "redis://" + w.at.Addr().String() }

func (w *wire) accept() {
	for {
		in, err := w.at.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", w.to)
		w.mu.Lock()
		if err != nil || w.cut {
			in.Close()
			if err == nil {
				out.Close()
			}
			w.mu.Unlock()
			continue
		}
		w.conns = append(w.conns, in, out)
		w.mu.Unlock()
		for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
			w.copies.Go(func() {
				_, _ = io.Copy(way[0], way[1])
				way[0].Close()
				way[1].Close()
			})
		}
	}
}

// set cuts the way, or mends it.
func (w *wire) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	if cut {
		for _, c := range w.conns {
			c.Close()
		}
		w.conns = nil
	}
}
