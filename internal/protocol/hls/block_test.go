package hls

import (
	"fmt"
	"net/http"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/testkit/studio"
)

// live runs a test with a stream of low latency, in the middle of its fifth segment.
func live(t *testing.T, more string, test func(t *testing.T, r *rig, e *studio.Encoder, p text)) {
	t.Helper()
	bubble(t, shortLow+more, func(t *testing.T, r *rig) {
		e := r.Publish("live", "a").Run(9100 * time.Millisecond)
		test(t, r, e, newReader(t).see(r.Must("/live/a.m3u8")))
	})
}

// TestBlock has requests wait for parts and for segments, and be woken by these.
func TestBlock(t *testing.T) {
	live(t, "", func(t *testing.T, r *rig, e *studio.Encoder, p text) {
		n, have := p.end(), len(p.parts[p.end()])
		if have < 4 || have > 5 {
			t.Fatalf("%d parts", have)
		}
		list := func(msn, part int) string {
			if part < 0 {
				return fmt.Sprintf("/live/a.m3u8?_HLS_msn=%d", msn)
			}
			return fmt.Sprintf("/live/a.m3u8?_HLS_msn=%d&_HLS_part=%d", msn, part)
		}
		for _, there := range [][2]int{{0, -1}, {n - 1, -1}, {n - 1, 9}, {n - 1, 10}, {n - 1, 1000}, {n, 0}, {n, have - 1}, {n - 2, 1000}} {
			if a := r.ask(list(there[0], there[1])); a.waits() {
				t.Errorf("%v waits", there)
			}
		}
		began := time.Now()
		type wait struct{ msn, part int }
		asked := map[wait]*asking{}
		due := map[wait]int64{ // ms, when the frame comes that ends a part; a segment ends with its last part
			{n, have}: 100, {n, have + 2}: 500, {n, 9}: 900, {n, -1}: 900, {n, 10}: 1100, {n + 1, 0}: 1100,
			{n + 1, 3}: 1700, {n + 1, -1}: 2900, {n + 2, 1}: 3300,
		}
		for w := range due {
			asked[w] = r.ask(list(w.msn, w.part))
		}
		e.Run(4 * time.Second)
		for w, want := range due {
			if asked[w].waits() {
				t.Errorf("%v: not woken", w)
				continue
			}
			got := <-asked[w].got
			if late := got.at.Sub(began).Milliseconds() - want; late < -20 || late > 60 {
				t.Errorf("%v: woken after %s; want %d ms", w, got.at.Sub(began), want)
			}
			p := read(t, got.body)
			if p.end() < w.msn || p.end() == w.msn && (w.part < 0 || w.part >= len(p.parts[w.msn])) {
				t.Errorf("%v: woken with\n%s", w, got.body)
			}
		}
	})
}

// TestBlockRefuses has requests ask for what will not be.
func TestBlockRefuses(t *testing.T) {
	live(t, "", func(t *testing.T, r *rig, _ *studio.Encoder, p text) {
		for query, code := range map[string]int{
			"_HLS_part=0": 400, "_HLS_msn=x": 400, "_HLS_msn=-1": 400, "_HLS_msn=1.5": 400, "_HLS_msn=99999999999999999999": 400,
			"_HLS_msn=1&_HLS_part=x": 400, "_HLS_msn=1&_HLS_part=-1": 400, "_HLS_msn=1&_HLS_part=99999999999": 400,
			fmt.Sprintf("_HLS_msn=%d", p.end()+3): 400, fmt.Sprintf("_HLS_msn=%d&_HLS_part=0", p.end()+100): 400, "_HLS_msn=9223372036854775807": 400,
			"_HLS_msn=": 200, "_HLS_skip=NO": 200, "_HLS_other=1": 200, "_HLS_msn=0&_HLS_part=0": 200, "%zz": 200,
		} {
			began := time.Now()
			if got, body, _ := r.Get("/live/a.m3u8?" + query); got != code || time.Since(began) > 0 {
				t.Errorf("%s: %d %.80s after %s", query, got, body, time.Since(began))
			}
		}
	})
}

// TestBlockEnds has the publisher fall silent, or leave.
func TestBlockEnds(t *testing.T) {
	live(t, "", func(t *testing.T, r *rig, e *studio.Encoder, p text) {
		next := fmt.Sprintf("/live/a.m3u8?_HLS_msn=%d&_HLS_part=0", p.end()+1)
		began := time.Now()
		list, part := r.ask(next), r.ask(below(p.hint)) // and nothing comes
		got := <-list.got
		if got.code != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" || got.at.Sub(began) != 6*time.Second {
			t.Errorf("silent: %d %v after %s", got.code, got.header, got.at.Sub(began))
		}
		if got := <-part.got; got.code != http.StatusServiceUnavailable || got.at.Sub(began) != 6*time.Second {
			t.Errorf("silent: the part: %d after %s", got.code, got.at.Sub(began))
		}
		list = r.ask(next)
		e.End() // and what there is of the segment ends it
		read(t, r.Must("/live/a.m3u8"))
		last := newReader(t).see(r.Must("/live/a.m3u8"))
		if last.end() != p.end()+1 || len(last.parts[last.end()]) > 0 || !list.waits() {
			t.Errorf("left: %+v", last)
		}
		began = time.Now()
		gone := r.ask(fmt.Sprintf("/live/a.m3u8?_HLS_msn=%d", last.end()))
		got = <-gone.got
		if got.code != http.StatusOK || got.at.Sub(began) != 2*time.Second || read(t, got.body).end() != last.end() {
			t.Errorf("left: %d after %s", got.code, got.at.Sub(began))
		}
		<-list.got
		again := r.Publish("live", "a")
		list = r.ask(fmt.Sprintf("/live/a.m3u8?_HLS_msn=%d&_HLS_part=0", last.end()))
		hinted := r.ask(below(last.hint))
		again.Run(time.Second)
		if list.waits() || hinted.waits() {
			t.Error("back again: nobody is woken")
			return
		}
		back := read(t, (<-list.got).body)
		if b := <-hinted.got; !back.open.discontinuity || back.parts[back.end()][0].uri != last.hint || b.code != 200 || b.body == "" {
			t.Errorf("back again: %+v", back)
		}
	})
}

// TestBlockLeft has clients leave: nothing of them stays.
func TestBlockLeft(t *testing.T) {
	live(t, "", func(t *testing.T, r *rig, _ *studio.Encoder, p text) {
		before := runtime.NumGoroutine()
		var list []*asking
		for range 50 {
			list = append(list, r.ask(fmt.Sprintf("/live/a.m3u8?_HLS_msn=%d", p.end()+1)), r.ask(below(p.hint)))
		}
		synctest.Wait()
		if n := runtime.NumGoroutine(); n < before+100 {
			t.Errorf("%d goroutines, then %d", before, n)
		}
		for _, a := range list {
			a.leave()
		}
		synctest.Wait()
		if n := runtime.NumGoroutine(); n > before+10 { // the runtime has some now and then
			t.Errorf("%d goroutines, then %d", before, n)
		}
	})
}

// TestHint has clients ask for a part before it is there: from all places, they get the same.
func TestHint(t *testing.T) {
	for _, more := range []string{"", "hls_serve_from memory;", "hls_keys on;"} {
		live(t, more, func(t *testing.T, r *rig, e *studio.Encoder, p text) {
			for range 30 {
				early := r.ask(below(p.hint))
				if !early.waits() {
					t.Fatalf("the hint %s is there", p.hint)
				}
				e.Run(200 * time.Millisecond)
				if early.waits() {
					t.Fatalf("the hint %s does not come", p.hint)
				}
				a := <-early.got
				_, late, h := r.Get(below(p.hint))
				if a.code != 200 || a.body == "" || a.body != late || h.Get("Content-Type") != "video/mp4" {
					t.Errorf("early %d with %d bytes, late %d bytes", a.code, len(a.body), len(late))
				}
				before := p
				if p = read(t, r.Must("/live/a.m3u8")); p.hint == before.hint {
					t.Fatal("the hint stays")
				}
				for _, list := range p.parts {
					for _, f := range list {
						if f.uri == p.hint {
							t.Errorf("the hint %s is listed", p.hint)
						}
					}
				}
			}
			o := r.server.outputs.All()[0]
			wait := r.ask(below(p.hint))
			o.Dispose()
			if wait.waits() {
				t.Error("disposed of: who waits for a part goes on waiting")
			} else if got := <-wait.got; got.code != http.StatusNotFound {
				t.Errorf("disposed of: %d", got.code)
			}
		})
	}
}

// TestStall has the publisher stop in the middle of a segment, and go on.
func TestStall(t *testing.T) {
	for _, stall := range []time.Duration{700 * time.Millisecond, 2500 * time.Millisecond, 10 * time.Second} {
		live(t, "", func(t *testing.T, r *rig, e *studio.Encoder, _ text) {
			player := newReader(t)
			player.see(r.Must("/live/a.m3u8"))
			time.Sleep(stall)
			player.see(r.Must("/live/a.m3u8"))
			e.Skip = stall
			var p text
			for range 100 {
				e.Run(200 * time.Millisecond)
				p = player.see(r.Must("/live/a.m3u8"))
			}
			r.fetch(p)
			if p.part > 0.21 || p.end() < 12 {
				t.Errorf("%s: 20 s later: part target %f, %d segments", stall, p.part, p.end())
			}
		})
	}
}
