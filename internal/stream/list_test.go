package stream

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"
	"testing/synctest"
	"time"
)

func TestLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRegistry(cached)
		g.Know("b.example", DefaultVhost)
		began := time.Now()
		pr := request("one")
		pr.TCURL, pr.Traffic = "x://host/live", &Traffic{}
		p := publish(t, g, pr)
		time.Sleep(time.Second)
		r := subscribe(t, g, request("one"))
		other := request("two")
		other.Vhost = "a.example"
		subscribe(t, g, other)
		p.must(t, "KaP")

		vhosts := g.Vhosts()
		if len(vhosts) != 3 || vhosts[0].Name != DefaultVhost || vhosts[1].Name != "a.example" || vhosts[2].Name != "b.example" {
			t.Fatalf("Vhosts = %+v", vhosts)
		}
		if v := vhosts[0]; v.Clients != 2 || v.Streams != 1 || vhosts[1].Clients != 1 || vhosts[2].Clients != 0 {
			t.Errorf("Vhosts = %+v", vhosts)
		}
		streams := map[string]Info{}
		for _, s := range g.Streams() {
			streams[s.Name] = s
		}
		if s := streams["one"]; s.VhostID != vhosts[0].ID || s.URL != "/live/one" || s.TCURL != pr.TCURL || s.App != "live" ||
			s.Clients != 2 || s.VideoFrames != 2 || s.Publisher != pr.ID || s.Layout == nil {
			t.Errorf("stream one is %+v", s)
		}
		if s := streams["two"]; s.VhostID != vhosts[1].ID || s.URL != "a.example/live/two" || s.Clients != 1 || s.Publisher != "" || s.Layout != nil {
			t.Errorf("stream two is %+v", s)
		}
		sessions := map[string]SessionInfo{}
		for _, s := range g.Sessions() {
			sessions[s.Request.ID] = s
		}
		if s := sessions[pr.ID]; !s.Publish || s.Request != pr || !s.Started.Equal(began) || s.StreamID != streams["one"].ID || s.VhostID != vhosts[0].ID {
			t.Errorf("the publisher is %+v", s)
		}
		if s := sessions[r.request.ID]; s.Publish || !s.Started.Equal(began.Add(time.Second)) {
			t.Errorf("the reader is %+v", s)
		}
		for range 10 { // ids are stable, and so is the order
			if again := g.Streams(); len(again) != 2 || again[0].ID >= again[1].ID || streams[again[0].Name].ID != again[0].ID {
				t.Errorf("Streams = %+v", again)
			}
			if again := g.Vhosts(); again[0].ID != vhosts[0].ID {
				t.Errorf("Vhosts = %+v", again)
			}
		}
		p.Close()
		r.Close()
		if s := g.Streams(); len(s) != 1 || s[0].Name != "two" {
			t.Errorf("after its last session a stream is still there: %+v", s)
		}
		if n := g.Totals(); n.Served != 3 || n.Clients != 1 || n.Streams != 1 {
			t.Errorf("Totals = %+v", n)
		}
		if v := g.Vhosts(); len(v) != 3 || v[0].ID != vhosts[0].ID {
			t.Errorf("Vhosts = %+v", v)
		}
	})
}

// TestLookUps asks for one and for pages of what the whole lists have.
func TestLookUps(t *testing.T) {
	g := newRegistry(cached)
	for n := range 25 {
		for range 1 + n%3 {
			r := request(fmt.Sprint(n))
			r.Vhost, r.Traffic = fmt.Sprint("v", n%2), &Traffic{}
			r.Traffic.Sent.Add(uint64(n))
			subscribe(t, g, r)
		}
	}
	streams, sessions, vhosts := g.Streams(), g.Sessions(), g.Vhosts()
	if len(streams) != 25 || len(sessions) != 49 || len(vhosts) != 2 {
		t.Fatalf("%d streams, %d sessions, %d virtual hosts", len(streams), len(sessions), len(vhosts))
	}
	for _, want := range streams {
		if got, ok := g.Stream(want.ID); !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("Stream = %+v, %t; want %+v", got, ok, want)
		}
	}
	for _, want := range sessions {
		if got, ok := g.Session(want.Request.ID); !ok || got != want {
			t.Errorf("Session = %+v, %t; want %+v", got, ok, want)
		}
	}
	for _, want := range vhosts {
		if got, ok := g.Vhost(want.ID); !ok || got != want {
			t.Errorf("Vhost = %+v, %t; want %+v", got, ok, want)
		}
	}
	for _, x := range [][4]int{{0, 10, 0, 10}, {20, 10, 20, 25}, {24, math.MaxInt, 24, 25}, {25, 10, 25, 25}, {math.MaxInt, 1, 25, 25}, {-1, 3, 0, 3}, {4, -1, 4, 4}} {
		if got := g.StreamPage(x[0], x[1]); got == nil || !reflect.DeepEqual(got, streams[x[2]:x[3]:x[3]]) {
			t.Errorf("StreamPage(%d, %d) has %d, from %+v on", x[0], x[1], len(got), got)
		}
		if got := g.SessionPage(x[0], x[1]); got == nil || len(got) > 0 && got[0] != sessions[x[2]] {
			t.Errorf("SessionPage(%d, %d) has %d", x[0], x[1], len(got))
		}
	}
	_, stream := g.Stream(vhosts[0].ID)
	_, vhost := g.Vhost(streams[0].ID)
	if _, session := g.Session(streams[0].ID); stream || vhost || session {
		t.Error("found by the id of another kind")
	}
	for _, s := range sessions {
		if err := g.sessions[s.Request.ID].subscriber.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := g.Stream(streams[0].ID); ok || len(g.Streams())+len(g.Sessions()) != 0 {
		t.Error("somebody is left")
	}
	if v, ok := g.Vhost(vhosts[0].ID); !ok || v.Clients+v.Streams != 0 || v.Usage.Sent != vhosts[0].Usage.Sent {
		t.Errorf("Vhost = %+v, %t", v, ok)
	}
}

func TestTotalsOutliveSessions(t *testing.T) {
	g := newRegistry(cached)
	hold := request("s")
	hold.Traffic = &Traffic{}
	subscribe(t, g, hold)
	is := func(received, sent uint64) {
		t.Helper()
		for name, u := range map[string]Usage{"server": g.Totals().Usage, "vhost": g.Vhosts()[0].Usage, "stream": g.Streams()[0].Usage} {
			if u.Received != received || u.Sent != sent {
				t.Errorf("%s: %d received, %d sent; want %d, %d", name, u.Received, u.Sent, received, sent)
			}
		}
	}
	q := request("s")
	q.Traffic = &Traffic{}
	q.Traffic.Received.Add(100)
	p := publish(t, g, q)
	hold.Traffic.Sent.Add(7)
	is(100, 7)
	q.Traffic.Received.Add(50)
	is(150, 7)
	p.Close()
	p.Close()
	is(150, 7)

	// The connection publishes again: its bytes count once.
	again := request("s")
	again.Traffic = q.Traffic
	p = publish(t, g, again)
	is(150, 7)
	q.Traffic.Received.Add(1)
	is(151, 7)
	for _, s := range g.Sessions() {
		if s.Publish && s.Usage.Received != 151 {
			t.Errorf("the session has %d bytes, want all of its connection", s.Usage.Received)
		}
	}
	p.Close()
	is(151, 7)
}

func TestRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRegistry(cached)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- g.Run(ctx) }()
		q := request("s")
		q.Traffic = &Traffic{}
		publish(t, g, q)
		go func() {
			for ctx.Err() == nil { // 800 kbit/s in, 80 out
				q.Traffic.Received.Add(10_000)
				q.Traffic.Sent.Add(1_000)
				time.Sleep(100 * time.Millisecond)
			}
		}()
		is := func(received, sent int) {
			t.Helper()
			for name, u := range map[string]Usage{
				"server": g.Totals().Usage, "vhost": g.Vhosts()[0].Usage,
				"stream": g.Streams()[0].Usage, "session": g.Sessions()[0].Usage,
			} {
				if abs(u.ReceivedKbps-received) > received/50 || abs(u.SentKbps-sent) > sent/50+1 {
					t.Errorf("%s: %d kbit/s in, %d out; want %d, %d", name, u.ReceivedKbps, u.SentKbps, received, sent)
				}
			}
		}
		time.Sleep(29 * time.Second)
		is(0, 0)
		time.Sleep(5 * time.Second)
		is(800, 80)
		time.Sleep(time.Hour)
		is(800, 80)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
		time.Sleep(time.Second) // the traffic ends
	})
}

func TestKick(t *testing.T) {
	g := newRegistry(cached)
	var got error
	q := request("s")
	q.Kick = func(cause error) {
		got = cause
		g.Totals() // no lock is held
	}
	p := publish(t, g, q)
	silent := request("s")
	subscribe(t, g, silent)
	if err := g.Kick(q.ID, ErrKicked); err != nil || !errors.Is(got, ErrKicked) {
		t.Errorf("Kick = %v, the session hears %v", err, got)
	}
	p.Close()
	for name, id := range map[string]string{"unknown": "00000000", "gone": q.ID, "deaf": silent.ID} {
		if err := g.Kick(id, ErrKicked); !errors.Is(err, ErrNoSession) {
			t.Errorf("Kick of one that is %s: %v", name, err)
		}
	}
}

func TestOneIDInTwoSessions(t *testing.T) {
	g := newRegistry(cached)
	a, b := request("a"), request("b")
	b.ID = a.ID
	first := publish(t, g, a)
	second := publish(t, g, b)
	is := func(streams int) {
		t.Helper()
		if list := g.Sessions(); len(list) != 1 || list[0].Request != b {
			t.Errorf("Sessions = %+v", list)
		}
		if n, v := g.Totals(), g.Vhosts()[0]; n.Clients != 1 || v.Clients != 1 || n.Streams != streams || v.Streams != streams {
			t.Errorf("%+v, %+v", n, v)
		}
	}
	is(2)
	first.Close()
	is(1)
	second.Close()
	if n := g.Totals(); n.Clients+n.Streams != 0 {
		t.Errorf("%+v is left", n)
	}
}

func TestNewID(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := NewID()
		if len(id) != 8 || seen[id] {
			t.Fatalf("NewID = %q", id)
		}
		seen[id] = true
		for _, c := range id {
			if (c < '0' || c > '9') && (c < 'a' || c > 'z') {
				t.Fatalf("NewID = %q", id)
			}
		}
	}
}
