package hls

import (
	"time"

	"weir/internal/config"
	"weir/internal/media"
)

const (
	minCut   = 200 * time.Millisecond // no segment ends before by itself
	minKept  = 100 * time.Millisecond // what is shorter is left out
	slack    = 20 * time.Millisecond  // that stamps, which are rounded, may be short of the target
	silence  = 3 * time.Second        // without a frame: no segment goes on behind it
	maxBytes = 128 << 20              // of a segment, however long its key frames keep it waiting
	maxTime  = 10 * time.Minute       // the same
)

// cutter decides where segments end. Times are those of frames.
type cutter struct {
	// Set by begin, and again when settings change.
	target  time.Duration // after which the next key frame ends a segment
	hard    time.Duration // after which sound does, where no picture can
	waits   bool          // for key frames
	video   bool          // there are pictures
	longest time.Duration

	start int64 // of the first frame
	ends  [2]extent
}

// extent is how far a segment reaches in one kind of track.
type extent struct {
	seen       bool
	last, step int64
}

// rule takes the settings in force. Longer is added to the target.
func (c *cutter) rule(h *config.HLS, video bool, longer time.Duration) {
	c.target = max(0, scale(h.HlsFragment, h.HlsTdRatio)+longer)
	c.hard = scale(h.HlsFragment, h.HlsAofRatio)
	c.waits, c.video = h.HlsWaitKeyframe, video
	c.longest = max(maxTime, 2*c.hard, 2*c.target)
}

func scale(d time.Duration, by float64) time.Duration { return time.Duration(float64(d) * by) }

// starts reports whether a segment can begin with f. Since is the first frame that could not.
func (c *cutter) starts(f *media.Frame, since int64) bool {
	if !c.video || !c.waits || f.Source().Kind == media.Video && f.Key {
		return true
	}
	// Pictures have been announced and do not come: sound goes on without them.
	return f.Source().Kind == media.Audio && time.Duration(f.DTS-since) >= c.hard
}

// ends reports whether the segment ends before f, and whether that is for its size alone.
func (c *cutter) cuts(f *media.Frame, size int64) (cut, forced bool) {
	lasted := time.Duration(f.DTS - c.start)
	if lasted < minCut {
		return false, false
	}
	long := lasted+slack >= c.target
	switch {
	case size >= maxBytes || lasted >= c.longest:
		return true, true
	case f.Source().Kind == media.Video:
		return long && (f.Key || !c.waits), false
	case !c.video || !c.waits || c.blind(f):
		return lasted+slack >= c.hard, false
	}
	return false, false
}

// silent reports whether nothing at all has come for long before f.
func (c *cutter) silent(f *media.Frame) bool {
	newest := c.start
	for _, e := range c.ends {
		if e.seen {
			newest = max(newest, e.last)
		}
	}
	return time.Duration(f.DTS-newest) > silence
}

// blind reports whether there has been no picture for long.
func (c *cutter) blind(f *media.Frame) bool {
	v := &c.ends[0]
	return !v.seen || time.Duration(f.DTS-v.last) >= c.hard
}

// cutsAt is cuts for who has whole chunks: before one that starts at a time, with a key frame or not.
func (c *cutter) cutsAt(at int64, key bool, size int64) (cut, forced bool) {
	lasted := time.Duration(at - c.start)
	switch {
	case lasted < minCut:
		return false, false
	case size >= maxBytes || lasted >= c.longest:
		return true, true
	case !c.video:
		return lasted+slack >= c.hard, false
	}
	return lasted+slack >= c.target && (key || !c.waits), false
}

// begin notes that a segment begins at a time.
func (c *cutter) begin(at int64) {
	c.start = at
	for i := range c.ends {
		c.ends[i].seen = false
	}
}

// add notes a frame of the segment.
func (c *cutter) add(f *media.Frame) {
	e := &c.ends[0]
	if f.Source().Kind == media.Audio {
		e = &c.ends[1]
	}
	if e.seen && f.DTS > e.last {
		e.step = f.DTS - e.last
	}
	e.seen, e.last = true, f.DTS
}

// reach is add for who has whole chunks: the segment goes on to a time.
func (c *cutter) reach(at int64) { c.ends[0] = extent{seen: true, last: at} }

// lasted returns how long the segment is if nothing follows it: to the end of its last frame.
func (c *cutter) lasted() time.Duration {
	end := c.start
	for _, e := range c.ends {
		if e.seen {
			end = max(end, e.last+e.step)
		}
	}
	return time.Duration(end - c.start)
}
