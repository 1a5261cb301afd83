package mpegts

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

// The kinds of parameter set.
const (
	kindVPS = iota
	kindSPS
	kindPPS
	kinds
)

// sets are the parameter sets of a stream of pictures.
type sets struct {
	codec media.Codec
	lists [kinds][][]byte
}

// merge takes those that came with one access unit and reports whether they are others than
// those in force. An access unit that says something new under a number that is in use starts a
// new sequence, which has none of the old ones.
func (s *sets) merge(came *[kinds][][]byte) (changed bool) {
	anew := false
	for kind, list := range came {
		for _, set := range list {
			if s.has(kind, set) {
				continue
			}
			changed = true
			switch i := s.find(kind, set); {
			case len(s.lists[kind]) == maxSets, i >= 0 && kind != kindPPS:
				anew = true
			case i >= 0:
				s.lists[kind][i] = bytes.Clone(set)
			case kind == kindSPS: // the newest is what the configuration is described by
				s.lists[kind] = append([][]byte{bytes.Clone(set)}, s.lists[kind]...)
			default:
				s.lists[kind] = append(s.lists[kind], bytes.Clone(set))
			}
		}
	}
	if anew {
		s.renew(came)
	}
	return changed
}

func (s *sets) renew(came *[kinds][][]byte) {
	for kind, list := range came {
		if len(list) == 0 {
			continue
		}
		s.lists[kind] = nil
		for _, set := range list[:min(len(list), maxSets)] {
			if !s.has(kind, set) {
				s.lists[kind] = append(s.lists[kind], bytes.Clone(set))
			}
		}
	}
}

func (s *sets) has(kind int, set []byte) bool {
	for _, old := range s.lists[kind] {
		if bytes.Equal(old, set) {
			return true
		}
	}
	return false
}

// find returns the index of the one with the same number, or -1.
func (s *sets) find(kind int, set []byte) int {
	number := s.number(kind, set)
	for i, old := range s.lists[kind] {
		if s.number(kind, old) == number {
			return i
		}
	}
	return -1
}

// number returns the number by which others refer to a parameter set.
func (s *sets) number(kind int, set []byte) int {
	skip := 1 // bytes before the number
	switch {
	case s.codec == media.H264 && kind == kindSPS:
		skip = 4
	case s.codec == media.H265 && kind == kindVPS:
		if len(set) < 3 {
			return 0
		}
		return int(set[2] >> 4)
	case s.codec == media.H265 && kind == kindSPS:
		var sps mch265.SPS
		if sps.Unmarshal(set) != nil {
			return 0
		}
		return int(sps.ID)
	case s.codec == media.H265:
		skip = 2
	}
	pos := 8 * skip
	if len(set) <= skip {
		return 0
	}
	n, err := bits.ReadGolombUnsigned(set, &pos)
	if err != nil {
		return 0
	}
	return int(n)
}

// track returns the track that the sets describe, or nil as long as one is missing.
func (s *sets) track(id int) *media.Track {
	t := &media.Track{ID: id, Kind: media.Video, Codec: s.codec}
	var err error
	if s.codec == media.H264 {
		t.Config, err = h264.AppendConfig(nil, s.lists[kindSPS], s.lists[kindPPS])
	} else {
		t.Config, err = h265.AppendConfig(nil, s.lists[kindVPS], s.lists[kindSPS], s.lists[kindPPS])
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
