package h265

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"weir/internal/media"
)

const maxSide = 1 << 16 // pixels; what is larger is a broken SPS

// Info tells what a configuration record says, its first SPS included. If only the SPS
// cannot be read, what the record itself says comes with the error.
func Info(config []byte) (media.Info, error) {
	c, err := ParseConfig(config)
	if err != nil {
		return media.Info{}, err
	}
	info := media.Info{
		Profile: profile(c.Profile),
		Level:   level(c.Level),
	}
	var s h265.SPS
	if err := s.Unmarshal(c.SPS[0]); err != nil {
		return info, fmt.Errorf("%w: SPS: %w", ErrConfig, err)
	}
	if w, h := s.Width(), s.Height(); w > 0 && w < maxSide && h > 0 && h < maxSide {
		info.Width, info.Height = w, h
	}
	if fps := s.FPS(); fps > 0 && fps <= 1000 {
		info.FPS = fps
	}
	return info, nil
}

// profile names a general_profile_idc. Spec: H.265, A.3.
func profile(idc byte) string {
	switch idc {
	case 1:
		return "Main"
	case 2:
		return "Main10"
	case 3:
		return "Main Still Picture"
	case 4:
		return "Rext"
	}
	return "Other"
}

// level names a general_level_idc: 93 is "3.1", 120 is "4".
func level(idc byte) string {
	if idc < 30 || idc%3 != 0 {
		return "Other"
	}
	if idc%30 == 0 {
		return fmt.Sprint(idc / 30)
	}
	return fmt.Sprintf("%d.%d", idc/30, idc%30/3)
}
