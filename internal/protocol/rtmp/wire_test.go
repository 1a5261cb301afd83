package rtmp

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"

	"weir/internal/config"
	"weir/internal/media"
	"weir/internal/stream"
)

// writers are the ways to write to a player, which must not tell them apart.
var writers = []string{"own", "memory", "file"}

// show is what a publisher sends: sound and pictures of all sizes, and now and then something
// that breaks the run of a wire.
func show(from uint32, count int) [][]message {
	r := rand.New(rand.NewPCG(1, 2))
	w := func(kind uint8, time uint32, body string) []message {
		return []message{wired(kind, time, body)}
	}
	picture := func(time uint32, body string) []message {
		m := wired(video, time, body)
		m.body = append(m.body, noise(r.IntN(3000), byte(time))...)
		return []message{m}
	}
	steps := [][]message{w(video, from, avcHeader), w(audio, from, aacHeader)}
	for n := range count {
		now := from + 20*uint32(n)
		switch {
		case n%40 == 0:
			steps = append(steps, picture(now, avcKey))
		case n%67 == 0:
			steps = append(steps, w(video, now, avcHeader), w(audio, now, aacHeader)) // again
		case n%151 == 0:
			steps = append(steps, w(video, now, avcHeader2))
		case n%97 == 0:
			steps = append(steps, []message{values(amf0Data, now, "onMetaData", meta)})
		case n%53 == 0:
			steps = append(steps, []message{values(amf0Data, now, "onTextData", float64(n))})
		case n%211 == 0:
			from += 100_000 // the clock is set
		case n%223 == 0:
			from -= 5_000
		case n%3 == 0:
			steps = append(steps, picture(now, avcInter))
		case n%59 == 0:
			steps = append(steps, w(video, now, "57 00")) // of a data track
		default:
			steps = append(steps, w(audio, now, aacFrame))
		}
	}
	return steps
}

// seen is a message as a player gets it.
type seen struct {
	kind uint8
	time uint32
	body string
}

// toEnd reads media to the news that the publisher has gone.
func (g *guest) toEnd() (all []seen) {
	g.t.Helper()
	for {
		m := g.next()
		switch m.kind {
		case audio, video, amf0Data:
			time := m.time
			if m.kind != amf0Data && len(m.body) > 1 && m.body[1] == 0 {
				time = 0 // headers that come again have no time of their own
			}
			all = append(all, seen{m.kind, time, string(m.body)})
		case amf0Command:
			if bytes.Contains(m.body, []byte("UnpublishNotify")) {
				return all
			}
		}
	}
}

// perform publishes steps to the house while players join before some of them, and returns what
// each got.
func (h *house) perform(steps [][]message, joins []int) (got [][]seen) {
	h.t.Helper()
	p, err := h.registry.Publish(h.ctx, &stream.Request{ID: "p", Vhost: defaultVhost, App: "live", Stream: "s"})
	if err != nil {
		h.t.Fatal(err)
	}
	d := newDemux(&h.log)
	results := make([]chan []seen, 0, len(joins))
	for n, step := range steps {
		if slices.Contains(joins, n) {
			g, result := h.enter(), make(chan []seen, 1)
			g.connects()
			g.plays("s")
			go func() { result <- g.toEnd() }()
			results = append(results, result)
		}
		var frames []*media.Frame
		for i := range step {
			frames = d.frames(frames, &step[i])
		}
		if err := p.WriteBatch(frames); err != nil {
			h.t.Fatal(err)
		}
	}
	p.Close()
	for _, result := range results {
		got = append(got, <-result)
	}
	return got
}

// TestWriters holds that a player gets the same messages from all writers, whenever it joins and
// whatever the rules.
func TestWriters(t *testing.T) {
	steps, joins := show(1000, 900), []int{0, 1, 2, 3, 5, 39, 70, 160, 299, 455, 700}
	high := show(extendedTime-3000, 900) // passes into times of 32 bits
	for name, c := range map[string]struct {
		steps [][]message
		edit  func(*config.Vhost)
	}{
		"defaults":     {steps, func(*config.Vhost) {}},
		"small chunks": {steps, func(v *config.Vhost) { v.ChunkSize = 128 }},
		"reduce":       {steps, func(v *config.Vhost) { v.Play.ReduceSequenceHeader = true }},
		"merged":       {steps, func(v *config.Vhost) { v.Play.MwMsgs = 8 }},
		"zero":         {high, func(v *config.Vhost) { v.Play.TimeJitter = "zero" }},
		"off":          {high, func(v *config.Vhost) { v.Play.TimeJitter = "off" }},
		"atc, small":   {high, func(v *config.Vhost) { v.Play.Atc, v.ChunkSize = true, 128 }},
	} {
		t.Run(name, func(t *testing.T) {
			var want [][]seen
			for _, writer := range writers {
				h := newHouse(t, func(k *config.Config) {
					v := k.Vhost(defaultVhost)
					v.Play.NotifyUnpublish, v.Play.Writer = true, writer
					c.edit(v)
				})
				got := h.perform(c.steps, joins)
				if want == nil {
					want = got
				}
				for i, join := range joins {
					if err := differ(got[i], want[i]); err != nil {
						t.Errorf("writer %s, joined at %d: %v", writer, join, err)
					}
				}
			}
			if len(want[0]) < 700 {
				t.Errorf("only %d messages", len(want[0]))
			}
		})
	}
}

func differ(got, want []seen) error {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Errorf("message %d: type %d at %d, %d bytes; want type %d at %d, %d bytes", i,
				got[i].kind, got[i].time, len(got[i].body), want[i].kind, want[i].time, len(want[i].body))
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d messages; want %d", len(got), len(want))
	}
	return nil
}

// TestWritersFullSocket holds that a player whose socket is full gets all in the end, in order,
// and between it the answers to its commands; others get theirs at once.
func TestWritersFullSocket(t *testing.T) {
	for _, writer := range writers {
		t.Run(writer, func(t *testing.T) {
			h := newHouse(t, func(k *config.Config) {
				v := k.Vhost(defaultVhost)
				v.Play.NotifyUnpublish, v.Play.Writer = true, writer
			})
			p, err := h.registry.Publish(h.ctx, &stream.Request{ID: "p", Vhost: defaultVhost, App: "live", Stream: "s"})
			if err != nil {
				t.Fatal(err)
			}
			slow, quick := h.enter(), h.enter()
			for _, g := range []*guest{slow, quick} {
				g.connects()
				g.plays("s")
			}
			_ = slow.conn.(*net.TCPConn).SetReadBuffer(128 << 10)
			result := make(chan []seen, 1)
			go func() { result <- quick.toEnd() }()
			d := newDemux(&h.log)
			header := wired(video, 0, avcHeader)
			d.frames(nil, &header)
			for n := range uint32(300) {
				m := message{kind: video, time: 40 * n, body: append(unhex(avcKey), noise(50_000+int(n), byte(n))...)}
				if err := p.WriteBatch(d.frames(nil, &m)); err != nil {
					t.Fatal(err)
				}
				if n%100 == 50 {
					slow.command("getStreamLength", 9, nil, "s")
				}
			}
			p.Close()
			want := <-result
			got := slow.toEnd()
			if err := differ(got, want); err != nil {
				t.Error(err)
			}
			if len(want) != 302 {
				t.Errorf("%d messages", len(want))
			}
		})
	}
}

// TestShardEnds holds that shards stop with their last player, and that a stream's wire goes
// with its last reader.
func TestShardEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	h := newHouse(t, nil)
	for range 3 {
		h.perform(show(0, 50), nil)
		var all []*guest
		for range 5 {
			g := h.enter()
			g.connects()
			g.plays("s")
			all = append(all, g)
		}
		for _, g := range all {
			g.conn.Close()
		}
		h.sessions.Wait()
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if runtime.NumGoroutine() <= before {
			return
		}
	}
	stacks := make([]byte, 1<<20)
	t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
}
