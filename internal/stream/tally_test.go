package stream

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestCensus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rules := cached
		rules.QueueLength = time.Second
		g := newRegistry(rules)
		viewer := func(name, kind string) *Subscriber {
			r := request(name)
			r.Viewer, r.Kind = true, kind
			return subscribe(t, g, r)
		}
		p := publish(t, g, request("one"))
		slow := viewer("one", "x-play")
		still := viewer("one", "y-play") // which does not read at all
		viewer("two", "y-play")
		subscribe(t, g, request("three")) // a relay is no audience
		p.must(t, gops(30))
		if _, err := drain(slow); err != nil {
			t.Fatal(err)
		}
		lost := slow.Lost() + still.Missed()
		if slow.Lost() == 0 || still.Missed() == 0 {
			t.Fatal("nothing is lost")
		}
		check := func(n, others int, names string, viewers string, want uint64) {
			t.Helper()
			c := g.Census(n)
			var got string
			for _, s := range c.Busiest {
				got += s.Name + " "
			}
			if got != names || c.Others != others || fmt.Sprint(c.Viewers) != viewers || c.Streams != others+len(c.Busiest) {
				t.Errorf("the busiest %d: %s, %d others, viewers %v", n, got, c.Others, c.Viewers)
			}
			if c.Lost != want || len(c.Busiest) > 0 && c.Busiest[0].Lost != want {
				t.Errorf("%d lost, want %d: %+v", c.Lost, want, c.Busiest)
			}
		}
		all := "map[x-play:1 y-play:2]"
		check(10, 0, "one two three ", all, lost)
		check(2, 1, "one two ", all, lost)
		check(0, 3, "", all, lost)
		slow.Close()
		check(10, 0, "one two three ", "map[y-play:2]", lost) // they are not forgotten
		if one := g.Census(1).Busiest[0]; one.Publisher != p.request.ID || one.VideoFrames != 300 || one.Viewers["y-play"] != 1 || len(one.Viewers) != 1 {
			t.Errorf("%+v", one)
		}
	})
}

// TestMeasures turns the sampling of rates off and on.
func TestMeasures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		on := true
		g := NewRegistry(Options{Measures: func() bool { return on }})
		r := request("one")
		r.Traffic = &Traffic{}
		defer publish(t, g, r).Close()
		busy := func() int {
			for range rateSlots {
				r.Traffic.Received.Add(300_000)
				g.sample()
			}
			return g.Totals().Usage.ReceivedKbps
		}
		if n := busy(); n != 800 {
			t.Errorf("%d kbps", n)
		}
		on = false
		if n := busy(); n != 0 {
			t.Errorf("%d kbps, and nothing is measured", n)
		}
		on = true
		if n := busy(); n != 800 {
			t.Errorf("%d kbps again", n)
		}
	})
}
