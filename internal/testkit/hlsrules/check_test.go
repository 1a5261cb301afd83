package hlsrules

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"weir/internal/testkit/rule"
)

// model makes the loads of a good stream: segments of four parts, the third of which is behind a
// discontinuity and has another map.
type model struct {
	lowLatency bool
	window     int // segments
}

// at returns the playlist when so many parts have been made. A skip is that of a delta update.
func (m model) at(parts, skip int) string {
	var b strings.Builder
	whole := parts / 4
	first := max(0, whole-m.window)
	b.WriteString("#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n")
	if m.lowLatency {
		b.WriteString("#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5,CAN-SKIP-UNTIL=12.0,HOLD-BACK=6.0\n#EXT-X-PART-INF:PART-TARGET=0.5\n")
	}
	fmt.Fprintf(&b, "#EXT-X-MEDIA-SEQUENCE:%d\n", first)
	if first > 2 {
		b.WriteString("#EXT-X-DISCONTINUITY-SEQUENCE:1\n")
	}
	if skip > 0 {
		fmt.Fprintf(&b, "#EXT-X-SKIP:SKIPPED-SEGMENTS=%d\n", skip)
	}
	for n := first + skip; n <= whole; n++ {
		if n == whole && (!m.lowLatency || parts%4 == 0) {
			break
		}
		m.head(&b, n, n == first)
		if m.lowLatency && n > whole-4 {
			for i := range min(4, parts-4*n) {
				m.part(&b, n, i)
			}
		}
		if n < whole {
			fmt.Fprintf(&b, "#EXTINF:2.00000,\ns-%d.m4s\n", n)
		}
	}
	if m.lowLatency {
		fmt.Fprintf(&b, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"s-%d.%d.m4s\"\n", whole, parts%4)
	}
	return b.String()
}

func (m model) head(b *strings.Builder, n int, first bool) {
	if n == 2 {
		b.WriteString("#EXT-X-DISCONTINUITY\n")
	}
	if first || n == 2 {
		fmt.Fprintf(b, "#EXT-X-MAP:URI=\"init-%d.mp4\"\n", min(1, n/2))
	}
	at := time.Date(2024, 5, 6, 7, 8, 0, 0, time.UTC).Add(time.Duration(n) * 2 * time.Second)
	fmt.Fprintf(b, "#EXT-X-PROGRAM-DATE-TIME:%s\n", at.Format("2006-01-02T15:04:05.000Z07:00"))
}

func (m model) part(b *strings.Builder, n, i int) {
	more := ""
	if i == 0 {
		more = ",INDEPENDENT=YES"
	}
	fmt.Fprintf(b, "#EXT-X-PART:DURATION=0.50000,URI=\"s-%d.%d.m4s\"%s\n", n, i, more)
}

// loads returns what a client sees from one number of parts to another.
func (m model) loads(from, to int) (list []Load) {
	for n := from; n <= to; n++ {
		if !m.lowLatency && n%4 != 0 {
			continue
		}
		query := ""
		if m.lowLatency && n > from {
			query = fmt.Sprintf("_HLS_msn=%d&_HLS_part=%d", (n-1)/4, (n-1)%4)
		}
		list = append(list, m.load(n, query, 0))
	}
	return list
}

func (m model) load(parts int, query string, skip int) Load {
	at := time.Unix(0, 0).Add(time.Duration(parts) * time.Second / 2)
	return Load{At: at, Query: query, Body: []byte(m.at(parts, skip))}
}

// edit changes the text of one load; it fails if there is nothing to change.
func edit(t *testing.T, l Load, from, to string) Load {
	t.Helper()
	if !strings.Contains(string(l.Body), from) {
		t.Fatalf("no %q in\n%s", from, l.Body)
	}
	l.Body = []byte(strings.Replace(string(l.Body), from, to, 1))
	return l
}

var (
	plain = model{window: 5}
	fast  = model{lowLatency: true, window: 9}
	all   = Options{KeyFrames: true}
)

func TestGoodIsGood(t *testing.T) {
	for name, loads := range map[string][]Load{
		"plain": plain.loads(4, 60), "low latency": fast.loads(8, 60), "late": fast.loads(43, 50),
		"delta": {fast.load(42, "", 0), fast.load(43, "_HLS_skip=YES&_HLS_msn=10&_HLS_part=2", 2), fast.load(44, "_HLS_skip=YES", 3), fast.load(45, "", 0)},
		"slow":  {fast.load(30, "", 0), fast.load(39, "", 0), fast.load(50, "", 0)},
	} {
		for _, f := range Check(loads, Options{KeyFrames: true, LowLatency: name != "plain"}) {
			if name != "slow" {
				t.Errorf("%s: %s", name, f)
			}
		}
	}
}

// change is an edit of one of the loads of a good stream.
type change struct {
	load     int
	from, to string
}

// TestBad breaks each rule, of which the section must then be named.
func TestBad(t *testing.T) {
	const plainFrom, fastFrom = 16, 28
	for name, c := range map[string]struct {
		section string
		model   model
		changes []change
	}{
		"first line":                         {"4.4.1.1", plain, []change{{0, "#EXTM3U\n", "\n#EXTM3U\n"}}},
		"control character":                  {"4.1", plain, []change{{0, "s-2", "s\x01-2"}}},
		"white space":                        {"4.1", plain, []change{{0, "s-2.m4s", "s-2.m4s "}}},
		"version of a map":                   {"8", plain, []change{{0, "VERSION:9", "VERSION:5"}}},
		"version of a skip":                  {"8", fast, []change{{0, "VERSION:9", "VERSION:8"}, {0, "#EXT-X-MAP", "#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n#EXT-X-MAP"}}},
		"no version":                         {"8", plain, []change{{0, "#EXT-X-VERSION:9\n", ""}}},
		"twice":                              {"4.4", plain, []change{{0, "#EXT-X-TARGET", "#EXT-X-TARGETDURATION:2\n#EXT-X-TARGET"}}},
		"no target":                          {"4.4.3.1", plain, []change{{0, "#EXT-X-TARGETDURATION:2\n", ""}}},
		"longer than the target":             {"4.4.3.1", plain, []change{{0, "2.00000", "2.50000"}}},
		"target falls":                       {"4.4.3.1", plain, []change{{0, "DURATION:2", "DURATION:3"}}},
		"target grows":                       {"4.4.3.1", plain, []change{{1, "DURATION:2", "DURATION:3"}}},
		"no EXTINF":                          {"4.4.4.1", plain, []change{{0, "#EXTINF:2.00000,\n", ""}}},
		"EXTINF at the end":                  {"4.4.4.1", plain, []change{{0, "s-3.m4s\n", "s-3.m4s\n#EXTINF:1.0,\n"}}},
		"EXTINF without comma":               {"4.4.4.1", plain, []change{{0, "2.00000,", "2.00000"}}},
		"sequence falls":                     {"4.4.3.2", plain, []change{{1, "SEQUENCE:0", "SEQUENCE:0"}, {0, "SEQUENCE:0", "SEQUENCE:9"}}},
		"sequence behind":                    {"4.4.3.2", plain, []change{{0, "s-3.m4s\n", "s-3.m4s\n#EXT-X-MEDIA-SEQUENCE:0\n"}}},
		"removed in the middle":              {"6.2.1", plain, []change{{1, "#EXTINF:2.00000,\ns-3.m4s\n", ""}}},
		"another address":                    {"6.2.1", plain, []change{{1, "s-3", "t-3"}}},
		"another duration":                   {"6.2.1", plain, []change{{1, "2.00000", "1.99900"}}},
		"another date":                       {"6.2.1", plain, []change{{1, "08:06.000Z", "08:06.001Z"}}},
		"another map":                        {"6.2.1", plain, []change{{1, "init-0", "init-9"}}},
		"another key":                        {"6.2.1", plain, []change{{1, "#EXTINF", "#EXT-X-KEY:METHOD=AES-128,URI=\"k\",IV=0x00000000000000000000000000000000\n#EXTINF"}}},
		"no discontinuity any more":          {"6.2.1", plain, []change{{1, "#EXT-X-DISCONTINUITY\n", ""}}},
		"one name":                           {"6.2.1", plain, []change{{1, "s-4", "s-1"}}},
		"the end is gone":                    {"6.2.1", plain, []change{{1, "#EXTINF:2.00000,\ns-3.m4s\n", ""}, {1, "#EXTINF:2.00000,\ns-4.m4s\n", ""}}},
		"discontinuity not counted":          {"4.4.3.3", plain, []change{{4, "#EXT-X-DISCONTINUITY-SEQUENCE:1\n", ""}, {5, "#EXT-X-DISCONTINUITY-SEQUENCE:1\n", ""}}},
		"counted too early":                  {"4.4.3.3", plain, []change{{2, "#EXTM3U\n", "#EXTM3U\n#EXT-X-DISCONTINUITY-SEQUENCE:1\n"}}},
		"sequence of discontinuities behind": {"4.4.3.3", plain, []change{{0, "s-3.m4s\n", "s-3.m4s\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"}}},
		"three targets":                      {"6.2.2", plain, []change{{2, "#EXTINF:2.00000,\ns-1.m4s\n", ""}, {2, "#EXTINF:2.00000,\ns-2.m4s\n", ""}, {2, "#EXTINF:2.00000,\ns-3.m4s\n", ""}, {2, "SEQUENCE:1", "SEQUENCE:4"}}},
		"goes on behind the end":             {"4.4.3.4", plain, []change{{0, "s-3.m4s\n", "s-3.m4s\n#EXT-X-ENDLIST\n"}}},
		"dates":                              {"4.4.4.6", plain, []change{{0, "08:06.000Z", "08:06.100Z"}}},
		"no zone":                            {"4.4.4.6", plain, []change{{0, "08:06.000Z", "08:06.000"}}},
		"no map":                             {"4.4.4.5", plain, []change{{0, "#EXT-X-MAP:URI=\"init-0.mp4\"\n", ""}}},
		"map without discontinuity":          {"4.4.4.5", plain, []change{{0, "#EXT-X-DISCONTINUITY\n", ""}}},
		"map without address":                {"4.4.4.5", plain, []change{{0, "URI=\"init-0.mp4\"", "BYTERANGE=\"9@0\""}}},
		"encrypted map":                      {"4.4.4.5", plain, []change{{0, "#EXT-X-MAP", "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXT-X-MAP"}}},
		"key without address":                {"4.4.4.4", plain, []change{{0, "#EXTINF", "#EXT-X-KEY:METHOD=AES-128\n#EXTINF"}}},
		"key of what":                        {"4.4.4.4", plain, []change{{0, "#EXTINF", "#EXT-X-KEY:METHOD=DES,URI=\"k\"\n#EXTINF"}}},
		"short vector":                       {"4.4.4.4", plain, []change{{0, "#EXTINF", "#EXT-X-KEY:METHOD=AES-128,URI=\"k\",IV=0x00\n#EXTINF"}}},
		"no key, and more":                   {"4.4.4.4", plain, []change{{0, "#EXTINF", "#EXT-X-KEY:METHOD=NONE,URI=\"k\"\n#EXTINF"}}},
		"list":                               {"4.2", plain, []change{{0, "URI=\"init-0.mp4\"", "URI=\"init-0.mp4"}}},
		"parts without PART-INF":             {"4.4.3.7", fast, []change{{0, "#EXT-X-PART-INF:PART-TARGET=0.5\n", ""}}},
		"part target changes":                {"4.4.3.7", fast, []change{{1, "PART-TARGET=0.5", "PART-TARGET=0.6"}}},
		"cannot block":                       {"4.4.3.8", fast, []change{{0, "CAN-BLOCK-RELOAD=YES,", ""}}},
		"no PART-HOLD-BACK":                  {"4.4.3.8", fast, []change{{0, "PART-HOLD-BACK=1.5,", ""}}},
		"PART-HOLD-BACK of one":              {"4.4.3.8", fast, []change{{0, "PART-HOLD-BACK=1.5,", "PART-HOLD-BACK=0.9,"}}},
		"PART-HOLD-BACK of two":              {"4.4.3.8", fast, []change{{0, "PART-HOLD-BACK=1.5,", "PART-HOLD-BACK=1.1,"}}},
		"HOLD-BACK":                          {"4.4.3.8", fast, []change{{0, ",HOLD-BACK=6.0", ",HOLD-BACK=5.9"}}},
		"CAN-SKIP-UNTIL":                     {"4.4.3.8", fast, []change{{0, "CAN-SKIP-UNTIL=12.0", "CAN-SKIP-UNTIL=11.9"}}},
		"part too long":                      {"4.4.4.9", fast, []change{{0, "0.50000,URI=\"s-6.1", "0.51000,URI=\"s-6.1"}}},
		"part too short":                     {"4.4.4.9", fast, []change{{0, "0.50000,URI=\"s-6.1", "0.42000,URI=\"s-6.1"}}},
		"independent part too short":         {"4.4.4.9", fast, []change{{0, "0.50000,URI=\"s-6.0", "0.42000,URI=\"s-6.0"}}},
		"parts and EXTINF":                   {"4.4.4.9", fast, []change{{0, "0.50000,URI=\"s-6.3", "0.49000,URI=\"s-6.3"}}},
		"first part":                         {"4.4.4.9", fast, []change{{0, ",INDEPENDENT=YES", ""}}},
		"part without address":               {"4.4.4.9", fast, []change{{0, ",URI=\"s-6.3.m4s\"", ""}}},
		"date behind a part":                 {"4.4.4.9", fast, []change{{0, "#EXT-X-PART:DURATION=0.50000,URI=\"s-6.1", "#EXT-X-PROGRAM-DATE-TIME:2024-05-06T07:08:12.000Z\n#EXT-X-PART:DURATION=0.50000,URI=\"s-6.1"}}},
		"no parts near the end":              {"6.2.2", fast, []change{{0, "#EXT-X-PART:DURATION=0.50000,URI=\"s-6.0.m4s\",INDEPENDENT=YES\n", ""}, {0, "#EXT-X-PART:DURATION=0.50000,URI=\"s-6.1.m4s\"\n", ""}, {0, "#EXT-X-PART:DURATION=0.50000,URI=\"s-6.2.m4s\"\n", ""}, {0, "#EXT-X-PART:DURATION=0.50000,URI=\"s-6.3.m4s\"\n", ""}}},
		"part changes":                       {"6.2.1", fast, []change{{2, "s-7.0", "t-7.0"}}},
		"open segment changes":               {"6.2.1", fast, []change{{1, "#EXT-X-PART:DURATION=0.50000,URI=\"s-7.0", "#EXT-X-DISCONTINUITY\n#EXT-X-PART:DURATION=0.50000,URI=\"s-7.0"}}},
		"no hint":                            {"4.4.5.3", fast, []change{{0, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"s-7.0.m4s\"\n", ""}}},
		"wrong hint":                         {"4.4.5.3", fast, []change{{0, "TYPE=PART,URI=\"s-7.0", "TYPE=PART,URI=\"s-7.9"}}},
		"late hint":                          {"4.4.5.3", fast, []change{{1, "TYPE=PART,URI=\"s-7.1", "TYPE=PART,URI=\"s-7.0"}}},
		"skips without asking":               {"6.2.5.1", fast, []change{{1, "#EXT-X-MAP:", "#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n#EXT-X-MAP:"}}},
		"skip of nothing":                    {"4.4.5.2", fast, []change{{1, "#EXT-X-MAP:", "#EXT-X-SKIP:SKIPPED-SEGMENTS=0\n#EXT-X-MAP:"}}},
		"report":                             {"4.4.5.4", fast, []change{{0, "#EXT-X-MAP:", "#EXT-X-RENDITION-REPORT:URI=\"x\"\n#EXT-X-MAP:"}}},
	} {
		from := plainFrom
		if c.model.lowLatency {
			from = fastFrom
		}
		loads := c.model.loads(from, 60)
		for _, e := range c.changes {
			loads[e.load] = edit(t, loads[e.load], e.from, e.to)
		}
		finds(t, name, Check(loads, all), c.section)
	}
}

// finds checks that a section is among the findings.
func finds(t *testing.T, name string, found []rule.Finding, section string) {
	t.Helper()
	if !rule.In(section, found) {
		t.Errorf("%s: %s is not found, but %v", name, section, found)
	}
}

// TestBadAnswers has loads that are bad for what was asked.
func TestBadAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		section string
		loads   []Load
	}{
		"not the part":         {"6.2.5.2", []Load{fast.load(30, "_HLS_msn=7&_HLS_part=2", 0)}},
		"not the next segment": {"6.2.5.2", []Load{fast.load(32, "_HLS_msn=7&_HLS_part=4", 0)}},
		"not the segment":      {"6.2.5.2", []Load{fast.load(31, "_HLS_msn=7", 0)}},
		"no segment":           {"6.2.5.2", []Load{fast.load(31, "_HLS_part=1", 0)}},
		"skips too much":       {"6.2.5.1", []Load{fast.load(42, "", 0), fast.load(43, "_HLS_skip=YES", 4)}},
		"count":                {"6.2.1", []Load{fast.load(42, "", 0), edit(t, fast.load(43, "_HLS_skip=YES", 2), "SEGMENTS=2", "SEGMENTS=3")}},
		"never seen":           {"6.2.5.1", []Load{fast.load(43, "_HLS_skip=YES", 2)}},
		"stands still":         {"6.2.2", []Load{fast.load(43, "", 0), {At: time.Unix(100, 0), Body: []byte(fast.at(43, 0))}}},
		"gone between":         {"6.2.2", []Load{plain.load(8, "", 0), plain.load(80, "", 0)}},
		"no parts at all":      {"4.4.3.7", plain.loads(4, 8)},
	} {
		finds(t, name, Check(c.loads, Options{LowLatency: true}), c.section)
	}
}

// TestLateAnswer has a load that has waited, and brings what there is.
func TestLateAnswer(t *testing.T) {
	for took, grave := range map[time.Duration]bool{0: true, time.Second: true, 2 * time.Second: false} {
		l := fast.load(30, "_HLS_msn=7&_HLS_part=2", 0)
		l.Took = took
		if got := rule.In("6.2.5.2", rule.Grave(Check([]Load{l}, all))); got != grave {
			t.Errorf("after %s it is grave: %v", took, got)
		}
	}
}

func TestGrave(t *testing.T) {
	loads := fast.loads(28, 30)
	loads[1] = edit(t, loads[1], "DURATION:2", "DURATION:3")
	found := Check(loads[:2], all)
	if len(found) == 0 || found[0].Load != 1 || !strings.Contains(found[0].String(), "load 1: ") {
		t.Errorf("found %v", found)
	}
	lesser := false
	for _, f := range found {
		lesser = lesser || f.Lesser && f.Section == "4.4.3.1"
	}
	if n := len(rule.Grave(found)); !lesser || n >= len(found) {
		t.Errorf("%d of %v are grave", n, found)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{plain.at(40, 0), fast.at(43, 0), fast.at(43, 2), "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"a,b\",IV=0x1\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p, _ := Parse(body)
		for i := range p.Segments {
			if p.Segments[i].Number != p.Sequence+p.Skipped+i {
				t.Errorf("segment %d has number %d", i, p.Segments[i].Number)
			}
		}
		Check([]Load{{Body: body}, {Body: body, Query: "_HLS_skip=YES"}}, Options{})
	})
}
