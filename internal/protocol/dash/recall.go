package dash

import (
	"encoding/xml"
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"weir/internal/config"
)

const (
	maxManifest = 1 << 20 // bytes of a manifest that is gone on with
	maxListed   = 10_000  // segments in it
)

// recalled is what is read of a manifest on disk. The library that writes ours does not come to an end with some
// that are damaged.
type recalled struct {
	XMLName xml.Name `xml:"MPD"`
	Begin   string   `xml:"availabilityStartTime,attr"`
	Periods []struct {
		ID   string        `xml:"id,attr"`
		Sets []recalledSet `xml:"AdaptationSet"`
	} `xml:"Period"`
}

type recalledSet struct {
	Template *struct {
		Start    *uint32 `xml:"startNumber,attr"`
		Header   string  `xml:"initialization,attr"`
		Segments []struct {
			Again int `xml:"r,attr"`
		} `xml:"SegmentTimeline>S"`
	} `xml:"SegmentTemplate"`
	Representations []struct {
		ID string `xml:"id,attr"`
	} `xml:"Representation"`
}

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
	var m recalled
	if err == nil {
		err = xml.Unmarshal(raw, &m)
	}
	if err != nil {
		o.server.o.Log.Warn("the manifest that is there cannot be gone on with, and will be replaced", "file", o.dir.Path(o.file), "cause", err)
		return
	}
	var files []string
	o.mu.Lock()
	if at, err := time.Parse(time.RFC3339, m.Begin); err == nil && at.Before(time.Now()) {
		o.begin = at
	}
	for _, p := range m.Periods {
		if id, err := strconv.ParseUint(p.ID, 10, 32); err == nil {
			o.nextPeriod = max(o.nextPeriod, id+1)
		}
		for i := range p.Sets {
			files = append(files, o.recallSet(&p.Sets[i])...)
		}
	}
	o.mu.Unlock()
	if h.DashCleanup {
		o.dir.Remove(files...)
	}
}

// recallSet notes the numbers that a set has used, and returns the files of its segments; mu is held.
func (o *output) recallSet(a *recalledSet) (files []string) {
	t := a.Template
	if t == nil || t.Start == nil || len(t.Segments) == 0 || len(a.Representations) != 1 {
		return nil
	}
	name := a.Representations[0].ID
	if name != "video" && name != "audio" {
		return nil
	}
	n := uint64(*t.Start)
	end := n
	for _, s := range t.Segments {
		end += uint64(max(0, min(s.Again, maxListed))) + 1
	}
	if end-n > maxListed {
		return nil
	}
	for i := n; i < end; i++ {
		files = append(files, o.below(name+"-"+strconv.FormatUint(i, 10)+".m4s"))
	}
	if head := strings.ReplaceAll(t.Header, "$RepresentationID$", name); head != "" && !strings.ContainsAny(head, "/\\?") {
		files = append(files, o.below(head))
	}
	if o.next == nil {
		o.next = map[string]uint64{}
	}
	o.next[name] = max(o.next[name], end)
	return files
}
