package hls

import (
	"bufio"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// listed is an entry of a playlist.
type listed struct {
	uri           string
	duration      float64
	discontinuity bool
	key           string
	at            time.Time
	number        int // of its discontinuity, counted from the beginning of the stream
}

// text is a media playlist as a player reads it.
type text struct {
	sequence, discontinuities, target int
	entries                           []listed
}

// tags that may be in a playlist of ours, and whether more than once.
var tags = map[string]bool{
	"EXTM3U": false, "EXT-X-VERSION": false, "EXT-X-TARGETDURATION": false, "EXT-X-MEDIA-SEQUENCE": false,
	"EXT-X-DISCONTINUITY-SEQUENCE": false, "EXT-X-DISCONTINUITY": true, "EXT-X-PROGRAM-DATE-TIME": true,
	"EXT-X-KEY": true, "EXTINF": true,
}

var keyLine = regexp.MustCompile(`^(NONE$|AES-128,URI="[^"\s]+",IV=0x[0-9a-f]{32}$)`)

// read takes a playlist apart, and fails on what RFC 8216 forbids in one.
func read(t testing.TB, playlist string) (p text) {
	t.Helper()
	bad := func(what string) { t.Helper(); t.Errorf("%s in\n%s", what, playlist) }
	if !strings.HasPrefix(playlist, "#EXTM3U\n") || strings.ContainsAny(playlist, "\r\ufeff\x01\x02") || !strings.HasSuffix(playlist, "\n") {
		bad("4.1: the first line, line ends or marks are wrong")
	}
	seen := map[string]int{}
	next, key, segments := listed{}, "", false
	number := func(s string) int {
		n, err := strconv.ParseUint(s, 10, 63)
		if err != nil {
			bad("4.2: not a decimal integer: " + s)
		}
		return int(n)
	}
	for lines := bufio.NewScanner(strings.NewReader(playlist)); lines.Scan(); {
		line := lines.Text()
		tag, value, _ := strings.Cut(strings.TrimPrefix(line, "#"), ":")
		if line == "" || strings.TrimSpace(line) != line {
			bad("4.1: an empty line or white space")
		}
		if !strings.HasPrefix(line, "#") {
			if next.duration == 0 {
				bad("4.3.2.1: a segment without EXTINF")
			}
			next.uri, next.key = line, key
			if next.discontinuity {
				p.discontinuities++
			}
			next.number = p.discontinuities
			p.entries = append(p.entries, next)
			next, segments = listed{}, true
			continue
		}
		if again, known := tags[tag]; !known || seen[tag] > 0 && !again {
			bad("4.3: a tag of another kind, or once more: " + tag)
		}
		seen[tag]++
		switch tag {
		case "EXT-X-VERSION":
			if value != "3" {
				bad("4.3.1.2: EXTINF with fractions need version 3")
			}
		case "EXT-X-TARGETDURATION":
			p.target = number(value)
		case "EXT-X-MEDIA-SEQUENCE":
			if p.sequence = number(value); segments {
				bad("4.3.3.2: behind a segment")
			}
		case "EXT-X-DISCONTINUITY-SEQUENCE":
			if p.discontinuities = number(value); segments || seen["EXT-X-DISCONTINUITY"] > 0 {
				bad("4.3.3.3: behind a segment or a discontinuity")
			}
		case "EXT-X-DISCONTINUITY":
			next.discontinuity = true
		case "EXT-X-PROGRAM-DATE-TIME":
			at, err := time.Parse("2006-01-02T15:04:05.999Z07:00", value)
			if err != nil {
				bad("4.3.2.6: no date: " + value)
			}
			next.at = at
		case "EXT-X-KEY":
			if method, ok := strings.CutPrefix(value, "METHOD="); !ok || !keyLine.MatchString(method) {
				bad("4.3.2.4: " + line)
			}
			key = strings.TrimSuffix(value, "METHOD=NONE")
		case "EXTINF":
			seconds, _, ok := strings.Cut(value, ",")
			d, err := strconv.ParseFloat(seconds, 64)
			if err != nil || d <= 0 || !ok {
				bad("4.3.2.1: " + line)
			}
			next.duration = d
		}
	}
	if seen["EXT-X-TARGETDURATION"] != 1 || seen["EXT-X-MEDIA-SEQUENCE"] != 1 || len(p.entries) == 0 || next != (listed{}) {
		bad("4.3.3: no target duration or sequence, or tags behind the last segment")
	}
	for _, e := range p.entries {
		if math.Round(e.duration) > float64(p.target) {
			bad("4.3.3.1: longer than the target duration: " + e.uri)
		}
	}
	return p
}

// reader reads a playlist again and again, as a player does, and holds each against those before.
type reader struct {
	t       testing.TB
	before  *text
	known   map[int]listed // by sequence number
	grows   int            // how often the target duration has changed
	removed int
}

func newReader(t testing.TB) *reader { return &reader{t: t, known: map[int]listed{}} }

// see checks one more reading.
func (r *reader) see(playlist string) text {
	r.t.Helper()
	p := read(r.t, playlist)
	bad := func(what string) { r.t.Helper(); r.t.Errorf("%s in\n%s", what, playlist) }
	if b := r.before; b != nil {
		if p.target < b.target {
			bad("6.2.1: the target duration shrinks")
		}
		if p.target != b.target {
			r.grows++
			r.t.Logf("the target duration changes from %d in\n%s", b.target, playlist)
		}
		if p.sequence < b.sequence || p.sequence+len(p.entries) < b.sequence+len(b.entries) {
			bad("6.2.2: the sequence runs backwards")
		}
		if p.sequence > b.sequence+len(b.entries) {
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
	}
	last := listed{}
	for i, e := range p.entries {
		seq := p.sequence + i
		if was, ok := r.known[seq]; ok && (was != e) {
			bad("6.2.1: an entry has changed: " + e.uri)
		}
		r.known[seq] = e
		if seq == 0 && e.discontinuity {
			bad("4.3.2.3: a discontinuity before the very first segment")
		}
		if i > 0 && !e.discontinuity && !e.at.IsZero() {
			if off := e.at.Sub(last.at) - time.Duration(last.duration*1e9); off.Abs() > 2*time.Millisecond {
				bad("4.3.2.6: dates are off the durations by " + off.String())
			}
		}
		last = e
	}
	uris := map[string]int{}
	for seq, e := range r.known {
		if other, ok := uris[e.uri]; ok && other != seq {
			bad("two segments have one name: " + e.uri)
		}
		uris[e.uri] = seq
	}
	r.before = &p
	return p
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
