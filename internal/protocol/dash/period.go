package dash

import (
	"fmt"
	"math"
	"path"
	"time"

	"weir/internal/cmaf"
	"weir/internal/format/fmp4"
)

// period is a stretch of a stream without a break: its segments follow each other, and are for the same decoders.
type period struct {
	// Set at construction.
	id     uint64
	tracks *cmaf.Tracks
	start  time.Duration // on the clock of the manifest
	origin int64         // ns of the stream's timeline, there
	video  *set          // nil without
	audio  *set
}

// set is one track's segments in a period.
type set struct {
	// Set at construction.
	name   string // of the Representation, which begins the names of files
	track  *fmp4.Track
	header *header

	// Guarded by output.mu.
	list []*segment
	bits float64 // in a second, at the most
	rate float64 // pictures in a second
}

// sets lists those that are there.
func (p *period) sets() (list []*set) {
	for _, s := range [...]*set{p.video, p.audio} {
		if s != nil {
			list = append(list, s)
		}
	}
	return list
}

// newPeriod begins a period with a chunk, of a publisher whose clock is behind ours.
func (o *output) newPeriod(c *cmaf.Chunk, behind time.Duration, h places) (*period, error) {
	p := &period{tracks: c.Tracks, origin: origin(c)}
	wall := c.Wall.Add(behind)
	if c.Wall.IsZero() {
		wall = c.At.Add(-c.Duration)
	}
	wall = wall.Add(time.Duration(p.origin - c.Start))
	o.mu.Lock()
	if o.begin.IsZero() {
		o.begin = wall.Truncate(time.Millisecond)
	}
	p.id = o.nextPeriod
	o.nextPeriod++
	p.start = max(wall.Sub(o.begin), o.reach).Truncate(time.Millisecond)
	o.mu.Unlock()
	var err error
	if p.video, err = o.newSet("video", c.Tracks.Video, p.id, h); err != nil {
		return nil, err
	}
	if p.audio, err = o.newSet("audio", c.Tracks.Audio, p.id, h); err != nil {
		return nil, err
	}
	return p, nil
}

// origin returns when the first of a chunk's frames is shown, in ns of the stream's timeline.
func origin(c *cmaf.Chunk) int64 {
	first := int64(math.MaxInt64)
	if len(c.Video.Data) > 0 {
		first = c.Tracks.Video.Time(c.Video.First)
	}
	if len(c.Audio.Data) > 0 {
		first = min(first, c.Tracks.Audio.Time(c.Audio.First))
	}
	return first
}

// places is where what is made is to be kept.
type places struct{ memory, disk bool }

func (o *output) newSet(name string, t *fmp4.Track, period uint64, h places) (*set, error) {
	if t == nil {
		return nil, nil
	}
	data, err := fmp4.Header(t)
	if err != nil {
		return nil, err
	}
	n := &header{data: data, file: o.below(initName(name, period)), disk: h.disk}
	n.path = path.Join(o.base, n.file)
	if h.disk {
		if err := o.dir.Write(n.file, data); err != nil {
			return nil, fmt.Errorf("header: %w", err)
		}
	}
	o.server.places.Put(o, o.name.Vhost, n.path, place{output: o, header: n})
	return &set{name: name, track: t, header: n}, nil
}

// initName is the name of a header: other servers have only the first one.
func initName(set string, period uint64) string {
	if period == 0 {
		return set + "-init.mp4"
	}
	return fmt.Sprintf("%s-init-%d.mp4", set, period)
}

// below returns the path of a file beside the segments.
func (o *output) below(name string) string { return path.Join(path.Dir(o.file), o.folder, name) }

// time returns ticks of the set as a duration.
func (s *set) time(ticks int64) time.Duration { return time.Duration(s.track.Time(ticks)) }

// since returns where on the manifest's clock a time of a set is.
func (p *period) since(s *set, ticks int64) time.Duration {
	return p.start + s.time(ticks) - time.Duration(p.origin)
}

// ends returns where on the manifest's clock a period's newest segment ends.
func (p *period) ends() (d time.Duration) {
	d = p.start
	for _, s := range p.sets() {
		if n := len(s.list); n > 0 {
			d = max(d, p.since(s, s.list[n-1].end()))
		}
	}
	return d
}
