package mpegts

import (
	"github.com/asticode/go-astits"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/substructs"

	"weir/internal/codec/aac"
	"weir/internal/codec/h264"
	"weir/internal/codec/h265"
	"weir/internal/codec/opus"
	"weir/internal/media"
)

// The stream_id of PES headers.
const (
	idVideo    = 0xe0
	idAudio    = 0xc0
	idPrivate  = 0xbd
	idMetadata = 0xfc // in cells
)

// codingOf returns how a track is written, or false if it cannot be.
func codingOf(t *media.Track) (c coding, ok bool) {
	switch t.Codec {
	case media.H264:
		return avc(t.Config)
	case media.H265:
		return hevc(t.Config)
	case media.AAC:
		return adts(t.Config)
	case media.MP3:
		c = coding{streamType: astits.StreamTypeMPEG1Audio, streamID: idAudio, append: plain}
		if r := t.Info.SampleRate; r > 0 && r < 32000 {
			c.streamType = astits.StreamTypeMPEG2Audio
		}
		return c, true
	case media.Opus:
		return opusUnits(t.Config)
	case media.AC3:
		return coding{streamType: astits.StreamTypeAC3Audio, streamID: idPrivate, descriptors: registration("AC-3"), append: plain}, true
	case media.EAC3:
		return coding{streamType: astits.StreamTypeEAC3Audio, streamID: idPrivate, descriptors: registration("EAC3"), append: plain}, true
	case media.SCTE35, media.KLV, media.ID3:
		return datum(t), true
	}
	return c, false
}

// registration is the descriptor that names a format. Spec: ISO 13818-1, 2.6.8.
func registration(name string) []byte {
	return append([]byte{astits.DescriptorTagRegistration, byte(len(name))}, name...)
}

// maxEntry is how many bytes an entry of data in the program's map may have, so that the map is a single section.
const maxEntry = 64

// datum is how data is written: as it came where it came in a transport stream.
func datum(t *media.Track) (c coding) {
	switch t.Codec {
	case media.SCTE35:
		c = coding{streamType: astits.StreamTypeSCTE35, sections: true}
	case media.ID3:
		c = coding{streamType: astits.StreamTypeMetadata, descriptors: metadata("ID3 ")}
	default: // what says no time of its own in cells
		c = coding{streamType: astits.StreamTypePrivateData, descriptors: registration("KLVA")}
	}
	c.streamID, c.append = idPrivate, plain
	if b := t.Header; t.Form == Form && len(b) > 0 && len(b) <= maxEntry {
		c.streamType, c.descriptors = astits.StreamType(b[0]), b[1:]
	}
	return c
}

// metadata is the descriptor of metadata, of an application of the same name, as HLS wants it for ID3. Spec: ISO 13818-1,
// 2.6.60; "Timed Metadata for HTTP Live Streaming", 2.
func metadata(name string) []byte {
	const service, reserved = 0, 0x0f
	b := append([]byte{substructs.DescriptorTagMetadata, 13, 0xff, 0xff}, name...)
	return append(append(append(b, 0xff), name...), service, reserved)
}

// maxAudio is how many bytes of sound or data a PES packet has room for, whose length is 16 bits.
const maxAudio = 0xffff - 8

func plain(dst, data []byte, _ bool) ([]byte, bool) {
	return append(dst, data...), len(data) > 0 && len(data) <= maxAudio
}

func avc(config []byte) (coding, bool) {
	c, err := h264.ParseConfig(config)
	if err != nil {
		return coding{}, false
	}
	u := units{
		delimiter: []byte{0, 0, 0, 1, h264.TypeAUD, 0xf0},
		sets:      startCodes(c.SPS, c.PPS),
		role: func(unit byte) role {
			switch unit & 0x1f {
			case h264.TypeAUD:
				return delimiter
			case h264.TypeSPS:
				return set
			}
			return other
		},
	}
	return coding{streamType: astits.StreamTypeH264Video, streamID: idVideo, append: u.append}, true
}

func hevc(config []byte) (coding, bool) {
	c, err := h265.ParseConfig(config)
	if err != nil {
		return coding{}, false
	}
	u := units{
		delimiter: []byte{0, 0, 0, 1, h265.TypeAUD << 1, 1, 0x50},
		sets:      startCodes(c.VPS, c.SPS, c.PPS),
		role: func(unit byte) role {
			switch unit >> 1 & 0x3f {
			case h265.TypeAUD:
				return delimiter
			case h265.TypeSPS:
				return set
			}
			return other
		},
	}
	return coding{streamType: astits.StreamTypeH265Video, streamID: idVideo, append: u.append}, true
}

func startCodes(lists ...[][]byte) (b []byte) {
	for _, list := range lists {
		for _, unit := range list {
			b = append(append(b, 0, 0, 0, 1), unit...)
		}
	}
	return b
}

// adts writes AAC behind headers, which tell nothing of SBR and PS: decoders find them.
// Spec: ISO 14496-3, 1.A.2.2.
func adts(config []byte) (coding, bool) {
	c, err := aac.ParseConfig(config)
	if err != nil || c.Type > aac.LTP {
		return coding{}, false
	}
	one := []*mpeg4audio.ADTSPacket{{
		Type: mpeg4audio.ObjectType(c.Type), SampleRate: c.Rate, ChannelConfig: uint8(c.Layout),
	}}
	if _, err := mpeg4audio.ADTSPackets(one).Marshal(); err != nil {
		return coding{}, false // a rate that the header has no number for
	}
	const head, longest = 7, 1<<13 - 1
	return coding{
		streamType: astits.StreamTypeADTS, streamID: idAudio, step: step{samplesOf(c), int64(c.Rate)},
		append: func(dst, data []byte, _ bool) ([]byte, bool) {
			if len(data) == 0 || head+len(data) > longest {
				return dst, false
			}
			one[0].AU = data
			b, err := mpeg4audio.ADTSPackets(one).Marshal()
			one[0].AU = nil
			return append(dst, b...), err == nil
		},
	}, true
}

func samplesOf(c aac.Config) int64 {
	if c.Short {
		return 960
	}
	return 1024
}

// opusUnits writes Opus packets, each behind a control header.
func opusUnits(config []byte) (coding, bool) {
	h, err := opus.ParseHead(config)
	if err != nil || h.Channels > 8 || h.Family > 1 {
		return coding{}, false
	}
	return coding{
		streamType: astits.StreamTypePrivateData, streamID: idPrivate,
		descriptors: append(registration("Opus"), astits.DescriptorTagExtension, 2, extensionOpus, byte(h.Channels)),
		append: func(dst, data []byte, _ bool) ([]byte, bool) {
			if len(data) == 0 || len(data) > maxAudio/2 {
				return dst, false
			}
			u := substructs.OpusAccessUnit{ControlHeader: substructs.OpusControlHeader{PayloadSize: len(data)}, Packet: data}
			b := make([]byte, u.MarshalSize())
			_, err := u.MarshalTo(b)
			return append(dst, b...), err == nil
		},
	}, true
}
