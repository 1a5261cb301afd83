//go:build soak

package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestSoakRedisCluster has the keys on three servers, of which one goes and comes back empty.
func TestSoakRedisCluster(t *testing.T) {
	t.Parallel()
	var servers []*redisServer
	var hosts []string
	for range 3 {
		r := startRedis(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", strconv.Itoa(freePort(t)))
		servers, hosts = append(servers, r), append(hosts, r.addr())
	}
	out, err := exec.Command("redis-cli", append(append([]string{"--cluster", "create"}, hosts...), "--cluster-yes")...).CombinedOutput()
	if err != nil {
		t.Fatalf("redis-cli: %v\n%s", err, out)
	}
	ok := func() bool {
		for _, r := range servers {
			if info, err := r.ClusterInfo(t.Context()).Result(); err != nil || !strings.Contains(info, "cluster_state:ok") {
				return false
			}
		}
		return true
	}
	await(t, 20*time.Second, "the cluster is ready", ok)
	url := "redis+cluster://" + strings.Join(hosts, ",")
	a, b := startMember(t, url, time.Second, "a"), startMember(t, url, time.Second, "b")
	const streams = 1500
	for i := range streams {
		a.claim(fmt.Sprint("v/{app}/", i)) // braces are of the name, and are of no harm
		a.claim(fmt.Sprint("v/app/", i))
	}
	all := func() (n int) {
		for _, r := range servers {
			n += r.claims()
		}
		return n
	}
	b.told("v/app/more", func() { a.claim("v/app/more").Release() })
	time.Sleep(2 * time.Second) // two leases
	if n := all(); n != 2*streams {
		t.Errorf("%d claims are there", n)
	}
	for _, r := range servers {
		if n := r.claims(); n < streams/10 {
			t.Errorf("a server has %d claims", n)
		}
	}
	for i := range streams {
		b.mustFind(fmt.Sprint("v/app/", i), "a")
	}
	servers[1].stop()
	await(t, 10*time.Second, "both know", func() bool { return !a.Reachable() && !b.Reachable() })
	b.mustFind("v/app/1", "stale a")
	servers[1].start()
	await(t, 20*time.Second, "the cluster is back", func() bool { return a.Reachable() && b.Reachable() })
	await(t, 2*time.Second, "all is claimed again", func() bool { return all() == 2*streams })
	b.awaitFind(time.Second, "v/app/2", "a")
	a.lostNothing()
	if a.log.Count("WARN") == 0 || a.log.Count("WARN") != a.log.Count("is back") {
		t.Errorf("it has logged\n%s", a.log.String())
	}
	t.Log(a.log.String())
}

// TestSoakSentinel has the master crash: its replica goes on with the claims.
func TestSoakSentinel(t *testing.T) {
	t.Parallel()
	master := startRedis(t)
	replica := startRedis(t, "--replicaof", "127.0.0.1", strconv.Itoa(master.port))
	var hosts []string
	for range 3 {
		port, dir := freePort(t), t.TempDir()
		file := filepath.Join(dir, "sentinel.conf")
		text := fmt.Sprintf("bind 127.0.0.1\nport %d\ndir %s\nlogfile %s/log\nsentinel monitor weir 127.0.0.1 %d 2\n"+
			"sentinel down-after-milliseconds weir 1000\nsentinel failover-timeout weir 5000\n", port, dir, dir, master.port)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		startSentinel(t, file)
		hosts = append(hosts, fmt.Sprintf("127.0.0.1:%d", port))
	}
	await(t, 20*time.Second, "the replica has a master", func() bool {
		info, err := replica.Info(t.Context(), "replication").Result()
		return err == nil && strings.Contains(info, "master_link_status:up")
	})
	url := "redis+sentinel://" + strings.Join(hosts, ",") + "/weir/0"
	a, b := startMember(t, url, 2*time.Second, "a"), startMember(t, url, 2*time.Second, "b")
	for i := range 1000 {
		a.claim(fmt.Sprint(stream, i))
	}
	b.mustFind(stream+"1", "a")
	awaitSentinels(t, hosts)
	master.stop()
	await(t, 10*time.Second, "both know", func() bool { return !a.Reachable() && !b.Reachable() })
	b.mustFind(stream+"1", "stale a")
	await(t, 30*time.Second, "both have the new master", func() bool { return a.Reachable() && b.Reachable() })
	if n := replica.claims(); n != 1000 {
		t.Errorf("%d claims are there", n)
	}
	b.awaitFind(time.Second, stream+"999", "a")
	b.told(stream, func() { a.claim(stream) }) // events too come from there
	a.lostNothing()
	a.oneLineEach()
	t.Log(a.log.String())
}

func startSentinel(t *testing.T, file string) {
	t.Helper()
	cmd := exec.Command("redis-server", file, "--sentinel")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// awaitSentinels waits until the sentinels know each other and the replica.
func awaitSentinels(t *testing.T, hosts []string) {
	t.Helper()
	for _, at := range hosts {
		port := at[strings.LastIndexByte(at, ':')+1:]
		await(t, 20*time.Second, "a sentinel knows the others", func() bool {
			out, err := exec.Command("redis-cli", "-p", port, "SENTINEL", "master", "weir").Output()
			return err == nil && strings.Contains(string(out), "num-other-sentinels\n2\n") && strings.Contains(string(out), "num-slaves\n1\n")
		})
	}
}
