// Package ac3 reads frame headers of AC-3 and E-AC-3.
package ac3

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/ac3"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/eac3"

	"weir/internal/media"
)

const minFrame = 8 // bytes: what is looked at of a header

// FrameInfo tells what an AC-3 frame's header says. Spec: ETSI TS 102 366, 4.3 and 4.4.
func FrameInfo(data []byte) (media.Info, error) {
	if len(data) < minFrame {
		return media.Info{}, fmt.Errorf("ac3: frame of %d bytes", len(data))
	}
	var sync ac3.SyncInfo
	var bsi ac3.BSI
	if err := sync.Unmarshal(data); err != nil {
		return media.Info{}, fmt.Errorf("ac3: %w", err)
	}
	if err := bsi.Unmarshal(data[5:]); err != nil {
		return media.Info{}, fmt.Errorf("ac3: %w", err)
	}
	return media.Info{SampleRate: sync.SampleRate(), Channels: bsi.ChannelCount()}, nil
}

// EnhancedInfo tells what an E-AC-3 frame's header says. Spec: ETSI TS 102 366, E.1.2.
func EnhancedInfo(data []byte) (media.Info, error) {
	var sync eac3.SyncInfo
	if err := sync.Unmarshal(data); err != nil {
		return media.Info{}, fmt.Errorf("ac3: %w", err)
	}
	return media.Info{SampleRate: sync.SampleRate(), Channels: sync.ChannelCount()}, nil
}
