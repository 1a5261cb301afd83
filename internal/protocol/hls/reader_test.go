package hls

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// reader reads a playlist again and again, as a player does, and holds each against those before.
type reader struct {
	t       testing.TB
	before  *text
	known   map[int]listed     // by sequence number
	parts   map[int][]fraction // the same
	grows   int                // how often the target duration has changed
	shifts  int                // how often that of parts has
	removed int
}

func newReader(t testing.TB) *reader {
	return &reader{t: t, known: map[int]listed{}, parts: map[int][]fraction{}}
}

// see checks one more reading.
func (r *reader) see(playlist string) text {
	r.t.Helper()
	p := read(r.t, playlist)
	bad := func(what string) { r.t.Helper(); r.t.Errorf("%s in\n%s", what, playlist) }
	if p.skipped > 0 {
		r.restore(&p, bad)
	}
	if r.before != nil {
		r.follows(&p, bad)
	}
	r.entries(&p, bad)
	for seq, list := range p.parts {
		was := r.parts[seq]
		if len(list) < len(was) || !slices.Equal(list[:len(was)], was) {
			bad("bis 6.2.1: a part has changed: " + list[0].uri)
		}
		r.parts[seq] = list
	}
	r.before = &p
	return p
}

// restore puts what a Playlist Delta Update leaves out back.
func (r *reader) restore(p *text, bad func(string)) {
	behind := 0.0
	for _, e := range p.entries {
		behind += e.duration
	}
	if behind < p.canSkip {
		bad("bis 4.4.5.2: more is skipped than may be")
	}
	var skipped []listed
	for seq := p.sequence; seq < p.first(); seq++ {
		e, ok := r.known[seq]
		if !ok {
			bad("bis 6.2.5.1: what nobody knows is skipped")
		}
		skipped = append(skipped, e)
	}
	more := skipped[len(skipped)-1].number - (p.entries[0].number - b2i(p.entries[0].discontinuity))
	for i := range p.entries {
		p.entries[i].number += more
	}
	p.entries, p.skipped = append(skipped, p.entries...), 0
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// follows checks how a reading goes with the one before.
func (r *reader) follows(p *text, bad func(string)) {
	b := r.before
	if p.target < b.target {
		bad("6.2.1: the target duration shrinks")
	}
	if p.target != b.target {
		r.grows++
		r.t.Logf("the target duration changes from %d", b.target)
	}
	if p.low && b.low && p.part != b.part {
		r.shifts++
	}
	if p.sequence < b.sequence || p.end() < b.end() {
		bad("6.2.2: the sequence runs backwards")
	}
	if p.sequence > b.end() {
		bad("6.2.2: the sequence has a hole")
	}
	if r.removed += p.sequence - b.sequence; p.sequence > b.sequence {
		sum := 0.0
		for _, e := range p.entries {
			sum += e.duration
		}
		if sum < float64(3*p.target) {
			bad("6.2.2: shorter than three target durations")
		}
	}
	if b.hint == "" || p.hint == "" || p.hint == b.hint {
		return
	}
	came := false
	for _, list := range p.parts {
		for _, f := range list {
			came = came || f.uri == b.hint
		}
	}
	if p.end()-b.end() <= 1 && !came {
		bad("bis 6.2.2: the part that was hinted at has not come: " + b.hint)
	}
}

// entries checks each against what is known of it, and against the one before.
func (r *reader) entries(p *text, bad func(string)) {
	for i, e := range p.entries {
		seq := p.first() + i
		if was, ok := r.known[seq]; ok && was != e {
			bad("6.2.1: an entry has changed: " + e.uri)
		}
		r.known[seq] = e
		if seq == 0 && e.discontinuity {
			bad("4.3.2.3: a discontinuity before the very first segment")
		}
		last, ok := r.known[seq-1]
		if !ok {
			continue
		}
		if e.number != last.number+b2i(e.discontinuity) {
			bad("6.2.2: the discontinuity sequence does not go with what was listed: " + e.uri)
		}
		if e.header != last.header && !e.discontinuity {
			bad("4.3.2.3: another header without a discontinuity: " + e.uri)
		}
		if !e.discontinuity && !e.at.IsZero() && i > 0 {
			if off := e.at.Sub(last.at) - time.Duration(last.duration*1e9); off.Abs() > 2*time.Millisecond {
				bad("4.3.2.6: dates are off the durations by " + off.String())
			}
		}
	}
	uris := map[string]int{}
	for seq, e := range r.known {
		if other, ok := uris[e.uri]; ok && other != seq {
			bad("two segments have one name: " + e.uri)
		}
		uris[e.uri] = seq
	}
}

func TestRulesAreChecked(t *testing.T) {
	const good = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:4\n#EXTINF:2.00000,\na.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:2.00000,\nb.ts\n"
	for name, c := range map[string][]string{
		"ENDLIST":             {good + "#EXT-X-ENDLIST\n"},
		"too long":            {strings.Replace(good, "2.0", "2.6", 1)},
		"sequence later":      {strings.Replace(good, "#EXTINF", "#EXTINF:1,\nz.ts\n#EXT-X-MEDIA-SEQUENCE:4\n#EXTINF", 1)},
		"backwards":           {good, strings.Replace(good, ":4", ":3", 1)},
		"shrinks":             {good, strings.Replace(good, "DURATION:2", "DURATION:1", 1)},
		"entry changes":       {good, strings.Replace(good, "a.ts", "c.ts", 1)},
		"discontinuities":     {good, strings.Replace(good, "#EXTINF:2.00000,\na.ts\n", "", 1) + "#EXTINF:2,\nc.ts\n"},
		"three targets":       {good, strings.Replace(strings.Replace(good, "#EXTINF:2.00000,\na.ts\n", "", 1), ":4", ":5", 1)},
		"key without vector":  {strings.Replace(good, "#EXTINF", "#EXT-X-KEY:METHOD=AES-128,URI=\"x\"\n#EXTINF", 1)},
		"key without address": {strings.Replace(good, "#EXTINF", "#EXT-X-KEY:METHOD=AES-128\n#EXTINF", 1)},
	} {
		f := &fails{TB: t}
		r := newReader(f)
		for _, p := range c {
			r.see(p)
		}
		if f.n == 0 {
			t.Errorf("%s is not seen", name)
		}
	}
	newReader(t).see(good)
}

// fails counts what a checker finds.
type fails struct {
	testing.TB
	n int
}

func (f *fails) Errorf(string, ...any) { f.n++ }
func (f *fails) Helper()               {}
