package codec

import (
	"testing"

	"weir/internal/codec/aac"
	"weir/internal/media"
)

func TestName(t *testing.T) {
	sps := "\x67\x42\xc0\x28\xd9\x00\x78\x02\x27\xe5\x84"
	avcc := "\x01\x42\xc0\x28\xff\xe1\x00\x0b" + sps + "\x01\x00\x04\x68\xee\x3c\x80"
	hvcc := func(head string) string { // the head, and an array of an SPS and one of a PPS
		return "\x01" + head + "\xf0\x00\xfc\xfd\xf8\xf8\x00\x00\x0f\x02" + "\xa1\x00\x01\x00\x02\x42\x01" + "\xa2\x00\x01\x00\x02\x44\x01"
	}
	lc := aac.Config{Type: aac.LC, Rate: 44100, FullRate: 44100, Layout: 2}
	he, v2 := lc, lc
	he.SBR, v2.SBR, v2.PS = true, true, true
	v2.Layout = 1
	for _, c := range []struct {
		codec  media.Codec
		config string
		want   string
	}{
		{media.H264, avcc, "avc1.42c028"},
		{media.H264, avcc[:9], ""},
		{media.H265, hvcc("\x01\x60\x00\x00\x00\xb0\x00\x00\x00\x00\x00\x5d"), "hvc1.1.6.L93.B0"},
		{media.H265, hvcc("\x62\x20\x00\x00\x00\x90\x00\x01\x00\x00\x00\x99"), "hvc1.A2.4.H153.90.0.1"},
		{media.H265, "", ""},
		{media.AAC, string(aac.AppendConfig(nil, lc)), "mp4a.40.2"},
		{media.AAC, string(aac.AppendConfig(nil, he)), "mp4a.40.5"},
		{media.AAC, string(aac.AppendConfig(nil, v2)), "mp4a.40.29"},
		{media.AAC, "", ""},
		{media.MP3, "", "mp4a.40.34"},
		{media.Opus, "", "opus"},
		{media.AC3, "", "ac-3"},
		{media.EAC3, "", "ec-3"},
		{media.AV1, "\x81\x05\x0c\x00", "av01.0.05M.08"},
		{media.AV1, "\x81\x28\xcc\x00", "av01.1.08H.10"},
		{media.VP9, "\x00\x1f\x80\x02\x02\x02\x00\x00", "vp09.00.31.08"},
		{media.VP9, "\x02\x00\xa2\x02\x02\x02\x00\x00", "vp09.02.10.10"},
		{media.FLAC, "", "fLaC"},
		{media.VP8, "", ""},
	} {
		if got := Name(&media.Track{Codec: c.codec, Config: []byte(c.config)}); got != c.want {
			t.Errorf("%s: %q; want %q", c.codec, got, c.want)
		}
	}
}
