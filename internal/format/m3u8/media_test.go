package m3u8

import (
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gohlslib/v2/pkg/playlist"
)

const ms = time.Millisecond

var wall = time.Date(2026, 2, 3, 4, 5, 6, 7*int(ms), time.FixedZone("", 3600))

// live is a playlist of low latency: two whole segments, the newer with parts, and one that is being made.
func live() *Media {
	return &Media{
		Version: 9, Independent: true, Target: 2, Sequence: 7, Discontinuities: 1,
		Low: &Low{Part: 203 * ms, HoldBack: 612 * ms, Skip: 12 * time.Second},
		Segments: []Segment{
			{URI: "7.m4s", Duration: 2 * time.Second, Map: "a.mp4", Wall: wall},
			{URI: "8.m4s", Duration: 400 * ms, Map: "a.mp4", Wall: wall.Add(2 * time.Second), Parts: []Part{
				{"p1.m4s", 200 * ms, true}, {"p2.m4s", 200 * ms, false},
			}},
			{Map: "a.mp4", Wall: wall.Add(2400 * ms), Parts: []Part{{"p3.m4s", 200 * ms, true}}},
		},
		Hint: "p4.m4s",
	}
}

func delta() *Media {
	m := live()
	m.Skipped = 1
	return m
}

// cases are playlists and their texts behind the line that all begin with.
var cases = map[string]struct {
	media *Media
	text  string
}{
	"MPEG-TS": {
		&Media{Version: 3, Target: 3, Sequence: 5, Segments: []Segment{
			{URI: "a-5.ts", Duration: 2040 * ms}, {URI: "a-6.ts?x=1&y", Duration: 2333333 * time.Microsecond},
		}},
		`#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:3
#EXT-X-MEDIA-SEQUENCE:5
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXTINF:2.04000,
a-5.ts
#EXTINF:2.33333,
a-6.ts?x=1&y
`,
	},
	"times of the day": {
		&Media{Version: 3, Target: 2, Segments: []Segment{
			{URI: "0.ts", Duration: 2 * time.Second, Wall: wall}, {URI: "1.ts", Duration: time.Second, Wall: wall.Add(2 * time.Second).UTC()},
		}},
		`#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-PROGRAM-DATE-TIME:2026-02-03T04:05:06.007+01:00
#EXTINF:2.00000,
0.ts
#EXT-X-PROGRAM-DATE-TIME:2026-02-03T03:05:08.007Z
#EXTINF:1.00000,
1.ts
`,
	},
	"MP4": {
		&Media{Version: 7, Independent: true, Target: 2, Sequence: 1 << 40, Segments: []Segment{
			{URI: "0.m4s", Duration: 2 * time.Second, Map: "a.mp4"}, {URI: "1.m4s", Duration: 2 * time.Second, Map: "a.mp4"},
			{URI: "2.m4s", Duration: 2 * time.Second, Map: "b.mp4", Discontinuity: true},
			{URI: "3.m4s", Duration: 2 * time.Second, Map: "b.mp4", Discontinuity: true},
		}},
		`#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:1099511627776
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-MAP:URI="a.mp4"
#EXTINF:2.00000,
0.m4s
#EXTINF:2.00000,
1.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="b.mp4"
#EXTINF:2.00000,
2.m4s
#EXT-X-DISCONTINUITY
#EXTINF:2.00000,
3.m4s
`,
	},
	"keys rotate": {
		&Media{Version: 3, Target: 2, Segments: []Segment{
			{URI: "0.ts", Duration: time.Second},
			{URI: "1.ts", Duration: time.Second, Key: &Key{"1.key", "0x01"}}, {URI: "2.ts", Duration: time.Second, Key: &Key{"1.key", "0x01"}},
			{URI: "3.ts", Duration: time.Second, Key: &Key{"1.key", "0x02"}}, {URI: "4.ts", Duration: time.Second, Key: &Key{"2.key", ""}},
			{URI: "5.ts", Duration: time.Second}, {URI: "6.ts", Duration: time.Second},
		}},
		`#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXTINF:1.00000,
0.ts
#EXT-X-KEY:METHOD=AES-128,URI="1.key",IV=0x01
#EXTINF:1.00000,
1.ts
#EXTINF:1.00000,
2.ts
#EXT-X-KEY:METHOD=AES-128,URI="1.key",IV=0x02
#EXTINF:1.00000,
3.ts
#EXT-X-KEY:METHOD=AES-128,URI="2.key"
#EXTINF:1.00000,
4.ts
#EXT-X-KEY:METHOD=NONE
#EXTINF:1.00000,
5.ts
#EXTINF:1.00000,
6.ts
`,
	},
	"a header is not encrypted": {
		&Media{Version: 7, Target: 2, Segments: []Segment{
			{URI: "0.m4s", Duration: time.Second, Map: "a.mp4", Key: &Key{"1.key", "0x01"}},
			{URI: "1.m4s", Duration: time.Second, Map: "b.mp4", Key: &Key{"1.key", "0x01"}},
			{URI: "2.m4s", Duration: time.Second, Map: "c.mp4"}, {URI: "3.m4s", Duration: time.Second, Map: "d.mp4"},
		}},
		`#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-MAP:URI="a.mp4"
#EXT-X-KEY:METHOD=AES-128,URI="1.key",IV=0x01
#EXTINF:1.00000,
0.m4s
#EXT-X-KEY:METHOD=NONE
#EXT-X-MAP:URI="b.mp4"
#EXT-X-KEY:METHOD=AES-128,URI="1.key",IV=0x01
#EXTINF:1.00000,
1.m4s
#EXT-X-KEY:METHOD=NONE
#EXT-X-MAP:URI="c.mp4"
#EXTINF:1.00000,
2.m4s
#EXT-X-MAP:URI="d.mp4"
#EXTINF:1.00000,
3.m4s
`,
	},
	"low latency": {
		live(),
		`#EXT-X-VERSION:9
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.61200,CAN-SKIP-UNTIL=12.00000
#EXT-X-PART-INF:PART-TARGET=0.20300
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-DISCONTINUITY-SEQUENCE:1
#EXT-X-MAP:URI="a.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-02-03T04:05:06.007+01:00
#EXTINF:2.00000,
7.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-02-03T04:05:08.007+01:00
#EXT-X-PART:DURATION=0.20000,URI="p1.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.20000,URI="p2.m4s"
#EXTINF:0.40000,
8.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-02-03T04:05:08.407+01:00
#EXT-X-PART:DURATION=0.20000,URI="p3.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p4.m4s"
`,
	},
	"delta update": {
		delta(),
		`#EXT-X-VERSION:9
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.61200,CAN-SKIP-UNTIL=12.00000
#EXT-X-PART-INF:PART-TARGET=0.20300
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-DISCONTINUITY-SEQUENCE:1
#EXT-X-SKIP:SKIPPED-SEGMENTS=1
#EXT-X-MAP:URI="a.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-02-03T04:05:08.007+01:00
#EXT-X-PART:DURATION=0.20000,URI="p1.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.20000,URI="p2.m4s"
#EXTINF:0.40000,
8.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-02-03T04:05:08.407+01:00
#EXT-X-PART:DURATION=0.20000,URI="p3.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p4.m4s"
`,
	},
	"no whole segment yet": {
		&Media{Version: 6, Target: 1, Low: &Low{Part: 500 * ms, HoldBack: 1500 * ms}, Segments: []Segment{
			{Discontinuity: true, Map: "a.mp4", Key: &Key{"k", "0x1"}, Parts: []Part{{"p", 500 * ms, false}}},
		}},
		`#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:1
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.50000
#EXT-X-PART-INF:PART-TARGET=0.50000
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="a.mp4"
#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0x1
#EXT-X-PART:DURATION=0.50000,URI="p"
`,
	},
	"all is skipped": {
		&Media{Version: 9, Target: 1, Skipped: 3, Segments: []Segment{{URI: "0.ts", Duration: time.Second}}},
		`#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:1
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-SKIP:SKIPPED-SEGMENTS=3
`,
	},
}

func TestAppend(t *testing.T) {
	for name, c := range cases {
		want := "#EXTM3U\n" + c.text
		got := string(c.media.Append(nil))
		if got != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
		if !strings.HasSuffix(got, "\n") || strings.Contains(got, "\n\n") || strings.Contains(got, "\r") {
			t.Errorf("%s: lines end otherwise than with one LF", name)
		}
		if got := string(c.media.Append([]byte("before "))); got != "before "+want {
			t.Errorf("%s: behind other bytes:\n%s", name, got)
		}
	}
}

// TestReadBack has another reader understand what was meant.
func TestReadBack(t *testing.T) {
	for name, c := range cases {
		m := c.media
		listed := m.Segments[min(m.Skipped, len(m.Segments)):]
		var open []Part
		if n := len(listed); n > 0 && listed[n-1].URI == "" {
			listed, open = listed[:n-1], listed[n-1].Parts
		}
		if len(listed) == 0 || m.Sequence > 1<<31 {
			continue // the reader takes no such playlists
		}
		var got playlist.Media
		if err := got.Unmarshal(m.Append(nil)); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Version != m.Version || got.IndependentSegments != m.Independent || got.TargetDuration != m.Target ||
			uint64(got.MediaSequence) != m.Sequence || *got.DiscontinuitySequence != m.Discontinuities || got.Endlist {
			t.Errorf("%s: %+v", name, got)
		}
		readLow(t, name, m, &got)
		if len(got.Segments) != len(listed) {
			t.Errorf("%s: %d segments; want %d", name, len(got.Segments), len(listed))
			continue
		}
		for i := range listed {
			readSegment(t, name, &listed[i], got.Segments[i])
		}
		readParts(t, name, open, got.Parts)
	}
}

func readLow(t *testing.T, name string, m *Media, got *playlist.Media) {
	t.Helper()
	if (got.PreloadHint != nil) != (m.Hint != "") || m.Hint != "" && got.PreloadHint.URI != m.Hint {
		t.Errorf("%s: hint %+v", name, got.PreloadHint)
	}
	if (got.Skip != nil) != (m.Skipped > 0) || m.Skipped > 0 && got.Skip.SkippedSegments != m.Skipped {
		t.Errorf("%s: skip %+v", name, got.Skip)
	}
	if m.Low == nil {
		if got.ServerControl != nil || got.PartInf != nil {
			t.Errorf("%s: promises of low latency", name)
		}
		return
	}
	control := got.ServerControl
	if !control.CanBlockReload || *control.PartHoldBack != m.Low.HoldBack || *control.CanSkipUntil != m.Low.Skip || got.PartInf.PartTarget != m.Low.Part {
		t.Errorf("%s: %+v, %+v; want %+v", name, control, got.PartInf, m.Low)
	}
}

func readSegment(t *testing.T, name string, want *Segment, got *playlist.MediaSegment) {
	t.Helper()
	if off := got.Duration - want.Duration; got.URI != want.URI || off.Abs() > 5*time.Microsecond || got.Discontinuity != want.Discontinuity {
		t.Errorf("%s: %+v; want %+v", name, got, want)
	}
	if (got.DateTime != nil) == want.Wall.IsZero() || got.DateTime != nil && !got.DateTime.Equal(want.Wall) {
		t.Errorf("%s: %s at %v; want %v", name, want.URI, got.DateTime, want.Wall)
	}
	encrypted := got.Key != nil && got.Key.Method != playlist.MediaKeyMethodNone
	if encrypted != (want.Key != nil) || encrypted && (got.Key.URI != want.Key.URI || got.Key.IV != want.Key.IV) {
		t.Errorf("%s: %s has the key %+v; want %+v", name, want.URI, got.Key, want.Key)
	}
	readParts(t, name, want.Parts, got.Parts)
}

func readParts(t *testing.T, name string, want []Part, got []*playlist.MediaPart) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d parts; want %d", name, len(got), len(want))
		return
	}
	for i, w := range want {
		if g := got[i]; g.URI != w.URI || g.Duration != w.Duration || g.Independent != w.Independent {
			t.Errorf("%s: part %+v; want %+v", name, g, w)
		}
	}
}
