package av1

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"

	"weir/internal/media"
)

// Info tells what a configuration record says, its sequence header included, if it has one.
func Info(config []byte) (media.Info, error) {
	c, err := ParseConfig(config)
	if err != nil {
		return media.Info{}, err
	}
	info := media.Info{Profile: profile(c.Profile), Level: level(c.Level)}
	if c.Sequence == nil {
		return info, nil
	}
	sequence, err := sized(c.Sequence)
	if err != nil {
		return info, err
	}
	var h av1.SequenceHeader
	if err := h.Unmarshal(sequence); err != nil {
		return info, fmt.Errorf("%w: sequence header: %w", ErrConfig, err)
	}
	info.Width, info.Height = h.Width(), h.Height()
	if t := h.TimingInfo; t != nil && t.EqualPictureInterval {
		ticks := float64(t.NumUnitsInDisplayTick) * (float64(t.NumTicksPerPictureMinus1) + 1)
		if fps := float64(t.TimeScale) / ticks; fps > 0 && fps <= 1000 {
			info.FPS = fps
		}
	}
	return info, nil
}

// profile names a seq_profile. Spec: AV1, A.2.
func profile(p byte) string {
	switch p {
	case 0:
		return "Main"
	case 1:
		return "High"
	case 2:
		return "Professional"
	}
	return "Other"
}

// level names a seq_level_idx: 0 is "2.0", 9 is "4.1". Spec: AV1, A.3.
func level(idx byte) string {
	if idx > 23 {
		return "Other"
	}
	return fmt.Sprintf("%d.%d", 2+idx/4, idx%4)
}
