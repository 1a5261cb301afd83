package dash

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/Eyevinn/dash-mpd/mpd"

	"weir/internal/config"
)

const (
	maxManifest = 1 << 20 // bytes of a manifest that is gone on with
	maxListed   = 10_000  // segments in it
)

// recall goes on with the clock and the numbers of the manifest on disk, which another process has made: no name is
// given to something else. What that lists is not in the new one, and with dash_cleanup it is deleted.
func (o *output) recall(h *config.Dash) {
	if h.DashServeFrom == "memory" {
		return
	}
	raw, err := o.dir.Read(o.file, maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var m *mpd.MPD
	if err == nil {
		m, err = mpd.MPDFromBytes(raw)
	}
	if err != nil {
		o.server.o.Log.Warn("the manifest that is there cannot be gone on with, and will be replaced", "file", o.dir.Path(o.file), "cause", err)
		return
	}
	var files []string
	o.mu.Lock()
	if at, err := time.Parse(time.RFC3339, string(m.AvailabilityStartTime)); err == nil && at.Before(time.Now()) {
		o.begin = at
	}
	for _, p := range m.Periods {
		if id, err := strconv.ParseUint(p.Id, 10, 32); err == nil {
			o.nextPeriod = max(o.nextPeriod, id+1)
		}
		for _, a := range p.AdaptationSets {
			files = append(files, o.recallSet(a)...)
		}
	}
	o.mu.Unlock()
	if h.DashCleanup {
		o.dir.Remove(files...)
	}
}

// recallSet notes the numbers that a set has used, and returns the files of its segments; mu is held.
func (o *output) recallSet(a *mpd.AdaptationSetType) (files []string) {
	t := a.SegmentTemplate
	if t == nil || t.SegmentTimeline == nil || t.StartNumber == nil || len(a.Representations) != 1 {
		return nil
	}
	name := a.Representations[0].Id
	if name != "video" && name != "audio" {
		return nil
	}
	n := uint64(*t.StartNumber)
	end := n
	for _, s := range t.SegmentTimeline.S {
		end += uint64(max(0, min(s.R, maxListed))) + 1
	}
	if end-n > maxListed {
		return nil
	}
	for i := n; i < end; i++ {
		files = append(files, o.below(name+"-"+strconv.FormatUint(i, 10)+".m4s"))
	}
	if head := strings.ReplaceAll(t.Initialization, "$RepresentationID$", name); head != "" && !strings.ContainsAny(head, "/\\?") {
		files = append(files, o.below(head))
	}
	if o.next == nil {
		o.next = map[string]uint64{}
	}
	o.next[name] = max(o.next[name], end)
	return files
}
