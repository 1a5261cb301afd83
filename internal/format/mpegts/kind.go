package mpegts

import (
	"fmt"

	"github.com/asticode/go-astits"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/substructs"

	"weir/internal/codec/opus"
	"weir/internal/media"
)

// The formats that registration descriptors name, and other descriptors that tell what private
// data is.
const (
	formatOpus = 'O'<<24 | 'p'<<16 | 'u'<<8 | 's'
	formatAC3  = 'A'<<24 | 'C'<<16 | '-'<<8 | '3'
	formatEAC3 = 'E'<<24 | 'A'<<16 | 'C'<<8 | '3'
	formatHEVC = 'H'<<24 | 'E'<<16 | 'V'<<8 | 'C'
	formatKLV  = 'K'<<24 | 'L'<<16 | 'V'<<8 | 'A'
	formatHDMV = 'H'<<24 | 'D'<<16 | 'M'<<8 | 'V'
	formatID3  = 'I'<<24 | 'D'<<16 | '3'<<8 | ' '

	extensionOpus = 0x80
)

// kind is what an elementary stream is.
type kind struct {
	media  media.Kind // 0 where nothing here reads it
	codec  media.Codec
	latm   bool
	config string // what the table says of the configuration
	name   string // for people
}

// most returns how many bytes a PES packet may have.
func (k *kind) most() int {
	switch k.media {
	case media.Audio:
		return maxSound
	case media.Data:
		return maxDatum
	}
	return maxUnit
}

// kindOf tells what the entry of a program map is.
func kindOf(e *astits.PMTElementaryStream) kind {
	video := func(c media.Codec) kind { return kind{media: media.Video, codec: c, name: c.String()} }
	audio := func(c media.Codec) kind { return kind{media: media.Audio, codec: c, name: c.String()} }
	switch e.StreamType {
	case astits.StreamTypeH264Video:
		return video(media.H264)
	case astits.StreamTypeH265Video:
		return video(media.H265)
	case astits.StreamTypeADTS:
		return audio(media.AAC)
	case astits.StreamTypeAACLATMAudio:
		k := audio(media.AAC)
		k.latm = true
		return k
	case astits.StreamTypeMPEG1Audio, astits.StreamTypeMPEG2Audio:
		return audio(media.MP3)
	case astits.StreamTypeAC3Audio:
		return audio(media.AC3)
	case astits.StreamTypeEAC3Audio:
		return audio(media.EAC3)
	case astits.StreamTypeSCTE35:
		return kind{media: media.Data, codec: media.SCTE35, name: "SCTE-35"}
	case astits.StreamTypeMetadata:
		return metadataKind(e)
	case astits.StreamTypePrivateData:
		return privateKind(e)
	}
	return kind{name: otherName(e)}
}

// metadataKind tells what metadata is by its descriptors.
func metadataKind(e *astits.PMTElementaryStream) kind {
	for _, d := range e.ElementaryStreamDescriptors {
		switch metadataFormat(d) {
		case formatKLV:
			return kind{media: media.Data, codec: media.KLV, name: "KLV"}
		case formatID3:
			return kind{media: media.Data, codec: media.ID3, name: "ID3"}
		}
	}
	return kind{name: otherName(e)}
}

// metadataFormat returns the format that a descriptor names, or 0.
func metadataFormat(d *astits.Descriptor) uint32 {
	switch {
	case d.Registration != nil:
		return d.Registration.FormatIdentifier
	case d.Tag == substructs.DescriptorTagMetadata && d.Unknown != nil:
		var m substructs.MetadataDescriptor
		if m.Unmarshal(d.Unknown.Content) == nil {
			return m.MetadataFormatIdentifier
		}
	}
	return 0
}

// privateKind tells what private data is by its descriptors.
func privateKind(e *astits.PMTElementaryStream) kind {
	for _, d := range e.ElementaryStreamDescriptors {
		switch {
		case d.Registration == nil:
		case d.Registration.FormatIdentifier == formatOpus:
			if config := opusConfig(e); config != "" {
				return kind{media: media.Audio, codec: media.Opus, config: config, name: media.Opus.String()}
			}
			return kind{name: "Opus with channels that nobody here knows"}
		case d.Registration.FormatIdentifier == formatHEVC:
			return kind{media: media.Video, codec: media.H265, name: media.H265.String()}
		case d.Registration.FormatIdentifier == formatAC3:
			return kind{media: media.Audio, codec: media.AC3, name: media.AC3.String()}
		case d.Registration.FormatIdentifier == formatEAC3:
			return kind{media: media.Audio, codec: media.EAC3, name: media.EAC3.String()}
		}
		switch d.Tag {
		case astits.DescriptorTagAC3:
			return kind{media: media.Audio, codec: media.AC3, name: media.AC3.String()}
		case astits.DescriptorTagEnhancedAC3:
			return kind{media: media.Audio, codec: media.EAC3, name: media.EAC3.String()}
		}
	}
	return metadataKind(e)
}

// otherName names what no output here can carry.
func otherName(e *astits.PMTElementaryStream) string {
	for _, d := range e.ElementaryStreamDescriptors {
		switch d.Tag {
		case astits.DescriptorTagSubtitling:
			return "DVB subtitles"
		case astits.DescriptorTagTeletext, astits.DescriptorTagVBITeletext:
			return "teletext"
		}
	}
	switch e.StreamType {
	case astits.StreamTypeMPEG1Video, astits.StreamTypeMPEG2Video:
		return "MPEG-2 video"
	case astits.StreamTypeMPEG4Video:
		return "MPEG-4 video"
	case astits.StreamTypeDTSAudio:
		return "DTS"
	case astits.StreamTypeTRUEHDAudio:
		return "TrueHD"
	case astits.StreamTypePrivateData:
		return "private data"
	}
	return fmt.Sprintf("stream type %#02x", uint8(e.StreamType))
}

// opusConfig makes an OpusHead of the descriptor that says how many channels there are, or
// nothing if it cannot be made. Spec: ETSI TS Opus 0.1.3-draft, 4.
func opusConfig(e *astits.PMTElementaryStream) string {
	for _, d := range e.ElementaryStreamDescriptors {
		if d.Extension == nil || d.Extension.Tag != extensionOpus || d.Extension.Unknown == nil {
			continue
		}
		var o substructs.OpusAudioDescriptor
		if o.Unmarshal(*d.Extension.Unknown) != nil {
			return ""
		}
		h, ok := opusHead(&o)
		if !ok {
			return ""
		}
		return string(opus.AppendHead(nil, h))
	}
	return ""
}

func opusHead(o *substructs.OpusAudioDescriptor) (h opus.Head, ok bool) {
	const explicit, surround, separate = 0x81, 1, 255
	h = opus.Head{Channels: o.ChannelCount(), Rate: 48_000}
	switch code := int(o.ChannelConfigCode); {
	case code == explicit:
		if h.Family = byte(o.MappingFamily); h.Family > 0 {
			h.Mapping = append([]byte{byte(o.StreamCount), byte(o.CoupledStreamCount)}, o.ChannelMapping...)
		}
	case code == 0: // two languages
		h.Family, h.Mapping = separate, []byte{2, 0, 0, 1}
	case code <= 2:
	case code <= 8:
		h.Family, h.Mapping = surround, []byte(surroundMapping(code))
	default:
		return h, false
	}
	return h, h.Channels > 0 && h.Channels < separate
}

// surroundMapping returns streams, coupled streams and the order of channels, as Vorbis has them.
// Spec: RFC 7845, 5.1.1.2.
func surroundMapping(channels int) string {
	return [...]string{
		3: "\x02\x01\x00\x02\x01",
		4: "\x02\x02\x00\x01\x02\x03",
		5: "\x03\x02\x00\x04\x01\x02\x03",
		6: "\x04\x02\x00\x04\x01\x02\x03\x05",
		7: "\x04\x03\x00\x04\x01\x02\x03\x05\x06",
		8: "\x05\x03\x00\x06\x01\x02\x03\x04\x05\x07",
	}[channels]
}

// decoder returns what makes frames of the stream; id is its number among those of its kind.
func (k *kind) decoder(id int, o *DemuxOptions, health *Health) decoder {
	switch k.codec {
	case media.H264, media.H265:
		v := &pictures{id: id, dropDamaged: o.DropDamaged, arena: o.Arena, health: health, sets: sets{codec: k.codec}}
		v.read, v.role = avcPicture, avcRole
		if k.codec == media.H265 {
			v.read, v.role = hevcPicture, hevcRole
		}
		return v
	case media.Opus:
		return &sound{id: id, framing: opusFrames{}, config: []byte(k.config), arena: o.Arena, health: health}
	case media.AAC:
		if k.latm {
			return &sound{id: id, framing: &latmFrames{}, arena: o.Arena, health: health}
		}
		return &sound{id: id, framing: adtsFrames{}, arena: o.Arena, health: health}
	case media.MP3:
		return &sound{id: id, framing: mpegFrames{}, arena: o.Arena, health: health}
	}
	return &sound{id: id, framing: dolbyFrames{}, arena: o.Arena, health: health}
}
