package hls

import (
	"bufio"
	"math"
	"regexp"
	"slices"
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
	header        string
	key           string
	at            time.Time
	number        int // of its discontinuity, counted from the beginning of the stream
}

// fraction is a part in a playlist.
type fraction struct {
	uri         string
	duration    float64
	independent bool
}

// text is a media playlist as a player reads it.
type text struct {
	version, sequence, discontinuities, target int

	skipped int // entries that are left out at the front
	entries []listed
	parts   map[int][]fraction // by sequence number
	open    listed             // what holds for the parts behind the last entry

	low                     bool // there are parts, and lists that wait
	part, holdBack, canSkip float64
	hint                    string
}

// first returns the sequence number of the first entry that is there, end that behind the last.
func (p text) first() int { return p.sequence + p.skipped }
func (p text) end() int   { return p.first() + len(p.entries) }

// tags that may be in a playlist of ours, and whether more than once.
var tags = map[string]bool{
	"EXTM3U": false, "EXT-X-VERSION": false, "EXT-X-TARGETDURATION": false, "EXT-X-MEDIA-SEQUENCE": false,
	"EXT-X-DISCONTINUITY-SEQUENCE": false, "EXT-X-DISCONTINUITY": true, "EXT-X-PROGRAM-DATE-TIME": true,
	"EXT-X-KEY": true, "EXTINF": true, "EXT-X-MAP": true, "EXT-X-SERVER-CONTROL": false, "EXT-X-PART-INF": false,
	"EXT-X-PART": true, "EXT-X-PRELOAD-HINT": false, "EXT-X-SKIP": false,
}

var (
	keyLine     = regexp.MustCompile(`^(NONE$|AES-128,URI="[^"\s]+",IV=0x[0-9a-f]{32}$)`)
	mapLine     = regexp.MustCompile(`^URI="([^"\s]+)"$`)
	controlLine = regexp.MustCompile(`^CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=([0-9.]+),CAN-SKIP-UNTIL=([0-9.]+)$`)
	infLine     = regexp.MustCompile(`^PART-TARGET=([0-9.]+)$`)
	partLine    = regexp.MustCompile(`^DURATION=([0-9.]+),URI="([^"\s]+)"(,INDEPENDENT=YES)?$`)
	hintLine    = regexp.MustCompile(`^TYPE=PART,URI="([^"\s]+)"$`)
	skipLine    = regexp.MustCompile(`^SKIPPED-SEGMENTS=([0-9]+)$`)
)

// taking takes a playlist apart. Numbers of rules are those of RFC 8216, and of rfc8216bis for low latency.
type taking struct {
	text
	t        testing.TB
	playlist string
	seen     map[string]int
	next     listed // that has begun
	header   string // in force
	key      string // in force
	below    bool   // there has been a segment, or a part
}

func (p *taking) bad(what string) { p.t.Helper(); p.t.Errorf("%s in\n%s", what, p.playlist) }

// read takes a playlist apart, and fails on what is forbidden in one.
func read(t testing.TB, playlist string) text {
	t.Helper()
	p := &taking{t: t, playlist: playlist, seen: map[string]int{}}
	p.parts = map[int][]fraction{}
	if !strings.HasPrefix(playlist, "#EXTM3U\n") || strings.ContainsAny(playlist, "\r\ufeff\x01\x02") || !strings.HasSuffix(playlist, "\n") {
		p.bad("4.1: the first line, line ends or marks are wrong")
	}
	for lines := bufio.NewScanner(strings.NewReader(playlist)); lines.Scan(); {
		line := lines.Text()
		if line == "" || strings.TrimSpace(line) != line {
			p.bad("4.1: an empty line or white space")
		}
		if p.seen["EXT-X-PRELOAD-HINT"] > 0 {
			p.bad("bis 4.4.5.3: something behind the hint")
		}
		if !strings.HasPrefix(line, "#") {
			p.segment(line)
			continue
		}
		tag, value, _ := strings.Cut(strings.TrimPrefix(line, "#"), ":")
		if again, known := tags[tag]; !known || p.seen[tag] > 0 && !again {
			p.bad("4.3: a tag of another kind, or once more: " + tag)
		}
		p.seen[tag]++
		p.tag(tag, value)
	}
	p.whole()
	return p.text
}

// segment is a line that is no tag.
func (p *taking) segment(uri string) {
	if p.next.duration == 0 {
		p.bad("4.3.2.1: a segment without EXTINF")
	}
	p.next.uri = uri
	p.settle()
	p.entries = append(p.entries, p.next)
	p.next, p.below = listed{}, true
}

// settle gives what has begun what is in force for it.
func (p *taking) settle() {
	if p.next.key, p.next.header = p.key, p.header; p.next.discontinuity {
		p.next.number = 1
	}
	p.next.number += p.discontinuities
	p.discontinuities = p.next.number
}

func (p *taking) tag(tag, value string) {
	switch tag {
	case "EXT-X-VERSION":
		p.version = int(p.number(value))
	case "EXT-X-TARGETDURATION":
		p.target = int(p.number(value))
	case "EXT-X-MEDIA-SEQUENCE":
		if p.sequence = int(p.number(value)); p.below {
			p.bad("4.3.3.2: behind a segment")
		}
	case "EXT-X-DISCONTINUITY-SEQUENCE":
		if p.discontinuities = int(p.number(value)); p.below || p.seen["EXT-X-DISCONTINUITY"] > 0 {
			p.bad("4.3.3.3: behind a segment or a discontinuity")
		}
	case "EXT-X-DISCONTINUITY":
		if p.next.discontinuity = true; len(p.parts[p.end()]) > 0 {
			p.bad("4.3.2.3: a discontinuity between parts of a segment")
		}
	case "EXT-X-PROGRAM-DATE-TIME":
		at, err := time.Parse("2006-01-02T15:04:05.999Z07:00", value)
		if err != nil {
			p.bad("4.3.2.6: no date: " + value)
		}
		p.next.at = at
	case "EXT-X-KEY":
		if method, ok := strings.CutPrefix(value, "METHOD="); !ok || !keyLine.MatchString(method) {
			p.bad("4.3.2.4: " + value)
		}
		p.key = strings.TrimSuffix(value, "METHOD=NONE")
	case "EXT-X-MAP":
		if p.header = p.match(mapLine, value)[1]; p.key != "" {
			p.bad("4.3.2.5: the header is encrypted as well")
		}
	case "EXTINF":
		seconds, _, ok := strings.Cut(value, ",")
		if p.next.duration = p.seconds(seconds); p.next.duration <= 0 || !ok {
			p.bad("4.3.2.1: " + value)
		}
	default:
		p.lowTag(tag, value)
	}
}

// lowTag is a tag of low latency.
func (p *taking) lowTag(tag, value string) {
	switch tag {
	case "EXT-X-SERVER-CONTROL":
		m := p.match(controlLine, value)
		p.low, p.holdBack, p.canSkip = true, p.seconds(m[1]), p.seconds(m[2])
	case "EXT-X-PART-INF":
		p.part = p.seconds(p.match(infLine, value)[1])
	case "EXT-X-PART":
		m := p.match(partLine, value)
		p.parts[p.end()] = append(p.parts[p.end()], fraction{m[2], p.seconds(m[1]), m[3] != ""})
		p.below = true
	case "EXT-X-PRELOAD-HINT":
		p.hint = p.match(hintLine, value)[1]
	case "EXT-X-SKIP":
		if p.skipped = int(p.number(p.match(skipLine, value)[1])); p.below || p.skipped == 0 {
			p.bad("bis 4.4.5.2: behind a segment, or nothing is skipped")
		}
	}
}

// whole checks what is to be seen at the end.
func (p *taking) whole() {
	if p.next.duration != 0 {
		p.bad("4.3.2.1: EXTINF without a segment")
	}
	if len(p.parts[p.end()]) > 0 {
		p.settle()
		p.open, p.next = p.next, listed{}
	}
	if p.seen["EXT-X-TARGETDURATION"] != 1 || p.seen["EXT-X-MEDIA-SEQUENCE"] != 1 || len(p.entries) == 0 || p.next != (listed{}) {
		p.bad("4.3.3: no target duration or sequence, or tags behind the last segment")
	}
	for _, e := range p.entries {
		if math.Round(e.duration) > float64(p.target) {
			p.bad("4.3.3.1: longer than the target duration: " + e.uri)
		}
		if (e.header == "") != (p.entries[0].header == "") {
			p.bad("segments of two forms")
		}
	}
	switch want := map[bool]int{false: 3, true: 7}[p.header != ""]; {
	case p.low && p.version != 9, !p.low && p.version != want:
		p.bad("4.3.1.2: the version")
	case p.skipped > 0 && !p.low:
		p.bad("bis 4.4.5.2: skipped without leave")
	}
	p.wholeParts()
}

// wholeParts checks the parts.
func (p *taking) wholeParts() {
	if !p.low {
		if len(p.parts) > 0 || p.part != 0 || p.hint != "" {
			p.bad("parts without low latency")
		}
		return
	}
	if p.part <= 0 || p.holdBack < 3*p.part-1e-4 || p.canSkip < 6*float64(p.target) || p.hint == "" {
		p.bad("bis 4.4.3.8: what is promised")
	}
	longest, usual := p.usual()
	if p.part > longest+0.011 && len(p.parts) > 0 {
		p.bad("bis 4.4.3.7: no part needs such a target")
	}
	for seq, list := range p.parts {
		sum := 0.0
		for i, f := range list {
			if sum += f.duration; f.duration > p.part+1e-5 {
				p.bad("bis 4.4.3.7: longer than the part target: " + f.uri)
			}
			ends := i == len(list)-1 || list[i+1].independent
			if f.duration < 0.85*min(p.part, 1.1*usual) && !ends {
				p.bad("bis 4.4.3.7: shorter than 85 % of the part target: " + f.uri)
			}
		}
		if seq == p.end() {
			continue
		}
		if d := p.entries[seq-p.first()].duration; math.Abs(sum-d) > 0.002 {
			p.bad("bis 4.4.4.9: parts are not as long as their segment " + strconv.Itoa(seq))
		}
		behind := 0.0
		for _, e := range p.entries[seq-p.first()+1:] {
			behind += e.duration
		}
		if behind >= 3*float64(p.target) {
			p.bad("bis 4.4.4.9: parts far from the end, of segment " + strconv.Itoa(seq))
		}
	}
}

// usual returns the length of the longest part, and that of most: a frame that was held for long makes one longer
// than the others.
func (p *taking) usual() (longest, usual float64) {
	var all []float64
	for _, list := range p.parts {
		for _, f := range list {
			all = append(all, f.duration)
		}
	}
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	longest, usual = all[len(all)-1], all[len(all)/2]
	if longest < 1.5*usual {
		usual = longest
	}
	return longest, usual
}

func (p *taking) number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		p.bad("4.2: not a decimal integer: " + s)
	}
	return n
}

func (p *taking) seconds(s string) float64 {
	d, err := strconv.ParseFloat(s, 64)
	if err != nil || d < 0 {
		p.bad("4.2: not a decimal number: " + s)
	}
	return d
}

func (p *taking) match(re *regexp.Regexp, value string) []string {
	m := re.FindStringSubmatch(value)
	if m == nil {
		p.bad("4.2: attributes: " + value)
		return make([]string, re.NumSubexp()+1)
	}
	return m
}
