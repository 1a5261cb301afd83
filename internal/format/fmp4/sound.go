package fmp4

import (
	"github.com/Eyevinn/mp4ff/mp4"

	"weir/internal/codec/aac"
	"weir/internal/codec/opus"
	"weir/internal/media"
)

const (
	sampleBits  = 16
	maxSpecific = 100  // bytes of an AudioSpecificConfig: the sizes of descriptors have 7 bits
	streamInfo  = 34   // bytes of a STREAMINFO
	objectMP3   = 0x6b // objectTypeIndication of MPEG-1 audio
	objectMPEG  = 0x69 // of MPEG-2 audio, which has the lower rates
)

// sound sets what is different from codec to codec of sound.
func (t *Track) sound(s *media.Track) error {
	rate, channels := s.Info.SampleRate, s.Info.Channels
	switch s.Codec {
	case media.AAC:
		c, err := aac.ParseConfig(s.Config)
		if err != nil || c.Rate <= 0 || len(s.Config) > maxSpecific {
			return ErrCodec
		}
		rate, channels = c.Rate, c.Channels()
		t.samples = always(samplesOf(c))
		t.entry = sampleEntry("mp4a", channels, rate, func() mp4.Box { return mp4.CreateEsdsBox(s.Config) })
	case media.MP3:
		t.samples = always(mp3Samples(rate))
		t.entry = sampleEntry("mp4a", channels, rate, func() mp4.Box { return mp3Descriptor(rate) })
	case media.Opus:
		h, err := opus.ParseHead(s.Config)
		if err != nil {
			return ErrCodec
		}
		rate, channels = 48_000, h.Channels
		t.samples = opusSamples
		t.entry = sampleEntry("Opus", channels, rate, func() mp4.Box { return opusBox(h) })
	case media.AC3:
		t.samples = always(6 * 256)
		t.entry = sampleEntry("ac-3", channels, rate, func() mp4.Box { return ac3Box(rate, channels) })
	case media.FLAC:
		if len(s.Config) != streamInfo {
			return ErrCodec
		}
		t.entry = sampleEntry("fLaC", channels, rate, func() mp4.Box { return flacBox(s.Config) })
	default:
		return ErrCodec
	}
	if rate <= 0 || rate > 0xffff*4 || channels <= 0 {
		return ErrCodec
	}
	t.Scale = int64(rate)
	return nil
}

// sampleEntry returns the maker of a sound's sample entry. A rate that its 16 bits do not hold is left
// out, as ISO 14496-12 has it: the configuration tells.
func sampleEntry(name string, channels, rate int, config func() mp4.Box) func() mp4.Box {
	if rate > 0xffff {
		rate = 0
	}
	return func() mp4.Box {
		return mp4.CreateAudioSampleEntryBox(name, uint16(channels), sampleBits, uint16(rate), config())
	}
}

func always(n int64) func([]byte) int64 { return func([]byte) int64 { return n } }

func samplesOf(c aac.Config) int64 {
	if c.Short {
		return 960
	}
	return 1024
}

func mp3Samples(rate int) int64 {
	if rate < 32_000 {
		return 576
	}
	return 1152
}

func mp3Descriptor(rate int) mp4.Box {
	b := mp4.CreateEsdsBox(nil)
	d := b.DecConfigDescriptor
	d.DecSpecificInfo, d.ObjectType = nil, objectMP3
	if rate < 32_000 {
		d.ObjectType = objectMPEG
	}
	return b
}

// opusBox is an OpusHead with its numbers the other way round. Spec: Encapsulation of Opus in ISO Base
// Media File Format, 4.3.2.
func opusBox(h opus.Head) mp4.Box {
	b := &mp4.DopsBox{
		OutputChannelCount: byte(h.Channels), PreSkip: uint16(h.PreSkip), InputSampleRate: uint32(h.Rate),
		OutputGain: h.Gain, ChannelMappingFamily: h.Family,
	}
	if h.Family != 0 {
		b.StreamCount, b.CoupledCount, b.ChannelMapping = h.Mapping[0], h.Mapping[1], h.Mapping[2:]
	}
	return b
}

// flacBox holds a STREAMINFO. Spec: Encapsulation of FLAC in ISO Base Media File Format, 3.3.2.
func flacBox(info []byte) mp4.Box {
	return &mp4.DfLaBox{MetadataBlocks: []mp4.FLACMetadataBlock{{LastMetadataBlockFlag: true, Length: uint32(len(info)), BlockData: info}}}
}

// opusSamples returns how long a packet is at 48 kHz:
//
//	| configuration u5, stereo u1, code u2 | count of frames u8, if the code is 3 |
//
// Spec: RFC 6716, 3.1 and 3.2.
func opusSamples(data []byte) int64 {
	if len(data) == 0 {
		return 0
	}
	var frame int64
	switch n := data[0] >> 3; {
	case n < 12: // SILK: 10, 20, 40, 60 ms
		frame = [...]int64{480, 960, 1920, 2880}[n&3]
	case n < 16: // hybrid: 10, 20 ms
		frame = [...]int64{480, 960}[n&1]
	default: // CELT: 2.5, 5, 10, 20 ms
		frame = [...]int64{120, 240, 480, 960}[n&3]
	}
	switch code := data[0] & 3; {
	case code == 0:
		return frame
	case code < 3:
		return 2 * frame
	case len(data) > 1:
		return int64(data[1]&0x3f) * frame
	}
	return 0
}

// ac3Box makes what a frame's header says as well, which decoders go by.
// Spec: ETSI TS 102 366, F.4.
func ac3Box(rate, channels int) mp4.Box {
	b := &mp4.Dac3Box{BSID: 8, BitRateCode: 10} // 192 kbit/s
	switch rate {
	case 44_100:
		b.FSCod = 1
	case 32_000:
		b.FSCod = 2
	}
	switch b.ACMod = byte(channels); {
	case channels == 4:
		b.ACMod = 6 // two in front, two behind
	case channels == 5:
		b.ACMod = 7
	case channels > 5:
		b.ACMod, b.LFEOn = 7, 1
	}
	return b
}
