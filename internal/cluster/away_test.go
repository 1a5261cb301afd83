package cluster

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// oneLineEach fails unless a member has logged once that Redis went, and once that it came.
func (m *member) oneLineEach() {
	m.t.Helper()
	if m.log.Count("level=WARN", "cannot be reached") != 1 || m.log.Count("level=INFO", "is back") != 1 || m.log.Count("") != 2 {
		m.t.Errorf("%s has logged\n%s", m.id, m.log.String())
	}
}

// TestAway stops Redis, which forgets everything, and starts it again.
func TestAway(t *testing.T) {
	t.Parallel()
	r := startRedis(t)
	a, b := startMember(t, r.url(), time.Second, "a"), startMember(t, r.url(), time.Second, "b")
	var old []*Claim
	for i := range 1200 {
		old = append(old, a.claim(fmt.Sprint(stream, i)))
	}
	b.mustFind(stream+"1", "a")
	b.mustFind("unknown", ErrUnknown.Error())
	a.mustFind("mine", ErrUnknown.Error())
	var mine *Claim
	a.told("mine", func() { mine = a.claim("mine") })
	r.stop()
	await(t, 3*time.Second, "a and b know that Redis is away", func() bool { return !a.Reachable() && !b.Reachable() })
	began := time.Now()
	b.mustFind(stream+"1", "stale a")
	b.mustFind(stream+"2", ErrUnreachable.Error())
	b.mustFind("unknown", ErrUnreachable.Error())
	a.mustFind(stream+"1", "a")
	mine.Release()
	a.mustFind("mine", ErrUnreachable.Error())
	young := a.claim("new")
	both := b.claim("both")
	a.claim("both").Release()
	c, err := a.Claim(t.Context(), "both")
	if err != nil || c.Registered() || young.Registered() || both.Registered() {
		t.Fatalf("registered while Redis is away: %v", err)
	}
	old[3].Release()
	if took := time.Since(began); took > 100*time.Millisecond {
		t.Errorf("what cannot be asked for takes %v", took)
	}
	time.Sleep(1500 * time.Millisecond) // longer than a lease
	b.mustFind(stream+"1", "stale a")
	if len(b.Nodes()) != 2 {
		t.Errorf("%d nodes", len(b.Nodes()))
	}
	a.lostNothing()

	r.start()
	await(t, 3*time.Second, "Redis is back for a and b", func() bool { return a.Reachable() && b.Reachable() })
	b.awaitFind(time.Second, stream+"1", "a")
	b.awaitFind(time.Second, stream+"1199", "a")
	b.awaitFind(time.Second, "new", "a")
	b.awaitFind(time.Second, stream+"3", ErrUnknown.Error())
	if !young.Registered() || !old[1].Registered() {
		t.Error("not registered again")
	}
	select { // one of the two has it
	case l := <-a.losses:
		if l.key != "both" || l.to.ID != "b" || !both.Registered() || c.Registered() {
			t.Errorf("lost %s to %s", l.key, l.to.ID)
		}
	case l := <-b.losses:
		if l.key != "both" || l.to.ID != "a" || both.Registered() || !c.Registered() {
			t.Errorf("lost %s to %s", l.key, l.to.ID)
		}
	case <-time.After(2 * time.Second):
		t.Error("two have the same stream")
	}
	a.lostNothing()
	b.lostNothing()
	a.oneLineEach()
	b.oneLineEach()
}

// TestAwayAtFirst starts nodes without Redis.
func TestAwayAtFirst(t *testing.T) {
	t.Parallel()
	r := startRedis(t)
	r.stop()
	a := makeMember(t, r.url(), time.Second, Node{ID: "a", Host: "h", RTMP: 1935})
	a.run()
	c := a.claim(stream)
	a.mustFind("other", ErrUnreachable.Error())
	if c.Registered() || len(a.Nodes()) != 0 {
		t.Error("registered nowhere")
	}
	r.start()
	await(t, 3*time.Second, "it is registered", c.Registered)
	startMember(t, r.url(), time.Second, "b").mustFind(stream, "a")
	await(t, time.Second, "it is back", a.Reachable)
	a.oneLineEach()
}

// TestSplit cuts a node off for longer than a lease. Others take its streams, and it hears of that when it is back.
func TestSplit(t *testing.T) {
	t.Parallel()
	r := startRedis(t)
	w := layWire(t, r.addr())
	a, b := startMember(t, w.url(), time.Second, "a"), startMember(t, r.url(), time.Second, "b")
	lostOne, kept := a.claim("one"), a.claim("two")
	b.mustFind("one", "a")
	w.set(true)
	await(t, 2*time.Second, "a is cut off", func() bool { return !a.Reachable() })
	await(t, 3*time.Second, "b has the stream", func() bool {
		_, err := b.Claim(t.Context(), "one")
		return err == nil
	})
	b.claim("three")
	late := a.claim("three") // it cannot know
	a.mustFind("one", "a")
	b.mustFind("one", "b")
	a.lostNothing()
	w.set(false)
	got := map[string]bool{}
	for range 2 {
		select {
		case l := <-a.losses:
			if l.to.ID != "b" || l.to.RTMP != 10098 {
				t.Errorf("%s is lost to %+v", l.key, l.to)
			}
			got[l.key] = true
		case <-time.After(3 * time.Second):
			t.Fatalf("a was told of %v", got)
		}
	}
	if !got["one"] || !got["three"] {
		t.Errorf("lost %v", got)
	}
	await(t, time.Second, "two is registered again", kept.Registered)
	b.awaitFind(time.Second, "two", "a")
	a.awaitFind(time.Second, "one", "b")
	if lostOne.Registered() || late.Registered() || a.Claims() != 1 {
		t.Errorf("%d claims", a.Claims())
	}
	lostOne.Release() // is nothing
	late.Release()
	a.mustFind("three", "b")
	b.mustFind("three", "b")
	a.lostNothing()
	b.lostNothing()
	a.oneLineEach()
	if b.log.String() != "" {
		t.Error(b.log.String())
	}
}

// TestStolen has another node write over a claim: that is told at once, and not with the next renewal.
func TestStolen(t *testing.T) {
	t.Parallel()
	r := startRedis(t)
	a, b := startMember(t, r.url(), 30*time.Second, "a"), startMember(t, r.url(), 30*time.Second, "b")
	told := r.Subscribe(t.Context(), channel)
	defer told.Close()
	if _, err := told.Receive(t.Context()); err != nil { // from here on it hears
		t.Fatal(err)
	}
	a.claim(stream)
	r.Del(t.Context(), streamKey+stream)
	b.claim(stream)
	a.awaitLoss(time.Second, stream, "b")
	for _, want := range []string{"c a", "c b", "l a"} {
		m, err := told.ReceiveMessage(t.Context())
		if err != nil || !strings.HasPrefix(m.Payload, want+" ") || !strings.HasSuffix(m.Payload, " "+stream) {
			t.Fatalf("%v was told, %v; want %s", m, err, want)
		}
	}
	a.awaitFind(time.Second, stream, "b")
}

// TestPause has Redis stop answering, without closing anything, for longer than a lease.
func TestPause(t *testing.T) {
	t.Parallel()
	for name, pause := range map[string]func(t *testing.T, r *redisServer, d time.Duration){
		"CLIENT PAUSE": func(t *testing.T, r *redisServer, d time.Duration) {
			if err := r.Do(t.Context(), "CLIENT", "PAUSE", d.Milliseconds(), "ALL").Err(); err != nil {
				t.Fatal(err)
			}
		},
		"SIGSTOP": func(_ *testing.T, r *redisServer, d time.Duration) {
			r.freeze()
			time.AfterFunc(d, r.thaw)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startRedis(t)
			a, b := startMember(t, r.url(), time.Second, "a"), startMember(t, r.url(), time.Second, "b")
			claims := []*Claim{a.claim("one"), a.claim("two")}
			b.mustFind("one", "a")
			const length = 2500 * time.Millisecond
			pause(t, r, length)
			began := time.Now()
			_, _ = b.Find(t.Context(), "who")
			if took := time.Since(began); took > time.Second {
				t.Errorf("a look-up takes %v", took)
			}
			await(t, 2*time.Second, "both know that Redis is away", func() bool { return !a.Reachable() && !b.Reachable() })
			b.mustFind("one", "stale a")
			claims = append(claims, a.claim("three"))
			await(t, length+3*time.Second, "Redis is back", func() bool { return a.Reachable() && b.Reachable() })
			for i, key := range []string{"one", "two", "three"} {
				await(t, 2*time.Second, key+" is registered", claims[i].Registered)
				b.awaitFind(2*time.Second, key, "a")
			}
			a.lostNothing()
			a.oneLineEach()
			b.oneLineEach()
		})
	}
}

// TestTooMany claims more than the bound, and looks for more than is remembered.
func TestTooMany(t *testing.T) {
	t.Parallel()
	r := startRedis(t)
	r.stop()
	a := makeMember(t, r.url(), time.Second, Node{ID: "a"})
	defer a.redis.Close()
	a.link.fail(errors.New("away"))
	for i := range maxClaims {
		a.claim(fmt.Sprint(i))
	}
	if _, err := a.Claim(t.Context(), "more"); err == nil {
		t.Errorf("there are %d claims", a.Claims())
	}
	a.claim("7").Release()
	s := &a.answers
	for i := range maxAnswers + 1000 {
		q, _ := s.ask(fmt.Sprint(i))
		s.put(fmt.Sprint(i), q, "b", time.Minute)
	}
	if len(s.known) != maxAnswers || len(s.asked) != 0 {
		t.Errorf("%d answers, %d look-ups", len(s.known), len(s.asked))
	}
	for i := range maxAsked + 1000 {
		if _, first := s.ask(fmt.Sprint(i)); !first {
			t.Fatal("asked twice")
		}
	}
	if len(s.asked) != maxAsked {
		t.Errorf("%d look-ups", len(s.asked))
	}
	for range maxWatches {
		if _, _, err := a.Watch("x"); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := a.Watch("x"); err == nil {
		t.Error("as many wait as want to")
	}
}
