package audio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	gomp3 "github.com/hajimehoshi/go-mp3"

	"weir/internal/codec/mp3"
)

const (
	mp3Layer3   = 1
	mp3Version1 = 3
	mp3Remedy   = "have the encoder send AAC-LC, or MP3 at 44100 Hz"
)

// errReservoir is a frame whose data begin in frames that never came.
var errReservoir = errors.New("earlier frames are missing")

// mp3Decoder is go-mp3's. A frame's data may begin in frames before it; where those have not come, as
// after a late start, it makes noise, which is left out here.
type mp3Decoder struct {
	dec  *gomp3.Decoder // nil until the first frame, and after an error
	feed feed
	kept int // bytes of earlier frames' data that the next one can refer to
	wild int // frames to leave out, since they overlap noise
	out  []byte
}

func (d *mp3Decoder) decode(dst []float32, unit []byte) ([]float32, int, error) {
	h, err := parseMP3(unit)
	if err != nil {
		return dst, 0, err
	}
	d.feed.b = unit
	if d.dec == nil {
		if d.dec, err = gomp3.NewDecoder(&d.feed); err != nil {
			return dst, 0, err
		}
		d.kept, d.wild = 0, 0
	}
	if need := h.samples * channels * 2; len(d.out) != need {
		d.out = make([]byte, need)
	}
	_, err = io.ReadFull(d.dec, d.out)
	d.feed.b = nil
	if err != nil {
		d.dec = nil
		return dst, 0, err
	}
	if h.begin > d.kept {
		d.wild = 2 // this one, and the next that overlaps it
	}
	d.kept = min(h.begin, d.kept) + h.data
	if d.wild > 0 {
		d.wild--
		return dst, 0, errReservoir
	}
	return appendPCM(dst, d.out, channels), h.rate, nil
}

// mp3Head is what a frame says of itself.
type mp3Head struct {
	rate    int // Hz
	samples int
	begin   int // bytes before the frame's own at which its data begin
	data    int // bytes of its own
}

// parseMP3 reads the header and the first bits of the side information:
//
//	| sync u11 | version u2 | layer u2 | no CRC u1 | bit rate u4 | rate u2 | padding u1 | private u1 | mode u2 | ... u6 |
//	| CRC u16, if there is one | data begin u9, or u8 where the rate is low | ...
//
// Spec: ISO 11172-3, 2.4.1.7, and ISO 13818-3.
func parseMP3(unit []byte) (mp3Head, error) {
	info, err := mp3.FrameInfo(unit)
	if err != nil {
		return mp3Head{}, err
	}
	version, layer, crc := unit[1]>>3&3, unit[1]>>1&3, unit[1]&1 == 0
	switch {
	case layer != mp3Layer3:
		return mp3Head{}, unsupported("MPEG audio of layer 1 or 2", mp3Remedy)
	case version == 0, info.SampleRate == 22050: // go-mp3 miscounts padded frames of the latter
		return mp3Head{}, unsupported(fmt.Sprintf("MP3 at %d Hz", info.SampleRate), mp3Remedy)
	}
	h := mp3Head{rate: info.SampleRate, samples: 1152}
	side, bits := 32, 9
	if info.Channels == 1 {
		side = 17
	}
	if version != mp3Version1 {
		h.samples, side, bits = 576, (side+2)/2, 8 // 17 or 9
	}
	at := 4
	if crc {
		at += 2
	}
	if len(unit) < at+side {
		return mp3Head{}, io.ErrUnexpectedEOF
	}
	h.begin = int(binary.BigEndian.Uint16(unit[at:]) >> (16 - bits))
	h.data = len(unit) - at - side
	return h, nil
}
