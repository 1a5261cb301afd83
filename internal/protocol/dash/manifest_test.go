package dash

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/dash-mpd/mpd"
	"github.com/Eyevinn/mp4ff/mp4"
)

// listed is a segment in a manifest.
type listed struct {
	uri, header string
	period      string
	from, to    time.Duration // on the clock of the manifest
}

// view is a manifest as a player reads it.
type view struct {
	*mpd.MPD
	text   string
	begin  time.Time
	starts []time.Duration     // of periods
	sets   map[string][]listed // by name
	offset float64             // availabilityTimeOffset of the newest period
}

func (v *view) newest(set string) listed { return v.sets[set][len(v.sets[set])-1] }

// read takes a manifest apart, and fails on what ISO 23009-1 or DASH-IF forbid.
func read(t testing.TB, text string) *view {
	t.Helper()
	bad := func(what string) { t.Helper(); t.Errorf("%s in\n%s", what, text) }
	m, err := mpd.MPDFromBytes([]byte(text))
	if err != nil || strings.ContainsAny(text, "\ue001\ue002") {
		t.Fatalf("%v in\n%s", err, text)
	}
	v := &view{MPD: m, text: text, sets: map[string][]listed{}}
	if v.begin, err = time.Parse(time.RFC3339, string(m.AvailabilityStartTime)); err != nil {
		bad("availabilityStartTime")
	}
	if m.GetType() != "dynamic" || m.PublishTime == "" || m.MinimumUpdatePeriod == nil || m.MinBufferTime == nil || m.TimeShiftBufferDepth == nil || len(m.UTCTimings) == 0 || len(m.BaseURL) != 1 || len(m.Periods) == 0 {
		bad("what a live manifest must have")
	}
	for i, p := range m.Periods {
		if p.Start == nil || p.Id == "" || len(p.AdaptationSets) == 0 {
			bad("a period without id, start or anything")
			continue
		}
		start := time.Duration(*p.Start)
		if i > 0 && start <= v.starts[i-1] {
			bad("5.3.2: the starts of periods do not rise")
		}
		v.starts = append(v.starts, start)
		for _, a := range p.AdaptationSets {
			v.set(a, p.Id, start, bad)
		}
	}
	return v
}

// set takes an AdaptationSet apart.
func (v *view) set(a *mpd.AdaptationSetType, period string, start time.Duration, bad func(string)) {
	s := a.SegmentTemplate
	if s == nil || s.SegmentTimeline == nil || len(s.SegmentTimeline.S) == 0 || s.StartNumber == nil || s.Timescale == nil || len(a.Representations) != 1 {
		bad("a set without segments")
		return
	}
	v.offset = float64(s.AvailabilityTimeOffset)
	r := a.Representations[0]
	if r.Codecs == "" || r.Bandwidth < 2 || r.Id != string(a.ContentType) {
		bad("a representation without codecs or bandwidth")
	}
	name := func(template string, number uint32) string {
		out := strings.NewReplacer("$RepresentationID$", r.Id, "$Number$", fmt.Sprint(number)).Replace(template)
		return string(v.BaseURL[0].Value) + out
	}
	scale, offset := float64(*s.Timescale), uint64(0)
	if s.PresentationTimeOffset != nil {
		offset = *s.PresentationTimeOffset
	}
	clock := func(t uint64) time.Duration {
		return start + time.Duration((float64(t)-float64(offset))/scale*float64(time.Second))
	}
	at, number := uint64(0), *s.StartNumber
	for i, e := range s.SegmentTimeline.S {
		if e.T != nil {
			if i > 0 && *e.T < at {
				bad("5.3.9.6: segments overlap")
			}
			at = *e.T
		}
		if e.D == 0 || e.R < 0 {
			bad("5.3.9.6: a segment without a duration")
		}
		for range e.R + 1 {
			l := listed{name(s.Media, number), name(s.Initialization, 0), period, clock(at), clock(at + e.D)}
			v.sets[r.Id] = append(v.sets[r.Id], l)
			at, number = at+e.D, number+1
		}
	}
	if first := v.sets[r.Id][slices.IndexFunc(v.sets[r.Id], func(l listed) bool { return l.period == period })]; first.from < start-50*time.Millisecond {
		bad("a segment before its period")
	}
}

// reader reads a manifest again and again, and holds each against those before.
type reader struct {
	t      testing.TB
	before *view
	known  map[string]listed // by address
	low    bool              // the last one may still grow
}

func newReader(t testing.TB) *reader { return &reader{t: t, known: map[string]listed{}} }

// see checks one more reading.
func (r *reader) see(text string) *view {
	r.t.Helper()
	v := read(r.t, text)
	bad := func(what string) { r.t.Helper(); r.t.Errorf("%s in\n%s", what, text) }
	if b := r.before; b != nil {
		if !v.begin.Equal(b.begin) {
			bad("5.3.1.2: availabilityStartTime changes")
		}
		if v.PublishTime < b.PublishTime {
			bad("publishTime runs backwards")
		}
	}
	for name, list := range v.sets {
		for i, l := range list {
			key, _, _ := strings.Cut(l.uri, "?")
			was, ok := r.known[key]
			same := was.header == l.header && was.period == l.period && was.from == l.from && (was.to == l.to || r.low)
			if ok && !same {
				bad("a segment has changed: " + l.uri)
			}
			r.known[key] = l
			if late := time.Until(v.begin.Add(l.to)); late > 100*time.Millisecond && (!r.low || i < len(list)-1) {
				bad("a segment of the future: " + l.uri + " by " + late.String())
			}
			if i == 0 {
				continue
			}
			if gap := l.from - list[i-1].to; l.period == list[i-1].period && gap != 0 || gap < -60*time.Millisecond {
				bad(fmt.Sprintf("%s %s begins %s behind the one before", name, l.uri, gap))
			}
		}
	}
	r.before = v
	return v
}

// content is what an independent reader finds in a segment.
type content struct {
	frames   int
	key      bool
	from, to float64 // seconds of the media's time
}

// unpack reads a segment behind its header.
func unpack(t testing.TB, head, body string) (c content) {
	t.Helper()
	f, err := mp4.DecodeFile(strings.NewReader(head + body))
	if err != nil || f.Init == nil || len(f.Init.Moov.Traks) != 1 {
		t.Fatalf("header of %d bytes, segment of %d: %v", len(head), len(body), err)
	}
	scale := float64(f.Init.Moov.Trak.Mdia.Mdhd.Timescale)
	for _, s := range f.Segments {
		for _, fragment := range s.Fragments {
			samples, err := fragment.GetFullSamples(f.Init.Moov.Mvex.Trex)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range samples {
				if c.frames == 0 {
					c.key, c.from = s.IsSync(), float64(s.PresentationTime())/scale
				}
				c.frames++
				c.to = float64(s.PresentationTime()+int64(s.Dur)) / scale
			}
		}
	}
	return c
}

// fetch returns what is in the segments of a set, and holds it against the manifest.
func (r *rig) fetch(v *view, dir, set string) (list []content) {
	r.t.Helper()
	for i, l := range v.sets[set] {
		c := unpack(r.t, r.Must(dir+l.header), r.Must(dir+l.uri))
		list = append(list, c)
		if d := (l.to - l.from).Seconds() - (c.to - c.from); d > 0.002 || d < -0.002 || !c.key {
			r.t.Errorf("%s: listed with %s, has %f s", l.uri, l.to-l.from, c.to-c.from)
		}
		if i > 0 && v.sets[set][i-1].period == l.period && (c.from-list[i-1].to > 0.001 || c.from-list[i-1].to < -0.001) {
			r.t.Errorf("%s: begins at %f, the one before ends at %f", l.uri, c.from, list[i-1].to)
		}
	}
	return list
}
