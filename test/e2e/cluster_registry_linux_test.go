package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// redis has the host run a Redis, again maybe, that keeps nothing.
func (h *host) redis() *process {
	h.t.Helper()
	p := begin(h.t, h.command("redis-server", "--bind", h.ip, "--protected-mode", "no", "--save", "", "--appendonly", "no"))
	waitFor(h.t, "the Redis", func() bool { return p.out.Count("eady to accept connections") > 0 })
	return p
}

// member is a virtual host of a server with a registry.
func (h *host) member(more string) string {
	return local("cluster { registry redis://" + h.ip + ":6379/0; lease 4; " + more + " }")
}

// peer is a server of a cluster, as the API of one tells of it.
type peer struct {
	ID       string  `json:"id"`
	Self     bool    `json:"self"`
	Registry string  `json:"registry"`
	RTMP     string  `json:"rtmp"`
	API      string  `json:"api"`
	Load     float64 `json:"load"`
	Clients  int     `json:"clients"`
	Claims   int     `json:"claims"`
	Draining bool    `json:"draining"`
	Age      *int    `json:"age_ms"`
	Lease    *int    `json:"lease_ms"`
}

// peers lists the servers that the server knows, by their APIs, and what it says of its registry: since when it is away, and why.
func (h *host) peers() (list map[string]peer, away, cause string) {
	h.t.Helper()
	var answer struct {
		Nodes      []peer `json:"nodes"`
		Registries []struct {
			Registry, Away, Error string
		} `json:"registries"`
	}
	began := time.Now()
	raw, err := h.call("/api/v1/nodes/")
	if err == nil {
		err = json.Unmarshal(raw, &answer)
	}
	if err != nil || len(answer.Registries) != 1 {
		h.t.Fatalf("%s lists its cluster: %s, %v", h.name, raw, err)
	}
	if d := time.Since(began); d > time.Second {
		h.t.Errorf("%s takes %s to list its cluster", h.name, d)
	}
	list = map[string]peer{}
	for _, p := range answer.Nodes {
		if p.Self != (p.API == h.ip+":1985") || p.Registry != answer.Registries[0].Registry {
			h.t.Errorf("%s lists %s", h.name, raw)
		}
		list[strings.TrimSuffix(p.API, ":1985")] = p
	}
	if len(list) != len(answer.Nodes) {
		h.t.Errorf("%s lists a server twice: %s", h.name, raw)
	}
	return list, answer.Registries[0].Away, answer.Registries[0].Error
}

// sees waits until the server lists exactly these, all with word within their leases.
func (h *host) sees(want ...*host) {
	h.t.Helper()
	var list map[string]peer
	if !poll(func() bool {
		var away string
		list, away, _ = h.peers()
		fresh := len(list) == len(want) && away == ""
		for _, w := range want {
			p := list[w.ip]
			fresh = fresh && p.Lease != nil && *p.Lease > 0 && *p.Lease <= 4000 && *p.Age <= 4000
		}
		return fresh
	}) {
		h.t.Fatalf("%s sees %+v", h.name, list)
	}
}

// TestClusterRegistry has servers that share a registry: any of them takes the publisher and any viewer. The server that has the
// stream dies: an edge that has handed it on finds it another place, and viewers elsewhere see it there.
func TestClusterRegistry(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	c := newClip(t, "h264", "small")
	n := numbered(t, c)
	store, one, two, h, camera, couch := l.host("store"), l.host("one"), l.host("two"), l.host("edge"), l.host("camera"), l.host("couch")
	store.redis()
	for _, o := range []*host{one, two} {
		o.weir(store.member(""))
	}
	h.weir(store.member("mode remote;"))
	early := couch.watches(two.http("s")) // nobody publishes yet
	time.Sleep(time.Second)
	encoder := camera.sends(h.rtmp("s"), c)
	start := time.Now()
	early.shows(1)
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("who waits at another server sees the stream after %s", d)
	}
	from, other := one, two
	if !one.serves("publish " + h.ip) {
		from, other = two, one
	}
	from.has(append(slicesOf(from, early, two, couch), "flash-publish "+h.ip)...)
	for _, o := range []*host{one, two, h} {
		o.sees(one, two, h)
		waitFor(t, "who has the stream to be told of", func() bool {
			list, _, _ := o.peers()
			p := list[from.ip]
			return p.Claims == 1 && p.Clients > 0 && list[other.ip].Claims+list[h.ip].Claims == 0
		})
		list, _, _ := o.peers()
		if p := list[from.ip]; p.RTMP != from.ip+":1935" || list[h.ip].RTMP != "" || p.ID == list[other.ip].ID || p.Draining {
			t.Errorf("%s: %+v", o.name, list)
		}
	}
	views := map[string]*screen{"edge": couch.watches(h.http("s")), "other": couch.watches(other.rtmp("s"))}
	for _, v := range views {
		v.shows(rate)
	}
	from.dies()
	died := time.Now()
	for _, v := range views {
		v.shows(3 * rate)
	}
	for _, o := range []*host{other, h} {
		o.sees(other, h)
	}
	if d := time.Since(died); d > 8*time.Second {
		t.Errorf("a server that has died is listed for %s", d)
	}
	for name, v := range views {
		s := v.ends(n, c)
		t.Logf("%s: %s", name, s)
		most := 0 // at the edge nothing has changed
		if name == "other" {
			most = gop // there it is another publication, which begins with the newest group of pictures
		}
		if s.double > most || s.lost > most || s.back > 0 || s.gap > 2*time.Second {
			t.Errorf("%s: %s", name, s)
		}
	}
	from.start()
	other.sees(one, two, h)
	late := couch.watches(from.rtmp("s"))
	late.shows(rate)
	encoder.interrupt()
	waitFor(t, "the stream to end", func() bool { return !other.serves("publish") })
	waitFor(t, "nobody to have it by the registry", func() bool {
		out, _ := run(t, "ip", "netns", "exec", store.net, tool(t, "redis-cli"), "-h", store.ip, "keys", "weir:stream:*")
		return strings.TrimSpace(string(out)) == ""
	})
}

// slicesOf are the clients of a server that the viewer who came early is one of: itself, or another server for it.
func slicesOf(from *host, _ *screen, at, couch *host) []string {
	if from == at {
		return []string{"flv-play " + couch.ip}
	}
	return []string{"rtmp-play " + at.ip}
}

// TestClusterPlacement has streams published at one server: they stay there, or some go to the other one, which has less to do.
func TestClusterPlacement(t *testing.T) {
	t.Parallel()
	for _, placement := range []string{"here", "least"} {
		t.Run(placement, func(t *testing.T) {
			t.Parallel()
			l := newLAN(t)
			c := newClip(t, "h264", "small")
			store, one, two, camera := l.host("store"), l.host("one"), l.host("two"), l.host("camera")
			store.redis()
			for _, o := range []*host{one, two} {
				o.weir(store.member("placement " + placement + ";"))
			}
			moved := 0
			for i := range 4 {
				camera.sends(one.rtmp(fmt.Sprint("s", i)), c)
				waitFor(t, "the stream", func() bool { return contains(one.guests(), "fmle-publish "+camera.ip, i+1) })
				time.Sleep(1100 * time.Millisecond) // what servers have to do is told once a second
			}
			for _, g := range two.guests() {
				if g == "flash-publish "+one.ip {
					moved++
				}
			}
			t.Logf("%d of 4 have moved", moved)
			if (moved > 0) != (placement == "least") {
				t.Errorf("%d of 4 streams are at the other server", moved)
			}
			v := camera.watches(two.rtmp("s3"))
			v.shows(rate)
		})
	}
}

// TestClusterRegistryAway has the Redis go away and come back: what is live goes on, what is known is found, what is new is
// found by asking coworkers, and by the registry when that is back. Nothing is restarted.
func TestClusterRegistryAway(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	c := newClip(t, "h264", "small")
	n := numbered(t, c)
	store, one, two, three, camera, couch := l.host("store"), l.host("one"), l.host("two"), l.host("three"), l.host("camera"), l.host("couch")
	redis := store.redis()
	one.weir(store.member(""))
	two.weir(store.member("coworkers " + one.ip + ":1985;"))
	three.weir(store.member(""))
	camera.sends(one.rtmp("s"), c)
	v := couch.watches(two.rtmp("s"))
	v.shows(rate)
	two.sees(one, two, three)
	redis.signal(syscall.SIGKILL)
	for _, h := range []*host{one, two, three} {
		h.says("the registry of the cluster cannot be reached")
	}
	time.Sleep(5 * time.Second) // longer than a lease
	for _, h := range []*host{one, two, three} {
		list, away, cause := h.peers()
		p := list[one.ip]
		if len(list) != 3 || away == "" || !strings.Contains(cause, store.ip) || p.Claims != 1 || *p.Lease != 0 || *p.Age < 5000 {
			t.Errorf("%s says that the registry is away since %s, %s, and lists %+v", h.name, away, cause, list)
		}
	}
	known := couch.watches(two.http("s"))
	known.shows(rate)
	camera.sends(one.rtmp("new"), c)
	asked := couch.watches(two.rtmp("new"))
	asked.shows(rate)
	waiting := couch.watches(three.rtmp("new"))
	time.Sleep(time.Second)
	if waiting.frames() > 0 {
		t.Error("a stream is found that nobody can know of")
	}
	store.redis()
	waiting.shows(rate)
	two.sees(one, two, three)
	for _, h := range []*host{one, two, three} {
		h.says("the registry of the cluster is back")
		if n := h.log().Count("the registry of the cluster cannot be reached"); n != 1 {
			t.Errorf("%s says %d times that the registry is away", h.name, n)
		}
	}
	if s := v.ends(n, c); s.lost > 0 || s.double > 0 || s.back > 0 || s.gap > time.Second {
		t.Errorf("the viewer before: %s", s)
	}
}

// TestClusterSplitBrain has a server be cut off with its encoder, and the stream be published at another one meanwhile. When they
// hear of each other again, one of the two has it: the other encoder is told.
func TestClusterSplitBrain(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	c := newClip(t, "h264", "small")
	n := numbered(t, c)
	store, one, two, camera, couch := l.host("store"), l.host("one"), l.host("two"), l.host("camera"), l.host("couch")
	store.redis()
	for _, o := range []*host{one, two} {
		o.weir(store.member(""))
	}
	alone := two.sends("rtmp://127.0.0.1/live/s", c)
	two.has("fmle-publish 127.0.0.1")
	two.cut()
	start := time.Now()
	var encoder *process
	waitFor(t, "the stream to be free", func() bool {
		if encoder == nil || !encoder.running() {
			encoder = camera.sends(one.rtmp("s"), c)
		}
		return one.serves("fmle-publish " + camera.ip)
	})
	if d := time.Since(start); d > 8*time.Second {
		t.Errorf("a stream whose server is cut off is free after %s", d)
	}
	v := couch.watches(one.rtmp("s"))
	v.shows(rate)
	if !alone.running() {
		t.Error("the encoder of the server that is cut off has ended")
	}
	two.mend()
	if err := alone.wait(); err == nil {
		t.Error("the other encoder has not heard")
	}
	two.says("fmle-publish ended", "another server of the cluster has the stream now")
	late := couch.watches(two.rtmp("s"))
	late.shows(rate)
	if s := v.ends(n, c); s.lost > 0 || s.double > 0 || s.gap > time.Second {
		t.Errorf("the viewer at the other server: %s", s)
	}
}

// TestClusterRegistryUpgrade upgrades a server of a registry under its publisher: others find the stream there as before, and nobody else
// may publish it. When the publisher comes back it is to the new process, at once, though nobody has noticed that the old connection is dead.
func TestClusterRegistryUpgrade(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	c := newClip(t, "h264", "small")
	store, one, two, camera, couch := l.host("store"), l.host("one"), l.host("two"), l.host("camera"), l.host("couch")
	store.redis()
	for _, o := range []*host{one, two} {
		o.weir(local("cluster { registry redis://" + store.ip + ":6379/0; lease 60; origin_cluster on; }"))
	}
	encoder := camera.sends(one.rtmp("s"), c)
	early := couch.watches(two.http("s"))
	early.shows(rate)
	before, old := store.owner("s"), one.server.cmd.Process.Pid
	one.upgrade()
	if now := store.owner("s"); now != before {
		t.Errorf("the stream was that of %q, and is that of %q", before, now)
	}
	raw, err := one.call("/api/v1/clusters?vhost=__defaultVhost__&app=live&stream=s")
	if err != nil || !strings.Contains(string(raw), `"port":1935`) {
		t.Errorf("the API does not know the stream: %s, %v", raw, err)
	}
	for _, url := range []string{one.rtmp("s"), one.http("s"), two.http("s")} {
		couch.watches(url).shows(rate)
	}
	if camera.sends(two.rtmp("s"), c).wait() == nil {
		t.Error("another publisher at the other server is not refused")
	}
	two.says("fmle-publish refused", "somebody is publishing it")
	if !encoder.running() || store.owner("s") != before {
		t.Error("the publisher has lost its stream to another")
	}
	start := time.Now()
	camera.sends(one.rtmp("s"), c)
	waitFor(t, "the publisher at the new process", func() bool { return one.serves("fmle-publish " + camera.ip) })
	if d := time.Since(start); d > 3*time.Second {
		t.Errorf("the publisher is let in after %s", d)
	}
	waitFor(t, "the new process to have the stream", func() bool { now := store.owner("s"); return now != "" && now != before })
	early.shows(rate)
	couch.watches(two.http("s")).shows(rate)
	if encoder.wait() == nil {
		t.Error("the publisher at the old process has not been told")
	}
	ended(t, "the old process", old)
	if store.owner("s") == "" {
		t.Error("the old process has taken the stream with it")
	}
}

// TestClusterRegistryUpgradeElsewhere has the new process listen at another port: others find the stream of the old one there.
func TestClusterRegistryUpgradeElsewhere(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	c := newClip(t, "h264", "small")
	store, one, two, camera, couch := l.host("store"), l.host("one"), l.host("two"), l.host("camera"), l.host("couch")
	store.redis()
	for _, o := range []*host{one, two} {
		o.weir("auto_reload_for_docker off;\n" + store.member("")) // the old process is not to read it
	}
	camera.sends(one.rtmp("s"), c)
	one.has("fmle-publish " + camera.ip)
	raw, err := os.ReadFile(one.conf)
	if err == nil {
		err = os.WriteFile(one.conf, []byte(strings.Replace(string(raw), "listen 1935;", "listen 1936;", 1)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	one.upgrade()
	couch.watches(two.http("s")).shows(rate)
}

// owner is who has a stream by the registry on the host.
func (h *host) owner(name string) string {
	h.t.Helper()
	out, _ := run(h.t, "ip", "netns", "exec", h.net, tool(h.t, "redis-cli"), "-h", h.ip, "get", "weir:stream:__defaultVhost__/live/"+name)
	return strings.TrimSpace(string(out))
}

// TestClusterProtocol has servers that fetch by HTTP where they can find who has a stream by coworkers or a registry: coworkers tell the
// port of RTMP, by which the stream comes then, and nodes of a registry tell one for HTTP, and none for HTTPS.
func TestClusterProtocol(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	c := newClip(t, "h264", "small")
	store, one, camera := l.host("store"), l.host("one"), l.host("camera")
	store.redis()
	one.weir(store.member(""))
	camera.sends(one.rtmp("s"), c)
	one.publishes(camera)
	asked := "cluster { origin_cluster on; coworkers " + one.ip + ":1985; "
	want := []string{"fmle-publish " + camera.ip}
	for _, x := range []struct{ name, conf, scheme, by string }{
		{"flv", local(asked + "protocol flv; }"), "http", "rtmp-play"},
		{"flvs", local(asked + "protocol flvs; }"), "http", "rtmp-play"},
		{"follow", store.member("follow_client on;"), "http", "flv-play"},
		{"follows", store.member("follow_client on;"), "https", "rtmp-play"},
	} {
		h := l.host(x.name)
		h.weir(x.conf)
		url := h.http("s")
		if x.scheme == "https" {
			url = "https://" + h.ip + ":8443/live/s.flv"
		}
		h.watches(url).shows(rate)
		want = append(want, x.by+" "+h.ip)
	}
	one.has(want...)
}
