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

	ends   habit
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

// habit is what is known of the packets that a muxer fills up: the last one of a PES packet is filled up wherever it does not
// happen to fit, and as a rule no other one is. Pictures need not say how long they are; where the rule holds they need not
// wait for the next one to be known as whole, which is a picture's time sooner.
type habit struct {
	seen  int  // PES packets whose last packet, and no other one, was filled up
	wild  bool // one in the middle was
	hasty bool // the newest PES packet was taken as whole by habit
}

// sure is how many have to keep the rule before it is relied on.
const sure = 8

// note takes a PES packet whose end the next one's beginning has shown.
func (h *habit) note(stuffed bool) {
	if stuffed {
		h.seen++
	}
}

func (h *habit) holds() bool { return h.seen >= sure && !h.wild }
