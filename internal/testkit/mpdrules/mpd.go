package mpdrules

import (
	"maps"
	"strconv"
	"strings"
	"time"
)

// MPD is a manifest as it stands in one load.
type MPD struct {
	Dynamic   bool
	Start     time.Time // availabilityStartTime
	Published time.Time
	Update    time.Duration // minimumUpdatePeriod
	HasUpdate bool
	Depth     time.Duration // timeShiftBufferDepth
	Longest   time.Duration // maxSegmentDuration; zero without
	Locations []string
	BaseURL   string
	Periods   []Period
	Latency   bool // there is a target of latency

	root *node
}

// Period is a part of the presentation in which no codec changes.
type Period struct {
	ID      string
	Start   time.Duration // in the presentation, as written
	Started bool          // it is written
	BaseURL string
	Sets    []Set
}

// Set is an adaptation set.
type Set struct {
	Kind            string // audio or video
	BaseURL         string
	Representations []Representation
	values          map[string]string
}

// Representation is one coding of a set.
type Representation struct {
	ID       string
	BaseURL  string
	Template Template
	values   map[string]string // with those of the set where it has none
}

// Template says where the segments of a representation are, and when.
type Template struct {
	Timescale   uint64
	Offset      int64 // presentationTimeOffset
	Init, Media string
	Early       time.Duration // availabilityTimeOffset
	Pieces      bool          // availabilityTimeComplete is false
	Segments    []Segment
	values      map[string]string
	timeline    bool
}

// Segment is an entry of the timeline, in units of its timescale.
type Segment struct {
	Number, Time, Duration int64
}

// Expand puts a segment into the address of initialization or of media.
func (r *Representation) Expand(address string, s Segment) string {
	return identifier.ReplaceAllStringFunc(address, func(found string) string {
		m := identifier.FindStringSubmatch(found)
		width := strings.TrimSuffix(strings.TrimPrefix(m[2], "%0"), "d")
		var value string
		switch m[1] {
		case "":
			return "$"
		case "RepresentationID":
			return r.ID
		case "Bandwidth":
			value = r.values["bandwidth"]
		case "Time":
			value = strconv.FormatInt(s.Time, 10)
		default:
			value = strconv.FormatInt(s.Number, 10)
		}
		return strings.Repeat("0", max(0, min(number(width), 20)-len(value))) + value
	})
}

// Parse reads a manifest, with no more checks than it needs for that.
func Parse(body []byte) (*MPD, error) {
	root, err := parseTree(body)
	if err != nil {
		return nil, err
	}
	m := &MPD{root: root, Dynamic: root.values["type"] == "dynamic", BaseURL: baseOf(root)}
	m.Start, _ = parseDate(root.values["availabilityStartTime"]) // the schema's rules tell what is wrong
	m.Published, _ = parseDate(root.values["publishTime"])
	m.Update, err = parseDuration(root.values["minimumUpdatePeriod"])
	m.HasUpdate = err == nil
	m.Depth, _ = parseDuration(root.values["timeShiftBufferDepth"])
	m.Longest, _ = parseDuration(root.values["maxSegmentDuration"])
	for _, l := range root.all("Location") {
		m.Locations = append(m.Locations, l.trimmed())
	}
	for _, s := range root.all("ServiceDescription") {
		l := s.first("Latency")
		m.Latency = m.Latency || l != nil && l.values["target"] != ""
	}
	for _, p := range root.all("Period") {
		m.Periods = append(m.Periods, parsePeriod(p))
	}
	return m, nil
}

func baseOf(n *node) string {
	if b := n.first("BaseURL"); b != nil {
		return b.trimmed()
	}
	return ""
}

func parsePeriod(n *node) Period {
	p := Period{ID: n.values["id"], BaseURL: baseOf(n)}
	var err error
	p.Start, err = parseDuration(n.values["start"])
	p.Started = err == nil
	for _, s := range n.all("AdaptationSet") {
		p.Sets = append(p.Sets, parseSet(s, n.first("SegmentTemplate")))
	}
	return p
}

func parseSet(n *node, outer *node) Set {
	s := Set{BaseURL: baseOf(n), values: n.values, Kind: n.values["contentType"]}
	for _, r := range n.all("Representation") {
		values := maps.Clone(n.values)
		maps.Copy(values, r.values)
		s.Representations = append(s.Representations, Representation{
			ID: r.values["id"], BaseURL: baseOf(r), values: values,
			Template: parseTemplate(outer, n.first("SegmentTemplate"), r.first("SegmentTemplate")),
		})
		if s.Kind == "" {
			s.Kind, _, _ = strings.Cut(values["mimeType"], "/")
		}
	}
	return s
}

// parseTemplate puts together what is said on several floors, the lowest last.
func parseTemplate(floors ...*node) (t Template) {
	t.values = map[string]string{}
	var line *node
	for _, n := range floors {
		if n == nil {
			continue
		}
		maps.Copy(t.values, n.values)
		if l := n.first("SegmentTimeline"); l != nil {
			line = l
		}
	}
	t.Timescale, t.Init, t.Media = 1, t.values["initialization"], t.values["media"]
	if v := t.values["timescale"]; v != "" {
		t.Timescale, _ = strconv.ParseUint(v, 10, 32)
	}
	t.Offset, _ = strconv.ParseInt(t.values["presentationTimeOffset"], 10, 64)
	early, _ := strconv.ParseFloat(t.values["availabilityTimeOffset"], 64)
	t.Early = time.Duration(min(max(early, -1e6), 1e6) * 1e9)
	t.Pieces = t.values["availabilityTimeComplete"] == "false" || t.values["availabilityTimeComplete"] == "0"
	if line != nil {
		t.timeline = true
		t.unfold(line)
	}
	return t
}

// maxSegments is more than any timeline has that is looked at.
const maxSegments = 10_000

// unfold makes the segments of a timeline.
func (t *Template) unfold(line *node) {
	number := int64(1)
	if v := t.values["startNumber"]; v != "" {
		number, _ = strconv.ParseInt(v, 10, 64)
	}
	var at int64
	all := line.all("S")
	for i, s := range all {
		if v, there := s.values["t"]; there {
			at, _ = strconv.ParseInt(v, 10, 64)
		}
		d, _ := strconv.ParseInt(s.values["d"], 10, 64)
		r, _ := strconv.ParseInt(s.values["r"], 10, 64)
		if r < 0 && i+1 < len(all) && d > 0 { // until the next
			next, _ := strconv.ParseInt(all[i+1].values["t"], 10, 64)
			r = (next-at)/d - 1
		}
		for range max(r, 0) + 1 {
			if len(t.Segments) >= maxSegments {
				return
			}
			t.Segments = append(t.Segments, Segment{number, at, d})
			number, at = number+1, at+d
		}
	}
}

// End returns where a segment ends in the presentation, by the start of its period.
func (t *Template) End(s Segment) time.Duration {
	return ticks(s.Time+s.Duration-t.Offset, t.Timescale)
}
