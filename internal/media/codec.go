package media

// Kind says what a track carries.
type Kind uint8

// The kinds of track.
const (
	Video Kind = iota + 1
	Audio
	Data
)

func (k Kind) String() string {
	switch k {
	case Video:
		return "video"
	case Audio:
		return "audio"
	case Data:
		return "data"
	}
	return "unknown"
}

// Codec names a coding of one track. The zero value is a coding nobody here knows: such a
// track can be passed on as it came, and is skipped by who must understand it.
type Codec uint8

// The codecs by kind: video, audio, data.
const (
	Unknown Codec = iota

	H264
	H265
	AV1
	VP9
	VP8

	AAC
	MP3
	Opus
	AC3
	EAC3
	FLAC
	G711A
	G711U
	Speex
	PCM

	AMF    // one AMF0 data message: its name, then its values
	SCTE35 // one splice_info_section, with times of the publisher's clock: see Layout.Offset
	ID3    // one ID3v2 tag
	KLV    // one KLV unit
)

var codecNames = [...]string{
	Unknown: "Other",
	H264:    "H264", H265: "HEVC", AV1: "AV1", VP9: "VP9", VP8: "VP8",
	AAC: "AAC", MP3: "MP3", Opus: "Opus", AC3: "AC3", EAC3: "EAC3", FLAC: "FLAC",
	G711A: "G711A", G711U: "G711U", Speex: "Speex", PCM: "PCM",
	AMF: "AMF", SCTE35: "SCTE35", ID3: "ID3", KLV: "KLV",
}

// String returns the name users see in the API and in logs.
func (c Codec) String() string {
	if int(c) < len(codecNames) {
		return codecNames[c]
	}
	return codecNames[Unknown]
}
