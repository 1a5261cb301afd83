package h264

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

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
		Profile: profile(c.Profile, c.Compat),
		Level:   level(c.Level),
	}
	var s h264.SPS
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

// profile names a profile_idc and its constraint flags. Spec: H.264, A.2.
func profile(idc, compat byte) string {
	set1, set3 := compat&0x40 != 0, compat&0x10 != 0
	switch idc {
	case 66:
		return pick(set1, "Baseline(Constrained)", "Baseline")
	case 77:
		return "Main"
	case 88:
		return "Extended"
	case 100:
		return "High"
	case 110:
		return pick(set3, "High(10+Intra)", "High(10)")
	case 122:
		return pick(set3, "High(422+Intra)", "High(422)")
	case 144:
		return "High(444)"
	case 244:
		return pick(set3, "High(444+Intra)", "High(444+Predictive)")
	}
	return "Other"
}

func pick(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}

// level names a level_idc: 31 is "3.1", 40 is "4".
func level(idc byte) string {
	if idc < 10 || idc > 62 || idc%10 > 3 {
		return "Other"
	}
	if idc%10 == 0 {
		return fmt.Sprint(idc / 10)
	}
	return fmt.Sprintf("%d.%d", idc/10, idc%10)
}
