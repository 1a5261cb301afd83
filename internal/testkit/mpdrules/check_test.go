package mpdrules

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"weir/internal/testkit/rule"
)

// model makes the loads of a good stream, with segments of two seconds. After the sixth a period ends.
type model struct{ lowLatency bool }

var start = time.Date(2024, 5, 6, 7, 8, 0, 0, time.UTC)

const inFirst, listed = 6, 5 // segments

// at returns the manifest when so many segments are whole. Low latency lists one more.
func (m model) at(whole int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:mpeg:dash:schema:mpd:2011 DASH-MPD.xsd" type="dynamic" profiles="urn:mpeg:dash:profile:isoff-live:2011" availabilityStartTime="%s" publishTime="%s" minimumUpdatePeriod="PT2S" minBufferTime="PT2S" timeShiftBufferDepth="PT8S" maxSegmentDuration="PT2S">
<Location>http://h/live/s.mpd?dash_ctx=a</Location>
`, start.Format(time.RFC3339), start.Add(time.Duration(whole)*2*time.Second).Format(time.RFC3339))
	if m.lowLatency {
		b.WriteString("<ServiceDescription id=\"0\"><Latency target=\"2000\"/></ServiceDescription>\n")
		whole++
	}
	first := max(0, whole-listed)
	if first < inFirst {
		m.period(&b, 0, first, min(whole, inFirst))
	}
	if whole > inFirst {
		m.period(&b, inFirst, max(first, inFirst), whole)
	}
	b.WriteString("<UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-xsdate:2014\" value=\"/time\"/>\n</MPD>\n")
	return b.String()
}

func (m model) period(b *strings.Builder, base, first, end int) {
	fmt.Fprintf(b, "<Period id=\"p%d\" start=\"PT%dS\">\n<BaseURL>s/</BaseURL>\n", base, 2*base)
	for _, set := range []string{
		`contentType="video" mimeType="video/mp4" segmentAlignment="true" startWithSAP="1"><Representation id="v" bandwidth="500000" codecs="avc1.64001F" width="160" height="120" frameRate="25">`,
		`contentType="audio" mimeType="audio/mp4" segmentAlignment="true" startWithSAP="1"><Representation id="a" bandwidth="64000" codecs="mp4a.40.2" audioSamplingRate="44100">`,
	} {
		early := ""
		if m.lowLatency {
			early = ` availabilityTimeOffset="1.8" availabilityTimeComplete="false"`
		}
		fmt.Fprintf(b, "<AdaptationSet %s\n<SegmentTemplate timescale=\"1000\" presentationTimeOffset=\"%d\" initialization=\"$RepresentationID$-init.mp4\" media=\"$RepresentationID$-$Number$.m4s\" startNumber=\"%d\"%s>\n", set, 2000*base, first, early)
		fmt.Fprintf(b, "<SegmentTimeline><S t=\"%d\" d=\"2000\" r=\"%d\"/></SegmentTimeline>\n</SegmentTemplate></Representation></AdaptationSet>\n", 2000*first, end-first-1)
	}
	b.WriteString("</Period>\n")
}

func (m model) load(whole int) Load {
	at := start.Add(time.Duration(whole) * 2 * time.Second)
	if m.lowLatency {
		at = at.Add(200 * time.Millisecond)
	}
	return Load{At: at, Body: []byte(m.at(whole))}
}

func (m model) loads(from, to int) (list []Load) {
	for n := from; n <= to; n++ {
		list = append(list, m.load(n))
	}
	return list
}

var plain, fast = model{}, model{lowLatency: true}

func TestGoodIsGood(t *testing.T) {
	for _, f := range Check(plain.loads(1, 20), Options{Newest: time.Second}) {
		t.Errorf("plain: %s", f)
	}
	for _, f := range Check(fast.loads(1, 20), Options{LowLatency: true, Newest: time.Second}) {
		t.Errorf("low latency: %s", f)
	}
}

func TestExpand(t *testing.T) {
	m, err := Parse([]byte(plain.at(8)))
	if err != nil || len(m.Periods) != 2 {
		t.Fatalf("%+v, %v", m, err)
	}
	r := &m.Periods[1].Sets[0].Representations[0]
	n := len(r.Template.Segments)
	if n != 2 || r.Expand(r.Template.Media, r.Template.Segments[1]) != "v-7.m4s" || r.Expand("$$$Bandwidth$-$Time%08d$", r.Template.Segments[1]) != "$500000-00014000" {
		t.Errorf("%d segments, %+v", n, r.Template)
	}
	if m.Periods[0].BaseURL != "s/" || m.Locations[0] != "http://h/live/s.mpd?dash_ctx=a" || m.Update != 2*time.Second || m.Depth != 8*time.Second {
		t.Errorf("read as %+v", m)
	}
}

type change struct {
	load     int // counted from the first
	from, to string
}

// TestBad breaks each rule, of which the section must then be named.
func TestBad(t *testing.T) {
	for name, c := range map[string]struct {
		section string
		model   model
		changes []change
	}{
		"no XML":                      {"schema", plain, []change{{0, "</MPD>", ""}}},
		"namespace":                   {"schema", plain, []change{{0, `"urn:mpeg:dash:schema:mpd:2011" xmlns`, `"urn:other" xmlns`}}},
		"unknown attribute":           {"schema", plain, []change{{0, "<MPD ", "<MPD colour=\"red\" "}}},
		"unknown element":             {"schema", plain, []change{{0, "<Period", "<Colour/><Period"}}},
		"order":                       {"schema", plain, []change{{0, "</Period>\n<UTCTiming", "</Period>\n<Location>x</Location><UTCTiming"}}},
		"twice":                       {"schema", plain, []change{{0, "</SegmentTimeline>", "</SegmentTimeline><SegmentTimeline/>"}}},
		"text":                        {"schema", plain, []change{{0, "r=\"3\"/>", "r=\"3\">x</S>"}}},
		"no number":                   {"schema", plain, []change{{0, `width="160"`, `width="160.0"`}}},
		"no id of a representation":   {"schema", plain, []change{{0, `id="v" `, ""}}},
		"frame rate":                  {"schema", plain, []change{{0, `frameRate="25"`, `frameRate="29.97"`}}},
		"no start":                    {"5.3.1.2", plain, []change{{0, "availabilityStartTime=\"2024-05-06T07:08:00Z\"", ""}}},
		"no publishTime":              {"5.3.1.2", plain, []change{{0, "publishTime=\"2024-05-06T07:08:08Z\"", ""}}},
		"date without zone":           {"5.3.1.2", plain, []change{{0, "publishTime=\"2024-05-06T07:08:08Z\"", "publishTime=\"2024-05-06T07:08:08\""}}},
		"no update period":            {"5.3.1.2", plain, []change{{0, "minimumUpdatePeriod=\"PT2S\"", ""}}},
		"bad duration":                {"5.3.1.2", plain, []change{{0, "minimumUpdatePeriod=\"PT2S\"", "minimumUpdatePeriod=\"2S\""}}},
		"no buffer":                   {"5.3.1.2", plain, []change{{0, "minBufferTime=\"PT2S\"", "minBufferTime=\"PT0S\""}}},
		"no depth":                    {"5.3.1.2", plain, []change{{0, "timeShiftBufferDepth=\"PT8S\"", ""}}},
		"no profiles":                 {"5.3.1.2", plain, []change{{0, "profiles=\"urn:mpeg:dash:profile:isoff-live:2011\"", ""}}},
		"static":                      {"5.3.1.2", plain, []change{{0, "type=\"dynamic\"", "type=\"static\""}}},
		"too long":                    {"5.3.1.2", plain, []change{{0, "maxSegmentDuration=\"PT2S\"", "maxSegmentDuration=\"PT1.5S\""}}},
		"duration and updates":        {"IOP 4.3", plain, []change{{0, "minBufferTime", "mediaPresentationDuration=\"PT9S\" minBufferTime"}}},
		"no clock":                    {"5.8.4.11", plain, []change{{0, "<UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-xsdate:2014\" value=\"/time\"/>\n", ""}}},
		"clock without value":         {"5.8.4.11", plain, []change{{0, " value=\"/time\"", ""}}},
		"unknown clock":               {"5.8.4.11", plain, []change{{0, "http-xsdate:2014", "sundial:2014"}}},
		"no id":                       {"5.3.2.2", plain, []change{{0, "id=\"p0\" ", ""}}},
		"no period start":             {"5.3.2.2", plain, []change{{0, "start=\"PT0S\"", ""}}},
		"one id for two":              {"5.3.2.2", plain, []change{{4, "id=\"p6\"", "id=\"p0\""}}},
		"periods in no order":         {"5.3.2.1", plain, []change{{4, "start=\"PT12S\"", "start=\"PT0S\""}}},
		"period too late":             {"IOP 4.3", plain, []change{{4, "start=\"PT12S\"", "start=\"PT13S\""}}},
		"period start changes":        {"5.4", plain, []change{{5, "start=\"PT12S\"", "start=\"PT12.1S\""}}},
		"period gone":                 {"5.4", plain, []change{{5, "id=\"p6\"", "id=\"p7\""}}},
		"period comes before":         {"5.4", plain, []change{{0, "id=\"p0\"", "id=\"p9\""}}},
		"representations of one name": {"5.3.5.2", plain, []change{{0, `id="a"`, `id="v"`}}},
		"no bandwidth":                {"5.3.5.2", plain, []change{{0, `bandwidth="500000"`, `bandwidth="0"`}}},
		"no contentType":              {"IOP 4.2", plain, []change{{0, `contentType="video"`, ""}}},
		"no alignment":                {"IOP 4.2", plain, []change{{0, `segmentAlignment="true"`, ""}}},
		"no width":                    {"IOP 4.2", plain, []change{{0, `width="160"`, ""}}},
		"no frameRate":                {"IOP 4.2", plain, []change{{0, `frameRate="25"`, ""}}},
		"frameRate of a thousand":     {"IOP 4.2", plain, []change{{0, `frameRate="25"`, `frameRate="90000/1"`}}},
		"sampling rate":               {"IOP 4.2", plain, []change{{0, `audioSamplingRate="44100"`, `audioSamplingRate="44"`}}},
		"no mimeType":                 {"5.3.7.2", plain, []change{{0, `mimeType="video/mp4"`, ""}}},
		"mimeType of another kind":    {"5.3.7.2", plain, []change{{0, `mimeType="video/mp4"`, `mimeType="audio/mp4"`}}},
		"codecs":                      {"5.3.7.2", plain, []change{{0, "avc1.64001F", "avc1.64.1F"}}},
		"no media":                    {"5.3.9.4", plain, []change{{0, `media="$RepresentationID$-$Number$.m4s"`, ""}}},
		"unknown identifier":          {"5.3.9.4", plain, []change{{0, "$Number$", "$Nr$"}}},
		"single dollar":               {"5.3.9.4", plain, []change{{0, "$Number$", "$Number$$"}}},
		"neither number nor time":     {"5.3.9.4", plain, []change{{0, "$Number$", ""}}},
		"initialization by number":    {"5.3.9.4", plain, []change{{0, "-init", "-$Number$"}}},
		"no timescale":                {"5.3.9.4", plain, []change{{0, `timescale="1000"`, ""}}},
		"no startNumber":              {"5.3.9.4", plain, []change{{0, `startNumber="0"`, ""}}},
		"no timeline":                 {"5.3.9.6", plain, []change{{0, "<SegmentTimeline><S t=\"0\" d=\"2000\" r=\"3\"/></SegmentTimeline>", ""}}},
		"overlap":                     {"5.3.9.6", plain, []change{{0, `r="3"/>`, `r="2"/><S t="5900" d="2000"/>`}}},
		"gap":                         {"5.3.9.6", plain, []change{{0, `r="3"/>`, `r="2"/><S t="6001" d="1999"/>`}}},
		"lasts nothing":               {"5.3.9.6", plain, []change{{0, `r="3"/>`, `r="3"/><S d="0"/>`}}},
		"before its period":           {"5.3.9.6", plain, []change{{0, `presentationTimeOffset="0"`, `presentationTimeOffset="2000"`}}},
		"not there yet":               {"5.3.9.5.3", plain, []change{{0, `r="3"/>`, `r="4"/>`}}},
		"left too early":              {"5.3.9.5.3", plain, []change{{2, `timeShiftBufferDepth="PT8S"`, `timeShiftBufferDepth="PT18S"`}}},
		"early, and not low latency":  {"5.3.9.5.3", plain, []change{{0, "startNumber", `availabilityTimeOffset="1" startNumber`}}},
		"not early":                   {"5.3.9.5.3", fast, []change{{0, ` availabilityTimeOffset="1.8" availabilityTimeComplete="false"`, ""}}},
		"complete":                    {"5.3.9.5.3", fast, []change{{0, ` availabilityTimeComplete="false"`, ""}}},
		"early by a segment":          {"5.3.9.5.3", fast, []change{{0, `availabilityTimeOffset="1.8"`, `availabilityTimeOffset="2"`}}},
		"no latency":                  {"K.3", fast, []change{{0, "<Latency target=\"2000\"/>", ""}}},
		"start changes":               {"5.4", plain, []change{{1, "availabilityStartTime=\"2024-05-06T07:08:00Z\"", "availabilityStartTime=\"2024-05-06T07:07:59Z\""}}},
		"publishTime falls":           {"5.4", plain, []change{{0, "publishTime=\"2024-05-06T07:08:08Z\"", "publishTime=\"2024-05-06T07:08:18Z\""}}},
		"publishTime stays":           {"5.4", plain, []change{{1, "publishTime=\"2024-05-06T07:08:10Z\"", "publishTime=\"2024-05-06T07:08:08Z\""}}},
		"startNumber stays":           {"5.4", plain, []change{{3, `startNumber="2"`, `startNumber="1"`}}},
		"startNumber falls":           {"5.4", plain, []change{{2, `startNumber="1"`, `startNumber="9"`}}},
		"duration changes":            {"5.4", plain, []change{{1, `d="2000" r="4"`, `d="2000" r="1"/><S d="1999"/><S d="2001"/><S d="2000"`}}},
		"end is gone":                 {"5.4", plain, []change{{1, `r="4"`, `r="2"`}}},
		"codec changes":               {"5.4", plain, []change{{1, "avc1.64001F", "avc1.64001E"}}},
		"template changes":            {"5.4", plain, []change{{1, "-init", "-head"}}},
		"representation gone":         {"5.4", plain, []change{{1, `id="a"`, `id="b"`}}},
		"goes on after its end":       {"5.4", plain, []change{{0, "type=\"dynamic\"", "type=\"static\""}}},
	} {
		loads := c.model.loads(4, 12)
		for _, e := range c.changes {
			text := string(loads[e.load].Body)
			if !strings.Contains(text, e.from) {
				t.Errorf("%s: no %q in\n%s", name, e.from, text)
			}
			loads[e.load].Body = []byte(strings.Replace(text, e.from, e.to, 1))
		}
		finds(t, name, Check(loads, Options{LowLatency: c.model.lowLatency}), c.section)
	}
	late := plain.load(4)
	late.At = late.At.Add(3 * time.Second)
	finds(t, "old", Check([]Load{late}, Options{Newest: 2 * time.Second}), "IOP 4.5")
}

func finds(t *testing.T, name string, found []rule.Finding, section string) {
	t.Helper()
	if !rule.In(section, found) {
		t.Errorf("%s: %s is not found, but %v", name, section, found)
	}
}

// TestOpenSegment has the length of the newest segment change, which is a guess with low latency.
func TestOpenSegment(t *testing.T) {
	for _, m := range []model{plain, fast} {
		loads := m.loads(3, 4)
		loads[1].Body = []byte(strings.NewReplacer(`r="3"/>`, `r="1"/><S d="2000"/><S d="2000"/>`, `r="4"/>`, `r="2"/><S d="1960"/><S d="2000"/>`).Replace(string(loads[1].Body)))
		loads[0].Body = []byte(strings.Replace(string(loads[0].Body), `r="2"/>`, `r="1"/><S d="1960"/>`, 2))
		n := 0
		for _, f := range Check(loads, Options{LowLatency: m.lowLatency}) {
			if f.Section == "5.4" && strings.Contains(f.Text, "changes") {
				n++
			}
		}
		if want := map[bool]int{false: 2, true: 0}[m.lowLatency]; n != want {
			t.Errorf("low latency %t: %d findings, want %d", m.lowLatency, n, want)
		}
	}
}

func TestCodecs(t *testing.T) {
	for list, kind := range map[string]string{
		"avc1.64001F": "video", "hvc1.1.6.L93.B0": "video", "hvc1.2.4.L120.90": "video", "av01.0.04M.08": "video", "av01.0.00M.08.0.110.01.01.01.0": "video",
		"vp09.00.10.08": "video", "vp09.00.10.08.01.01.01.01.00": "video", "mp4a.40.2": "audio", "mp4a.40.29": "audio", "opus": "audio", "ac-3": "audio", "mp4a.6B": "audio",
	} {
		if !codecs(kind, list) {
			t.Errorf("%s is refused", list)
		}
	}
	for _, list := range []string{"", "avc1", "avc1.6400", "hvc1.1.6", "av01.0.4M.8", "vp9", "mp4a.40", "mp4a.40.2,", "h264"} {
		if codecs("video", list) || codecs("audio", list) {
			t.Errorf("%s is taken", list)
		}
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{"PT2S": 2 * time.Second, "PT1H2M3.5S": time.Hour + 2*time.Minute + 3500*time.Millisecond, "P1DT1M": 24*time.Hour + time.Minute, "PT0.001S": time.Millisecond} {
		if d, err := parseDuration(text); err != nil || d != want {
			t.Errorf("%s: %s, %v", text, d, err)
		}
	}
	for _, text := range []string{"", "P", "PT", "2S", "PT-2S", "PT2", "P1DT", "P1Y"} {
		if d, err := parseDuration(text); err == nil {
			t.Errorf("%q: %s", text, d)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{plain.at(8), fast.at(8)} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := Parse(body)
		if err == nil && m.root.name != "MPD" {
			t.Errorf("the root is %s", m.root.name)
		}
		Check([]Load{{At: start, Body: body}, {At: start.Add(time.Second), Body: body}}, Options{Newest: time.Second})
	})
}
