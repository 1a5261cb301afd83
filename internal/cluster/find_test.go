package cluster

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// TestCache counts what Redis is asked.
func TestCache(t *testing.T) {
	t.Parallel()
	r := startRedis(t)
	const lease = 30 * time.Second // no answer gets old by itself
	a, b, c := startMember(t, r.url(), lease, "a"), startMember(t, r.url(), lease, "b"), startMember(t, r.url(), lease, "c")
	var claim *Claim
	b.told(stream, func() { claim = a.claim(stream) })
	gets := r.calls("get")
	asked := func(want int, why string) {
		t.Helper()
		if n := r.calls("get") - gets; n != want {
			t.Errorf("%s: Redis was asked %d times, want %d", why, n, want)
		}
		gets = r.calls("get")
	}
	b.mustFind(stream, "a")
	asked(1, "the first time")
	for range 100 {
		b.mustFind(stream, "a")
		a.mustFind(stream, "a")
	}
	asked(0, "out of memory")
	b.Forget(stream)
	b.mustFind(stream, "a")
	asked(1, "forgotten")

	claim.Release()
	b.awaitFind(time.Second, stream, ErrUnknown.Error())
	c.claim(stream)
	b.awaitFind(time.Second, stream, "c")
	a.awaitFind(time.Second, stream, "c")

	gets = r.calls("get")
	began := time.Now()
	for time.Since(began) < 150*time.Millisecond {
		b.mustFind("nobody", ErrUnknown.Error())
	}
	asked(1, "what nobody has")
	time.Sleep(60 * time.Millisecond)
	b.mustFind("nobody", ErrUnknown.Error())
	asked(1, "a while later")
	a.claim("nobody")
	b.awaitFind(150*time.Millisecond, "nobody", "a") // the event is faster than the time
}

// TestShared has many ask for the same stream at once.
func TestShared(t *testing.T) {
	t.Parallel()
	r := startRedis(t)
	a, b := startMember(t, r.url(), 30*time.Second, "a"), startMember(t, r.url(), 30*time.Second, "b")
	b.told(stream, func() { a.claim(stream) })
	gets := r.calls("get")
	r.Do(t.Context(), "CLIENT", "PAUSE", 200, "ALL")
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { b.mustFindSoon(stream, "a") })
	}
	all.Wait()
	if n := r.calls("get") - gets; n != 1 {
		t.Errorf("Redis was asked %d times", n)
	}
}

// mustFindSoon is mustFind on another goroutine.
func (m *member) mustFindSoon(key, want string) {
	if got := m.finds(key); got != want {
		m.t.Errorf("%s finds %s at %q, want %q", m.id, key, got, want)
	}
}

// TestNewNode finds a stream of a node that came after the last beat.
func TestNewNode(t *testing.T) {
	t.Parallel()
	r := startRedis(t)
	b := startMember(t, r.url(), 30*time.Second, "b")
	for i := range 10 {
		id := fmt.Sprint(string(rune('m'+i)), "-late")
		a := startMember(t, r.url(), 30*time.Second, id)
		a.claim(id)
		b.mustFind(id, id)
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	r := startRedis(t)
	w := layWire(t, r.addr())
	a, b := startMember(t, r.url(), 30*time.Second, "a"), startMember(t, w.url(), 30*time.Second, "b")
	changed, stop, err := b.Watch(stream)
	if err != nil {
		t.Fatal(err)
	}
	other, stopOther, err := b.Watch("other")
	if err != nil {
		t.Fatal(err)
	}
	told := func(what string) {
		t.Helper()
		select {
		case <-changed:
		case <-time.After(3 * time.Second):
			t.Fatalf("nobody was told that %s", what)
		}
	}
	c := a.claim(stream)
	told("it was claimed")
	b.mustFind(stream, "a")
	c.Release()
	told("it was released")
	b.mustFind(stream, ErrUnknown.Error())
	select {
	case <-other:
		t.Error("who waits for another stream was told")
	default:
	}
	w.set(true)
	await(t, 3*time.Second, "b is cut off", func() bool { return !b.Reachable() })
	a.claim(stream)
	w.set(false)
	told("something may have been missed")
	b.awaitFind(2*time.Second, stream, "a")
	stop()
	stop()
	stopOther()
	if b.watches.count != 0 || len(b.watches.byKey) != 0 {
		t.Errorf("%d wait, for %d", b.watches.count, len(b.watches.byKey))
	}
}

// TestLateAnswer has an event come while Redis is asked: the answer may be from before, and is not kept.
func TestLateAnswer(t *testing.T) {
	s := &answers{known: map[string]answer{}, asked: map[string]*question{}}
	for name, event := range map[string]func(){
		"released": func() { s.forget("k") },
		"claimed":  func() { s.changed("k", "b") },
		"missed":   s.doubt,
	} {
		q, first := s.ask("k")
		if _, shared := s.ask("k"); !first || shared {
			t.Error("a look-up is not shared")
		}
		event()
		again, first := s.ask("k")
		if !first || again == q {
			t.Errorf("%s: who comes later shares the look-up", name)
		}
		s.put("k", q, "a", time.Minute)
		if _, fresh := s.recall("k"); fresh {
			t.Errorf("%s: an answer from before is kept", name)
		}
		s.put("k", again, "b", time.Minute)
		if a, fresh := s.recall("k"); !fresh || a.id != "b" {
			t.Errorf("%s: the answer is %+v, %v", name, a, fresh)
		}
		s.forget("k")
	}
}
