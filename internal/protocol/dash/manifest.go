package dash

import (
	"bytes"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/Eyevinn/dash-mpd/mpd"

	"weir/internal/config"
	"weir/internal/media"
)

// Marks in a manifest's text, in place of what is different for each session. URLs have no such characters.
const (
	markSegment  = "\ue001"
	markLocation = "\ue002"
)

// clockName is what tells the time, beside the segments.
const clockName = "time"

const (
	profiles = "urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019"
	behind   = 3 // segments that players stay behind the newest, where latency is not low
	// The latency that players of low latency aim at: so many chunks, but not less than the network needs.
	aimChunks = 5
	aimLeast  = 1500 * time.Millisecond
	// How much faster or slower they may play to come there.
	fastest, slowest = 1.05, 0.95
)

// page is a manifest as text. It is immutable.
type page struct {
	marked []byte    // with marks, and a Location that is one
	plain  []byte    // without
	fresh  []byte    // as marked, for who came after the newest publisher; nil while there is nothing for them
	came   time.Time // when that was
}

// render returns the text for a session that began at a time. It is found again at a location, with a query
// behind its segments. Who came after the newest publisher sees nothing of those before: players that begin in a gap
// stay there.
func (p *page) render(began time.Time, query, location string) []byte {
	marked := p.marked
	if p.fresh != nil && began.After(p.came) {
		marked = p.fresh
	}
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace
	b := bytes.ReplaceAll(marked, []byte(markSegment), []byte(escape(query)))
	return bytes.ReplaceAll(b, []byte(markLocation), []byte(escape(location)))
}

// write makes the manifest of what there is, and puts it into its file. There is none before the first whole
// segment. The turn is held.
func (o *output) write(h *config.Dash) error {
	o.mu.Lock()
	o.prune()
	if len(o.periods) == 0 || !started(o.periods) {
		o.mu.Unlock()
		return nil
	}
	o.trim(h, time.Now())
	now, err := o.pages(h)
	if err != nil {
		o.mu.Unlock()
		return err
	}
	o.page = now
	close(o.changed)
	o.changed = make(chan struct{})
	o.mu.Unlock()
	if h.DashServeFrom == "memory" {
		return nil
	}
	return o.dir.Write(o.file, now.plain)
}

// pages makes the text of the manifest; mu is held.
func (o *output) pages(h *config.Dash) (*page, error) {
	marked, err := text(o.manifest(h, o.periods))
	if err != nil {
		return nil, err
	}
	plain := bytes.ReplaceAll(marked, []byte(markSegment), nil)
	plain = bytes.Replace(plain, []byte("  <Location>"+markLocation+"</Location>\n"), nil, 1)
	now := &page{marked: marked, plain: plain, fresh: marked, came: o.came}
	if since := o.since(o.first); len(since) < len(o.periods) {
		now.fresh = nil
		if started(since) {
			now.fresh, err = text(o.manifest(h, since))
		}
	}
	return now, err
}

func text(m *mpd.MPD) ([]byte, error) {
	var b bytes.Buffer
	_, err := m.Write(&b, "  ", true)
	return append(b.Bytes(), '\n'), err
}

// since returns the periods from one on; mu is held.
func (o *output) since(id uint64) []*period {
	i := slices.IndexFunc(o.periods, func(p *period) bool { return p.id >= id })
	if i < 0 {
		return nil
	}
	return o.periods[i:]
}

// prune takes out periods, but for the newest, that have ended without a segment; mu is held.
func (o *output) prune() {
	kept := o.periods[:0]
	for i, p := range o.periods {
		if i == len(o.periods)-1 || len(p.sets()[0].list) > 0 {
			kept = append(kept, p)
			continue
		}
		for _, s := range p.sets() {
			o.headers = append(o.headers, s.header)
		}
	}
	clear(o.periods[len(kept):])
	o.periods = kept
}

// started reports whether there is a whole segment.
func started(periods []*period) bool {
	for _, p := range periods {
		for _, s := range p.sets() {
			if len(s.list) > 0 && s.list[0].whole {
				return true
			}
		}
	}
	return false
}

// manifest lists what there is in periods; mu is held.
func (o *output) manifest(h *config.Dash, periods []*period) *mpd.MPD {
	now := time.Now()
	first, newest := periods[0], periods[len(periods)-1]
	m := mpd.NewMPD(mpd.DYNAMIC_TYPE)
	m.XMLNs = "urn:mpeg:dash:schema:mpd:2011"
	m.Profiles = profiles
	m.AvailabilityStartTime = mpd.ConvertToDateTimeMS(o.begin.UnixMilli())
	m.PublishTime = mpd.ConvertToDateTimeMS(now.UnixMilli())
	m.MinimumUpdatePeriod = duration(o.update(h))
	m.MaxSegmentDuration = duration(o.longest)
	depth := newest.ends()
	if s := first.sets()[0]; len(s.list) > 0 {
		depth -= first.since(s, s.list[0].start)
	}
	if h.DashTimeshift > 0 {
		depth = min(depth, h.DashTimeshift)
	}
	m.TimeShiftBufferDepth = duration(depth)
	m.MinBufferTime = duration(2 * o.longest)
	if h.DashLowLatency {
		m.MinBufferTime = duration(2 * o.limit)
		m.ServiceDescription = []*mpd.ServiceDescriptionType{o.service()}
	} else {
		m.SuggestedPresentationDelay = duration(behind * o.longest)
	}
	m.BaseURL = []*mpd.BaseURLType{mpd.NewBaseURL(escaped(o.folder) + "/")}
	m.Location = []*mpd.LocationType{{Value: markLocation}}
	m.UTCTimings = []*mpd.DescriptorType{{
		SchemeIdUri: "urn:mpeg:dash:utc:http-xsdate:2014", Value: escaped(o.clockURL()),
	}}
	for _, p := range periods {
		if len(p.sets()[0].list) > 0 {
			m.AppendPeriod(o.describe(p, h.DashLowLatency, p == newest))
		}
	}
	return m
}

// update is how often players are to look for another manifest. It tells of each segment: who hears of them later
// has nothing to play until then.
func (o *output) update(h *config.Dash) time.Duration {
	if h.DashLowLatency {
		return min(h.DashUpdatePeriod, max(o.longest/2, o.limit))
	}
	return min(h.DashUpdatePeriod, o.longest)
}

// service is what players of low latency are to aim at.
func (o *output) service() *mpd.ServiceDescriptionType {
	aim := max(aimLeast, aimChunks*o.limit).Milliseconds()
	return &mpd.ServiceDescriptionType{
		Latencies:     []*mpd.LatencyType{{Target: new(uint32(aim)), Min: new(uint32(aim / 2)), Max: new(uint32(3 * aim))}},
		PlaybackRates: []*mpd.PlaybackRateType{{Max: fastest, Min: slowest}},
	}
}

// describe lists a period.
func (o *output) describe(p *period, low, newest bool) *mpd.Period {
	out := mpd.NewPeriod()
	out.Id = strconv.FormatUint(p.id, 10)
	out.Start = duration(p.start)
	if !newest { // else players take it to last until the next one begins
		out.Duration = duration(p.ended - p.start)
	}
	for i, s := range p.sets() {
		if len(s.list) == 0 {
			continue
		}
		out.AppendAdaptationSet(o.describeSet(p, s, uint32(i), low, newest))
	}
	return out
}

func (o *output) describeSet(p *period, s *set, id uint32, low, newest bool) *mpd.AdaptationSetType {
	a := &mpd.AdaptationSetType{Id: &id, ContentType: mpd.RFC6838ContentTypeType(s.name), SegmentAlignment: true}
	a.MimeType, a.StartWithSAP = s.name+"/mp4", 1
	t := &mpd.SegmentTemplateType{
		Media:          "$RepresentationID$-$Number$.m4s" + markSegment,
		Initialization: strings.Replace(path.Base(s.header.file), s.name, "$RepresentationID$", 1) + markSegment,
	}
	t.Timescale = new(uint32(s.track.Scale))
	t.StartNumber = new(uint32(s.list[0].number))
	t.PresentationTimeOffset = new(uint64(s.track.Ticks(p.origin)))
	t.SegmentTimeline = s.timeline(low)
	if ahead := (s.shortest() - o.limit).Milliseconds(); low && newest && ahead > 0 {
		t.AvailabilityTimeOffset = mpd.FloatInf64(float64(ahead) / 1000)
		t.AvailabilityTimeComplete = new(false)
	}
	a.SegmentTemplate = t
	r := &mpd.RepresentationType{Id: s.name, Bandwidth: uint32(max(1, s.bits))}
	r.Codecs = s.track.Name()
	info := s.track.Source.Info
	if s.track.Source.Kind == media.Video {
		r.Width, r.Height = uint32(info.Width), uint32(info.Height)
		r.FrameRate = mpd.FrameRateType(frameRate(max(info.FPS, 0), s.rate))
	} else {
		r.AudioSamplingRate = samplingRate(s.track.Scale)
		r.AudioChannelConfigurations = []*mpd.DescriptorType{{
			SchemeIdUri: "urn:mpeg:dash:23003:3:audio_channel_configuration:2011", Value: strconv.Itoa(max(1, info.Channels)),
		}}
	}
	a.Representations = []*mpd.RepresentationType{r}
	return a
}

// shortest returns how long the shortest whole segment is, of those that tell how long the next one will be; 0
// without one.
func (s *set) shortest() (d time.Duration) {
	for _, g := range s.list {
		if lasts := s.time(int64(g.duration)); g.whole && !g.cut && (d == 0 || lasts < d) {
			d = lasts
		}
	}
	return d
}

// timeline lists a set's segments: equal ones in a row are one entry. The one that is being made is as long as
// the one before, until it is known better, and is there only for who may have it already.
func (s *set) timeline(low bool) *mpd.SegmentTimelineType {
	t := &mpd.SegmentTimelineType{}
	var next int64
	for i, g := range s.list {
		d := g.duration
		if !g.whole {
			if !low {
				break
			}
			if i > 0 {
				d = max(d, s.list[i-1].duration)
			}
		}
		if n := len(t.S); n > 0 && next == g.start && t.S[n-1].D == d {
			t.S[n-1].R++
		} else {
			e := &mpd.S{D: d}
			if n == 0 || next != g.start {
				e.T = new(uint64(max(0, g.start)))
			}
			t.S = append(t.S, e)
		}
		next = g.start + int64(d)
	}
	return t
}

// frameRate writes a rate as one that cameras have, or as it was measured.
func frameRate(stated, measured float64) string {
	fps := stated
	if fps == 0 {
		fps = measured
	}
	for _, base := range [...]float64{24, 30, 48, 60, 120} {
		if d := fps - base*1000/1001; d > -0.005 && d < 0.005 {
			return fmt.Sprintf("%.0f/1001", base*1000)
		}
	}
	if fps <= 0 {
		return ""
	}
	if whole := float64(int(fps + 0.5)); fps-whole < 0.02 && whole-fps < 0.02 {
		return strconv.Itoa(int(whole))
	}
	return fmt.Sprintf("%.0f/1000", fps*1000)
}

func samplingRate(hz int64) *mpd.UIntVectorType {
	return new(mpd.UIntVectorType(strconv.FormatInt(hz, 10)))
}

func duration(d time.Duration) *mpd.Duration { return new(mpd.Duration(d.Round(time.Millisecond))) }

func escaped(file string) string { return (&url.URL{Path: file}).EscapedPath() }
