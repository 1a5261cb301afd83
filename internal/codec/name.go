package codec

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"

	"weir/internal/codec/aac"
	"weir/internal/codec/av1"
	"weir/internal/codec/h264"
	"weir/internal/codec/h265"
	"weir/internal/codec/vp9"
	"weir/internal/media"
)

// Name returns a track's name in the codecs parameter of RFC 6381, such as avc1.64001f, or
// nothing if that is not known.
func Name(t *media.Track) string {
	switch t.Codec {
	case media.H264:
		if c, err := h264.ParseConfig(t.Config); err == nil {
			return fmt.Sprintf("avc1.%02x%02x%02x", c.Profile, c.Compat, c.Level)
		}
	case media.H265:
		if _, err := h265.ParseConfig(t.Config); err == nil {
			return hevcName(t.Config)
		}
	case media.AV1:
		if c, err := av1.ParseConfig(t.Config); err == nil {
			return av1Name(c, t.Config[2])
		}
	case media.VP9:
		if c, err := vp9.ParseConfig(t.Config); err == nil {
			return fmt.Sprintf("vp09.%02d.%02d.%02d", c.Profile, max(c.Level, lowestVP9), c.BitDepth)
		}
	case media.AAC:
		return aacName(t.Config)
	case media.MP3:
		return "mp4a.40.34"
	case media.Opus:
		return "opus"
	case media.AC3:
		return "ac-3"
	case media.EAC3:
		return "ec-3"
	case media.FLAC:
		return "fLaC"
	}
	return ""
}

const lowestVP9 = 10 // the level that is said where none is known

// av1Name names the profile, level, tier and depth; flags are the record's third byte.
// Spec: AV1 Codec ISO Media File Format Binding, 5.
func av1Name(c av1.Config, flags byte) string {
	tier, depth := "M", 8
	if flags&0x80 != 0 {
		tier = "H"
	}
	switch flags & 0x60 {
	case 0x40:
		depth = 10
	case 0x60:
		depth = 12
	}
	return fmt.Sprintf("av01.%d.%02d%s.%02d", c.Profile, c.Level, tier, depth)
}

func aacName(config []byte) string {
	c, err := aac.ParseConfig(config)
	switch {
	case err != nil:
		return ""
	case c.PS:
		return "mp4a.40.29"
	case c.SBR:
		return "mp4a.40.5"
	}
	return fmt.Sprintf("mp4a.40.%d", c.Type)
}

// hevcName names the profile, its compatibility bits in reverse, tier and level, and the bytes of
// constraints but for zeros at their end. Spec: ISO 14496-15, E.3.
func hevcName(config []byte) string {
	space := [...]string{"", "A", "B", "C"}[config[1]>>6]
	tier := "L"
	if config[1]&0x20 != 0 {
		tier = "H"
	}
	compat := bits.Reverse32(binary.BigEndian.Uint32(config[2:]))
	var b strings.Builder
	fmt.Fprintf(&b, "hvc1.%s%d.%X.%s%d", space, config[1]&0x1f, compat, tier, config[12])
	end := 12
	for end > 6 && config[end-1] == 0 {
		end--
	}
	for _, c := range config[6:end] {
		fmt.Fprintf(&b, ".%X", c)
	}
	return b.String()
}
