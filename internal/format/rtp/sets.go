package rtp

import (
	"bytes"

	"github.com/bluenviron/mediacommon/v2/pkg/bits"
	mch265 "github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"weir/internal/codec/h264"
	"weir/internal/codec/h265"
	"weir/internal/media"
)

const (
	maxSets   = 16       // parameter sets of one kind
	maxSetLen = 16 << 10 // bytes of one
)

const kinds = 3 // of parameter sets: VPS, SPS, PPS

// sets are the parameter sets that are in force.
type sets struct {
	codec media.Codec
	id    int
	lists [kinds][][]byte
	track *media.Track // that they describe
}

// take puts those into force that came with an access unit, and returns another track if they ask for
// another decoder. It keeps them.
func (s *sets) take(came *[kinds][][]byte) *media.Track {
	changed, anew := s.merge(came)
	if !changed {
		return nil
	}
	if anew {
		s.replace(came)
	}
	t := s.describe()
	if t == nil && !anew { // those that were there may be what is wrong
		s.replace(came)
		t = s.describe()
	}
	if t == nil || s.track != nil && string(t.Config) == string(s.track.Config) {
		return nil
	}
	s.track = t
	return t
}

// merge adds sets to those that are there. Where a sequence changes under its number, or there are too
// many, a new sequence begins: what came stands for itself.
func (s *sets) merge(came *[kinds][][]byte) (changed, anew bool) {
	for kind, list := range came {
		for _, set := range list {
			if contains(s.lists[kind], set) {
				continue
			}
			changed = true
			switch i := s.find(kind, set); {
			case i >= 0 && kind == kinds-1:
				s.lists[kind][i] = set
			case i >= 0, len(s.lists[kind]) == maxSets:
				anew = true
			case kind == kinds-2: // a configuration is described by its first
				s.lists[kind] = append([][]byte{set}, s.lists[kind]...)
			default:
				s.lists[kind] = append(s.lists[kind], set)
			}
		}
	}
	return changed, anew
}

// replace forgets the sets of each kind that came.
func (s *sets) replace(came *[kinds][][]byte) {
	for kind, list := range came {
		if len(list) == 0 {
			continue
		}
		s.lists[kind] = nil
		for _, set := range list {
			if !contains(s.lists[kind], set) {
				s.lists[kind] = append(s.lists[kind], set)
			}
		}
	}
}

// find returns the index of the set with the same number, or -1.
func (s *sets) find(kind int, set []byte) int {
	number := s.number(kind, set)
	for i, old := range s.lists[kind] {
		if s.number(kind, old) == number {
			return i
		}
	}
	return -1
}

// number is what others refer to a set by, 0 if it cannot be read.
func (s *sets) number(kind int, set []byte) uint32 {
	skip := 1
	switch part(kind) + partVPS {
	case partVPS:
		if len(set) > 2 {
			return uint32(set[2] >> 4)
		}
		return 0
	case partSPS:
		if s.codec == media.H265 {
			var sps mch265.SPS
			if sps.Unmarshal(set) != nil {
				return 0
			}
			return uint32(sps.ID)
		}
		skip = 4
	default:
		if s.codec == media.H265 {
			skip = 2
		}
	}
	pos := 8 * skip
	if len(set) <= skip {
		return 0
	}
	n, err := bits.ReadGolombUnsigned(set, &pos)
	if err != nil {
		return 0
	}
	return n
}

// describe returns the track of the sets, nil while one is missing.
func (s *sets) describe() *media.Track {
	t := &media.Track{ID: s.id, Kind: media.Video, Codec: s.codec}
	var err error
	if s.codec == media.H264 {
		t.Config, err = h264.AppendConfig(nil, s.lists[1], s.lists[2])
	} else {
		t.Config, err = h265.AppendConfig(nil, s.lists[0], s.lists[1], s.lists[2])
	}
	if err != nil {
		return nil
	}
	if s.codec == media.H264 {
		t.Info, _ = h264.Info(t.Config) // as much as can be read
	} else {
		t.Info, _ = h265.Info(t.Config)
	}
	return t
}

func contains(list [][]byte, set []byte) bool {
	for _, s := range list {
		if bytes.Equal(s, set) {
			return true
		}
	}
	return false
}
