package mpegts

import (
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"weir/internal/codec/aac"
	"weir/internal/media"
)

const (
	latmHead = 3
	latmSync = 0x2b7 // 11 bits
)

// latmFrames are those of AAC in LATM: each an AudioMuxElement behind its length, in which the
// configuration comes now and then.
//
//	| 0x2b7 u11 | length u13 | element |
//
// Spec: ISO 14496-3, 1.7.2.
type latmFrames struct {
	config *mpeg4audio.StreamMuxConfig // nil until one has come
	aac    aac.Config
}

func (*latmFrames) look(b []byte) frameHead {
	if len(b) < latmHead && b[0] == latmSync>>3 {
		return tooShort(b)
	}
	if len(b) < latmHead || int(b[0])<<3|int(b[1]>>5) != latmSync {
		return frameHead{}
	}
	return frameHead{size: latmHead + int(b[1]&0x1f)<<8 + int(b[2])}
}

func (l *latmFrames) open(dst [][]byte, h *frameHead, frame []byte) [][]byte {
	e := mpeg4audio.AudioMuxElement{MuxConfigPresent: true, StreamMuxConfig: l.config}
	if e.Unmarshal(frame[latmHead:]) != nil || !l.adopt(e.StreamMuxConfig) {
		return dst
	}
	h.samples, h.rate = samplesOf(l.aac), int64(l.aac.Rate)
	h.voice = voice{codec: media.AAC, aac: l.aac}
	for _, sub := range e.Payloads {
		if data := sub[0][0]; len(data) > 0 { // the first program and layer: nobody sends others
			dst = append(dst, data)
		}
	}
	return dst
}

// adopt takes the configuration that an element has brought, or goes by.
func (l *latmFrames) adopt(c *mpeg4audio.StreamMuxConfig) bool {
	if c == l.config {
		return true
	}
	if len(c.Programs) == 0 || len(c.Programs[0].Layers) == 0 || c.Programs[0].Layers[0].AudioSpecificConfig == nil {
		return false
	}
	b, err := c.Programs[0].Layers[0].AudioSpecificConfig.Marshal()
	if err != nil {
		return false
	}
	config, err := aac.ParseConfig(b)
	if err != nil {
		return false
	}
	l.config, l.aac = c, config
	return true
}
