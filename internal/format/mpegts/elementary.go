package mpegts

import (
	"slices"

	"weir/internal/media"
)

// elementary is one elementary stream of the program.
type elementary struct {
	pid     uint16
	kind    kind
	line    line
	unit    parcel
	decoder decoder // of video and audio
	section section // of data that is sections
	id      int     // among those of its kind

	locked bool // its newest packet was encrypted
	torn   bool // the unit that was to be open is known to be damaged
	index  int  // in the layout, or -1
	track  *media.Track
	waits  bool  // it has a frame in the foyer
	rank   int64 // of the newest one there
}

// elementaries are the streams of a program: in the table's order those that are read, and by
// their PID all.
type elementaries struct {
	list  []*elementary
	all   map[uint16]*elementary
	kept  []*elementary // those that were there before the table's newest version
	video bool          // there are pictures
}

// free returns the lowest number that no stream of a kind has.
func (s *elementaries) free(k media.Kind) int {
	for id := 0; ; id++ {
		has := func(e *elementary) bool { return e.kind.media == k && e.id == id }
		if !slices.ContainsFunc(s.list, has) && !slices.ContainsFunc(s.kept, has) {
			return id
		}
	}
}

// present reports whether each stream of pictures or sound has a frame in the foyer.
func (s *elementaries) present() bool {
	for _, e := range s.list {
		if !e.waits && e.kind.media != media.Data {
			return false
		}
	}
	return true
}
