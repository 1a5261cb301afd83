package cluster

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const stream = "__defaultVhost__/live/livestream"

func TestClaim(t *testing.T) {
	t.Parallel()
	r := startRedis(t)
	a, b := startMember(t, r.url(), time.Second, "a"), startMember(t, r.url(), time.Second, "b")
	first := a.claim(stream)
	if !first.Registered() {
		t.Error("the claim is not registered")
	}
	a.mustFind(stream, "a")
	b.mustFind(stream, "a")
	f, err := b.Find(t.Context(), stream)
	if err != nil || f.Node.Addr(f.Node.RTMP) != "127.0.0.1:10097" || f.Node.API != 1985 {
		t.Errorf("%+v, %v", f, err)
	}
	_, err = b.Claim(t.Context(), stream)
	var taken *Taken
	if !errors.As(err, &taken) || taken.Key != stream || taken.Node.ID != "a" || taken.Node.RTMP != 10097 || !strings.Contains(err.Error(), "node a 127.0.0.1:10097") {
		t.Fatalf("b claims too: %v", err)
	}
	second := a.claim(stream) // another publisher at the same node
	first.Release()
	first.Release()
	time.Sleep(1500 * time.Millisecond) // longer than a lease: it is renewed
	b.mustFind(stream, "a")
	second.Release()
	b.awaitFind(time.Second, stream, ErrUnknown.Error())
	b.claim(stream)
	a.awaitFind(time.Second, stream, "b")
	if second.Registered() || a.Claims() != 0 || b.Claims() != 1 {
		t.Errorf("registered %v, %d and %d claims", second.Registered(), a.Claims(), b.Claims())
	}
	a.lostNothing()
	for _, key := range []string{"", strings.Repeat("x", maxKey+1)} {
		if _, err := a.Claim(t.Context(), key); err == nil {
			t.Errorf("a key of %d bytes can be claimed", len(key))
		}
		a.mustFind(key, ErrUnknown.Error())
	}
}

// TestDeadNode has a node die without a word: who has waited for its lease has its streams.
func TestDeadNode(t *testing.T) {
	t.Parallel()
	for _, lease := range []time.Duration{time.Second, 2 * time.Second} {
		t.Run(lease.String(), func(t *testing.T) {
			t.Parallel()
			r := startRedis(t)
			a, b := startMember(t, r.url(), lease, "a"), startMember(t, r.url(), lease, "b")
			a.claim(stream)
			b.mustFind(stream, "a")
			await(t, 2*time.Second, "b knows a", func() bool { return b.knows("a") })
			died := time.Now()
			a.die()
			if _, err := b.Claim(t.Context(), stream); err == nil {
				t.Error("a's lease has ended with a")
			}
			b.awaitFind(lease+time.Second-time.Since(died), stream, ErrUnknown.Error())
			await(t, lease+time.Second-time.Since(died), "a is not in the list", func() bool { return !b.knows("a") })
			await(t, lease+time.Second-time.Since(died), "b has the stream", func() bool {
				_, err := b.Claim(t.Context(), stream)
				return err == nil
			})
			if after := time.Since(died); after < lease/2 {
				t.Errorf("a lease of %v has held for %v", lease, after)
			}
		})
	}
}

// TestKnownDeath has a node that is known to be dead: its lease is not waited for. One that drains is believed to be there.
func TestKnownDeath(t *testing.T) {
	t.Parallel()
	r := startRedis(t)
	a, b := startMember(t, r.url(), time.Minute, "a"), startMember(t, r.url(), time.Minute, "b")
	a.claim(stream)
	a.claim(stream + "2")
	await(t, 2*time.Second, "b knows a", func() bool { return b.knows("a") })
	refuse := func(why string) {
		t.Helper()
		if taken, ok := errors.AsType[*Taken](claimError(b, stream)); !ok || taken.Node.ID != "a" {
			t.Error(why)
		}
	}
	refuse("nobody says that a is dead")
	b.change(func(*Node) { b.dead = "a" })
	a.change(func(n *Node) { n.Draining = true })
	await(t, 3*time.Second, "b hears that a drains", func() bool { return b.Nodes()[0].Draining })
	refuse("a drains, and is there")
	a.change(func(n *Node) { n.Draining = false })
	await(t, 3*time.Second, "b hears that a does not", func() bool { return !b.Nodes()[0].Draining })
	b.claim(stream)
	b.mustFind(stream, "b")
	select {
	case l := <-a.losses:
		if l.key != stream || l.to.ID != "b" {
			t.Errorf("a has lost %v", l)
		}
	case <-time.After(5 * time.Second):
		t.Error("a is not told")
	}
}

func claimError(m *member, key string) error {
	_, err := m.Claim(m.t.Context(), key)
	return err
}

// TestGoodbye has a node stop: others need not wait.
func TestGoodbye(t *testing.T) {
	t.Parallel()
	r := startRedis(t)
	a, b := startMember(t, r.url(), time.Minute, "a"), startMember(t, r.url(), time.Minute, "b")
	for i := range 3 * maxBatch {
		a.claim(fmt.Sprint(stream, i))
	}
	await(t, 2*time.Second, "b knows a", func() bool { return b.knows("a") })
	b.mustFind(stream+"7", "a")
	a.end()
	if n := r.claims(); n != 0 {
		t.Errorf("%d claims are left", n)
	}
	b.awaitFind(time.Second, stream+"7", ErrUnknown.Error())
	await(t, 2*time.Second, "a is not in the list", func() bool { return !b.knows("a") })
	b.claim(stream + "7")
	if c, err := a.Claim(t.Context(), stream+"8"); err != nil || c.Registered() || a.log.Count("WARN") != 0 {
		t.Errorf("after the end: %v, %s", err, a.log.String())
	}
}

// TestSuccessor starts a server anew at the same address, whose earlier run has not said goodbye, and whose earlier run is
// still there.
func TestSuccessor(t *testing.T) {
	t.Parallel()
	r := startRedis(t)
	for _, dead := range []bool{true, false} {
		self := Node{ID: fmt.Sprintf("old-%v", dead), Host: "10.0.0.1", RTMP: 1935}
		if !dead {
			self.RTMP = 1936
		}
		old := makeMember(t, r.url(), time.Minute, self)
		old.run()
		await(t, 5*time.Second, "it is in the list", func() bool { return old.knows(self.ID) })
		old.claim(stream)
		if dead {
			old.die()
		}
		self.ID = fmt.Sprintf("new-%v", dead)
		young := makeMember(t, r.url(), time.Minute, self)
		young.run()
		c := young.claim(stream)
		if !c.Registered() {
			t.Error("it is not registered")
		}
		if !dead {
			old.awaitLoss(5*time.Second, stream, self.ID)
			if _, err := old.Claim(t.Context(), stream); err == nil {
				t.Error("the earlier run takes it back")
			}
		}
		c.Release()
		await(t, time.Second, "it is released", func() bool { return r.claims() == 0 })
	}
}

// TestUpgrade has another run of a server take the place of one that keeps its streams until they have left: it says so, and then what it has,
// also what it has claimed late, is the other one's as soon as that wants it, and never the other way round.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	r := startRedis(t)
	self := Node{ID: "old", Host: "10.0.0.1", RTMP: 1935}
	old := makeMember(t, r.url(), time.Minute, self)
	self.ID = "new"
	young := makeMember(t, r.url(), time.Minute, self)
	third := startMember(t, r.url(), time.Minute, "c")
	old.run()
	young.run()
	old.claim(stream)
	old.claim(stream + "2")
	knows := func(draining bool) func() bool {
		return func() bool {
			n, ok := young.table.Load().byID["old"]
			return ok && n.Draining == draining
		}
	}
	await(t, 5*time.Second, "the new one knows the old one", knows(false))
	if claimError(young, stream) == nil {
		t.Error("a claim made after the new one began is replaced, though the old one stays")
	}
	old.change(func(n *Node) { n.Draining = true })
	await(t, 5*time.Second, "the old one says that it goes", knows(true))
	third.mustFind(stream, "old")
	n := young.nodeOf(t.Context(), "old")
	if !young.Earlier(n) || old.Earlier(young.nodeOf(t.Context(), "new")) || third.Earlier(n) {
		t.Error("it is not known which is the earlier")
	}
	young.claim(stream)
	old.awaitLoss(5*time.Second, stream, "new")
	if claimError(old, stream) == nil {
		t.Error("the old one takes it back")
	}
	third.mustFind(stream, "new")
	third.mustFind(stream+"2", "old")
	young.change(func(n *Node) { n.Draining = true })
	await(t, 5*time.Second, "the old one hears that the new one goes too", func() bool { return old.nodeOf(t.Context(), "new").Draining })
	if claimError(old, stream) == nil {
		t.Error("the old one takes it from the new one that goes too")
	}
	old.end()
	third.mustFind(stream, "new")
	third.awaitFind(time.Second, stream+"2", ErrUnknown.Error())
	young.lostNothing()
}

// TestBusy claims and releases at once, while all is renewed: what was released stays so.
func TestBusy(t *testing.T) {
	t.Parallel()
	r := startRedis(t)
	a, b := startMember(t, r.url(), time.Second, "a"), startMember(t, r.url(), time.Second, "b")
	var all sync.WaitGroup
	end := time.Now().Add(2 * time.Second)
	for n := range 8 {
		m := []*member{a, b}[n%2]
		all.Go(func() {
			for i := 0; time.Now().Before(end); i++ {
				key := fmt.Sprint(stream, i%50)
				c, err := m.Claim(t.Context(), key)
				var taken *Taken
				if err != nil && !errors.As(err, &taken) {
					t.Error(err)
					return
				}
				if f, err := m.Find(t.Context(), key); err != nil && !errors.Is(err, ErrUnknown) {
					t.Error(f, err)
				}
				if i%3 == 0 {
					m.hurry()
				}
				if c != nil {
					c.Release()
				}
			}
		})
	}
	all.Wait()
	await(t, time.Second/2, "nothing is claimed", func() bool { return r.claims() == 0 })
	time.Sleep(time.Second / 2) // a renewal more
	if n := r.claims(); n != 0 || a.Claims() != 0 || b.Claims() != 0 {
		t.Errorf("%d, %d and %d claims are left", n, a.Claims(), b.Claims())
	}
	a.lostNothing()
	b.lostNothing()
}

// TestScriptsForgotten has Redis forget its scripts, and something else in the place of a claim.
func TestScriptsForgotten(t *testing.T) {
	t.Parallel()
	r := startRedis(t)
	a, b := startMember(t, r.url(), time.Second, "a"), startMember(t, r.url(), time.Second, "b")
	for i := range 700 {
		a.claim(fmt.Sprint(stream, i))
	}
	if err := r.ScriptFlush(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if err := r.Set(t.Context(), streamKey+stream+"7", "not a claim", 0).Err(); err != nil {
		t.Fatal(err)
	}
	r.Del(t.Context(), streamKey+stream+"8")
	if err := r.LPush(t.Context(), streamKey+stream+"8", "not even a text").Err(); err != nil {
		t.Fatal(err)
	}
	b.mustFind(stream+"7", ErrUnknown.Error())
	b.mustFind(stream+"8", ErrUnknown.Error())
	b.awaitFind(time.Second, stream+"7", "a")
	b.awaitFind(time.Second, stream+"8", "a")
	time.Sleep(time.Second)
	if n := r.claims(); n != 700 {
		t.Errorf("%d of 700 claims are there", n)
	}
	r.Publish(t.Context(), channel, "not an event")
	r.HSet(t.Context(), toldKey, "z", "not a node")
	a.lostNothing()
	for _, m := range []*member{a, b} {
		if m.log.String() != "" {
			t.Error(m.log.String())
		}
	}
}

func TestNodes(t *testing.T) {
	t.Parallel()
	r := startRedis(t)
	a, b, c := startMember(t, r.url(), time.Second, "a"), startMember(t, r.url(), time.Second, "b"), startMember(t, r.url(), time.Second, "c")
	least := func(want string) {
		t.Helper()
		await(t, 2*time.Second, want+" has the least to do", func() bool {
			n, ok := a.Least()
			return ok == (want != "") && n.ID == want
		})
	}
	await(t, 2*time.Second, "a knows all", func() bool { return len(a.Nodes()) == 3 })
	a.change(func(n *Node) { n.Load, n.Clients = 0.5, 7 })
	b.change(func(n *Node) { n.Load = 0.25 })
	c.change(func(n *Node) { n.Load = 2 })
	least("b")
	b.change(func(n *Node) { n.Draining = true })
	least("a")
	a.change(func(n *Node) { n.Load, n.Streams = 1, 3 })
	least("c") // the same load, and fewer streams
	c.end()
	least("a")
	a.change(func(n *Node) { n.RTMP = 0 })
	least("")
	await(t, 2*time.Second, "b knows about a", func() bool {
		for _, n := range b.Nodes() {
			if n.ID == "a" {
				return n.Load == 1 && n.Clients == 7 && n.Streams == 3 && n.RTMP == 0
			}
		}
		return false
	})
}

// TestLeastSpreads has many come at once, before any load has changed: they do not all go to one node, but none to one that has
// much to do.
func TestLeastSpreads(t *testing.T) {
	d := &Directory{}
	d.table.Store(&table{byID: map[string]Heard{}})
	for i := range 10 {
		id := fmt.Sprint(i)
		d.table.Load().byID[id] = Heard{Node: Node{ID: id, RTMP: 1935, Load: float64(i) / 100}}
	}
	to := map[string]int{}
	for range 1000 {
		n, _ := d.Least()
		to[n.ID]++
	}
	if len(to) != 6 || slices.Max(slices.Collect(maps.Values(to))) > 500 {
		t.Errorf("they go to %v", to)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, o := range []Options{
		{Registry: "redis://u:TOPSECRET@/x", Self: func() Node { return Node{ID: "a"} }},
		{Registry: "redis://a", Self: func() Node { return Node{ID: "a b"} }},
		{Registry: "redis://a", Self: func() Node { return Node{ID: "a", Host: "a/b"} }},
		{Registry: "redis://a", Self: func() Node { return Node{ID: "a", RTMP: 65536} }},
	} {
		if _, err := New(o); err == nil || strings.Contains(err.Error(), "TOPSECRET") {
			t.Errorf("%+v: %v", o.Self(), err)
		}
	}
}
