package hls

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/media"
	"weir/internal/testkit/studio"
)

const shortLow = short + "hls_low_latency on; hls_part 0.2; "

// answer is what a request got.
type answer struct {
	code   int
	body   string
	header http.Header
	at     time.Time
}

// asking is a request that may wait.
type asking struct {
	got   chan answer
	leave context.CancelFunc
}

func (r *rig) ask(path string) *asking {
	ctx, cancel := context.WithCancel(r.t.Context())
	a := &asking{make(chan answer, 1), cancel}
	q := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	h := r.server.Route(q)
	if h == nil {
		a.got <- answer{at: time.Now()}
		return a
	}
	go func() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, q)
		a.got <- answer{w.Code, w.Body.String(), w.Header(), time.Now()}
	}()
	return a
}

// waits reports whether there is no answer yet.
func (a *asking) waits() bool {
	synctest.Wait()
	return len(a.got) == 0
}

// joined fetches the parts of a segment, one behind the other.
func (r *rig) joined(p text, seq int) string {
	r.t.Helper()
	var b strings.Builder
	for _, f := range p.parts[seq] {
		key := p.open.key
		if seq < p.end() {
			key = p.entries[seq-p.first()].key
		}
		b.WriteString(r.open(key, r.Must(below(f.uri))))
	}
	return b.String()
}

// TestLow reads a playlist of low latency at all moments, whole and as updates.
func TestLow(t *testing.T) {
	for _, more := range []string{"", "hls_serve_from memory;", "hls_serve_from both;", "hls_keys on; hls_fragments_per_key 2;"} {
		t.Run(more, func(t *testing.T) {
			bubble(t, shortLow+more+"hls_window 30;", func(t *testing.T, r *rig) {
				player, updated := newReader(t), newReader(t)
				e := r.Publish("live", "a").Run(2400 * time.Millisecond)
				skips := 0
				for i := range 250 {
					e.Run(120 * time.Millisecond)
					p := player.see(r.Must("/live/a.m3u8"))
					delta := r.Must("/live/a.m3u8?_HLS_skip=YES")
					if strings.Contains(delta, "#EXT-X-SKIP") {
						skips++
					}
					if u := updated.see(delta); fmt.Sprint(u.entries) != fmt.Sprint(p.entries) {
						t.Fatalf("an update says\n%s", delta)
					}
					if i%16 != 0 {
						continue
					}
					for seq := range p.parts {
						whole := r.joined(p, seq)
						if seq < p.end() && whole != r.open(p.entries[seq-p.first()].key, r.Must(below(p.entries[seq-p.first()].uri))) {
							t.Errorf("the parts of segment %d are not the segment", seq)
						}
						head := p.entries[0].header
						if c := unpack(t, r.Must(below(head)), whole); !c.key || !p.parts[seq][0].independent {
							t.Errorf("segment %d begins without a key picture, or does not say so", seq)
						}
					}
				}
				p := player.before
				r.fetch(*p)
				if d := p.part; d < 0.2 || d > 0.21 || player.shifts > 0 || player.grows > 0 || skips < 50 {
					t.Errorf("part target %f, which has changed %d times; %d updates", d, player.shifts, skips)
				}
				if at := behind(p, e); at > 0.36 {
					t.Errorf("the newest part ends %f s behind the publisher", at)
				}
				if strings.Contains(more, "memory") {
					return
				}
				filed := read(t, r.text("www/live/a.m3u8")) // nobody can wait for that
				if filed.low || filed.version != 7 || filed.end() != p.end() {
					t.Errorf("on the disk: %+v", filed)
				}
				for _, f := range r.files() {
					if strings.Contains(f, "part") {
						t.Errorf("file %s", f)
					}
				}
			})
		})
	}
}

// behind returns by how many seconds a playlist's end is behind its publisher.
func behind(p *text, e *studio.Encoder) float64 {
	end := float64(0)
	for _, l := range p.entries {
		end += l.duration
	}
	for _, f := range p.parts[p.end()] {
		end += f.duration
	}
	return float64(e.Next)*0.04 - float64(p.sequence)*2 - end
}

// TestLowRates has pictures and parts that do not go well together.
func TestLowRates(t *testing.T) {
	for name, c := range map[string]struct {
		more   string
		frames float64 // a second
		group  int
		tracks []*media.Track
		part   [2]float64
	}{
		"24 a second":           {"", 24, 48, nil, [2]float64{0.166, 0.175}},
		"24, parts of 1 s":      {"hls_part 1;", 24, 48, nil, [2]float64{1, 1.01}},
		"30, 1001":              {"", 30000. / 1001, 60, nil, [2]float64{0.2, 0.21}},
		"group over fragment":   {"", 25, 150, nil, [2]float64{0.2, 0.21}},
		"group does not divide": {"", 25, 33, nil, [2]float64{0.2, 0.21}},
		"sound alone":           {"", 25, 50, []*media.Track{studio.Sound(44100)}, [2]float64{0.17, 0.21}},
		"pictures alone":        {"", 25, 50, []*media.Track{studio.Pictures()}, [2]float64{0.2, 0.21}},
		"60":                    {"hls_part 0.05;", 60, 60, nil, [2]float64{0.05, 0.055}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, short+"hls_low_latency on; "+c.more, func(t *testing.T, r *rig) {
				player := newReader(t)
				e := r.Publish("live", "a", c.tracks...)
				e.Group, e.Frames = c.group, c.frames
				e.Run(13 * time.Second)
				for range 100 {
					e.Run(170 * time.Millisecond)
					player.see(r.Must("/live/a.m3u8"))
				}
				p := player.before
				r.fetch(*p)
				if p.part < c.part[0] || p.part > c.part[1] || player.shifts > 2 {
					t.Errorf("part target %f, which has changed %d times", p.part, player.shifts)
				}
			})
		})
	}
}

// TestLowHeaders holds what others may keep, and for how long.
func TestLowHeaders(t *testing.T) {
	for _, ctx := range []string{"off", "on"} {
		bubble(t, "hls_fragment 2; hls_window 12; hls_low_latency on; hls_ctx "+ctx+";", func(t *testing.T, r *rig) {
			e := r.Publish("live", "a").Run(9100 * time.Millisecond)
			at := "/live/a.m3u8?x=y"
			if ctx == "on" {
				at = "/live/a.m3u8?hls_ctx=" + r.enter("")
			}
			p := newReader(t).see(r.Must(at))
			for _, c := range []struct{ path, off, on string }{
				{at, "max-age=1", "no-cache"},
				{fmt.Sprintf("%s&_HLS_msn=%d", at, p.end()-1), "max-age=12", "no-cache"},
				{fmt.Sprintf("%s&_HLS_msn=%d&_HLS_part=0", at, p.end()), "max-age=12", "no-cache"},
				{below(p.parts[p.end()][0].uri), "max-age=12", "max-age=12"},
				{below(p.entries[0].uri), "max-age=12", "max-age=12"},
				{below(p.entries[0].header), "max-age=2", "max-age=2"},
			} {
				_, _, h := r.Get(c.path)
				if got := h.Get("Cache-Control"); ctx == "off" && got != c.off || ctx == "on" && got != c.on {
					t.Errorf("hls_ctx %s: %s: %s", ctx, c.path, got)
				}
			}
			if ctx == "on" {
				for _, uri := range []string{p.parts[p.end()][0].uri, p.hint, p.entries[0].uri, p.entries[0].header} {
					if !strings.Contains(uri, "?hls_ctx=") {
						t.Errorf("address %s", uri)
					}
				}
				master := r.Must("/live/a.m3u8?_HLS_msn=1&token=x&_HLS_skip=YES")
				if strings.Contains(master, "_HLS_") || !strings.Contains(master, "token=x") {
					t.Errorf("the first list:\n%s", master)
				}
			}
			e.End()
			if _, _, h := r.Get(fmt.Sprintf("%s&_HLS_msn=%d", at, p.end()+1)); ctx == "off" && h.Get("Cache-Control") != "max-age=1" {
				t.Errorf("an answer that has not what was asked for: %v", h)
			}
		})
	}
}

// TestLowMemory lets parts go.
func TestLowMemory(t *testing.T) {
	for _, from := range []string{"disk", "memory"} {
		bubble(t, shortLow+"hls_serve_from "+from+";", func(t *testing.T, r *rig) {
			e := r.Publish("live", "a")
			e.Size = 2000
			most := [2]int{}
			for range 60 {
				e.Run(10 * time.Second)
				places, size := r.server.places.Len(), 0
				for _, o := range r.server.outputs.All() {
					o.mu.Lock()
					for _, s := range append(append([]*segment{o.open}, o.gone...), o.list...) {
						if s == nil {
							continue
						}
						size += int(s.data.Size())
						for _, p := range s.parts {
							size += int(p.data.Size())
						}
					}
					o.mu.Unlock()
				}
				most = [2]int{max(most[0], places), max(most[1], size)}
			}
			// A segment of 2 s has ten parts; seven are listed, as many again may still be asked for.
			if limit := 2 * (2 + 1 + 16 + 10*(4+3)); most[0] > limit {
				t.Errorf("%s: %d places; want no more than %d", from, most[0], limit)
			}
			limit := 2 * 7 * 120_000
			if from == "memory" {
				limit += 16 * 120_000
			}
			if most[1] > limit {
				t.Errorf("%s: %d bytes; want no more than %d", from, most[1], limit)
			}
		})
	}
}

// TestLowReload changes settings of parts under a stream that runs.
func TestLowReload(t *testing.T) {
	bubble(t, shortMP4, func(t *testing.T, r *rig) {
		player := newReader(t)
		e := r.Publish("live", "a").Run(9 * time.Second)
		for _, c := range []struct {
			settings string
			part     float64 // 0: none
		}{{shortLow, 0.2}, {shortLow + "hls_part 0.5;", 0.5}, {shortLow + "hls_part 0.2;", 0.2}, {shortMP4, 0}, {shortLow, 0.2}} {
			if part := strings.Count(c.settings, "hls_part"); part > 1 {
				c.settings = strings.Replace(c.settings, "hls_part 0.2; ", "", 1)
			}
			r.configure(c.settings)
			var p text
			for i := range 80 { // both lengths are in the list for some time
				e.Run(200 * time.Millisecond)
				var loose fails
				if loose = (fails{TB: t}); i < 50 {
					player.t = &loose
				} else {
					player.t = t
				}
				p = player.see(r.Must("/live/a.m3u8"))
			}
			r.fetch(p)
			if p.low != (c.part > 0) || p.part < c.part-0.05 || p.part > c.part+0.011 {
				t.Errorf("%s: part target %f", c.settings, p.part)
			}
			if n := p.entries[len(p.entries)-1].number; n > 3 {
				t.Errorf("%s: %d discontinuities", c.settings, n)
			}
		}
	})
}

// text is what is in a file.
func (r *rig) text(name string) string {
	r.t.Helper()
	b, err := r.server.outputs.All()[0].dir.Read(strings.TrimPrefix(path.Clean(name), "www/"), 1<<20)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(b)
}
