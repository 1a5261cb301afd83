package cluster

import (
	"testing"
	"time"
)

// heard is what a member has heard of a node.
func (m *member) heard(id string) (Heard, bool) {
	for _, h := range m.Nodes() {
		if h.ID == id {
			return h, true
		}
	}
	return Heard{}, false
}

// TestHeard has what nodes tell of themselves, and for how long it holds: by their own leases.
func TestHeard(t *testing.T) {
	t.Parallel()
	r := startRedis(t)
	a, b := startMember(t, r.url(), 2*time.Second, "a"), startMember(t, r.url(), 9*time.Second, "b")
	a.claim(stream)
	claim := a.claim(stream + "2")
	if n := a.Self(); n.ID != "a" || n.Claims != 2 || n.Lease != 2000 {
		t.Errorf("a tells %+v", n)
	}
	claims := func(m *member, want int) func() bool {
		return func() bool { h, ok := m.heard("a"); return ok && h.Claims == want && h.Lease == 2000 }
	}
	await(t, 4*time.Second, "b hears of two claims", claims(b, 2))
	await(t, 2*time.Second, "a hears of itself", claims(a, 2))
	claim.Release()
	await(t, 4*time.Second, "b hears of one", claims(b, 1))
	for _, m := range []*member{a, b} {
		for id, lease := range map[string]time.Duration{"a": 2 * time.Second, "b": 9 * time.Second} {
			h, ok := m.heard(id)
			left, age := time.Until(h.Until), time.Since(h.Told())
			if !ok || left > lease || left < lease-2*time.Second || age < 0 || age > 2*time.Second {
				t.Errorf("%s knows %s: %t, told %v ago, holds for %v", m.id, id, ok, age, left)
			}
		}
	}
	r.stop()
	await(t, 5*time.Second, "a's lease is over", func() bool { h, ok := b.heard("a"); return ok && time.Now().After(h.Until) })
	if since, cause := b.Away(); cause == nil || time.Since(since) > 5*time.Second {
		t.Errorf("away since %v: %v", since, cause)
	}
	if b.Registry() != r.url() {
		t.Errorf("the registry is %s", b.Registry())
	}
	r.start()
	await(t, 5*time.Second, "b hears of a again", func() bool { h, ok := b.heard("a"); return ok && time.Now().Before(h.Until) })
	if since, cause := b.Away(); !since.IsZero() || cause != nil {
		t.Errorf("back, and away since %v: %v", since, cause)
	}
}

// TestTable has answers to a beat that another program may have made up.
func TestTable(t *testing.T) {
	now := time.Now()
	for name, answer := range map[string]any{
		"none": nil, "a number": int64(1), "a text": "x", "one list": []any{[]any{`{"id":"a"}`}}, "no time": []any{[]any{`{"id":"a"}`}, []any{}},
		"no lists": []any{"x", "y"}, "no records": []any{[]any{nil, int64(1), "{}"}, []any{int64(1), int64(1), int64(1)}},
	} {
		if got := newTable(answer, now); len(got.byID) != 0 {
			t.Errorf("%s: %+v", name, got.byID)
		}
	}
	got := newTable([]any{[]any{`{"id":"a","lease":1000}`, nil, `{"id":"b"}`, `{"id":"c"}`}, []any{int64(400), int64(1), int64(-1 << 63), int64(1<<63 - 1)}}, now).byID
	a, b, c := got["a"], got["b"], got["c"]
	if len(got) != 3 || a.Until.Sub(now) != 400*time.Millisecond || now.Sub(a.Told()) != 600*time.Millisecond || !b.Until.Equal(now) || c.Until.Sub(now) != maxLease || !b.Told().IsZero() {
		t.Errorf("%+v", got)
	}
	records, left := make([]any, maxNodes+1), make([]any, maxNodes+1)
	for i := range records {
		n := Node{ID: string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676))}
		text, err := n.record()
		if err != nil {
			t.Fatal(err)
		}
		records[i], left[i] = string(text), int64(1)
	}
	if got := newTable([]any{records, left}, now); len(got.byID) != maxNodes {
		t.Errorf("%d nodes", len(got.byID))
	}
}
