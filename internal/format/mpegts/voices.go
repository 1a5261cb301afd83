package mpegts

import (
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/ac3"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/eac3"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg1audio"
	mcopus "github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/substructs"

	"weir/internal/codec/aac"
	weirac3 "weir/internal/codec/ac3"
	"weir/internal/codec/mp3"
	"weir/internal/media"
)

const maxSubstreams = 64 // of a frame of E-AC-3

// tooShort is the head of a frame of which too little is there to tell.
func tooShort(b []byte) frameHead { return frameHead{size: len(b) + 1} }

// simple is for frames that hold one access unit behind their head.
type simple struct{}

func (simple) open(dst [][]byte, h *frameHead, frame []byte) [][]byte {
	return append(dst, frame[h.skip:])
}

// adtsFrames are those of AAC, each behind an ADTS header.
type adtsFrames struct{ simple }

func (adtsFrames) look(b []byte) frameHead {
	if len(b) < aac.MaxADTS && b[0] == 0xff {
		return tooShort(b)
	}
	a, ok := aac.ParseADTS(b)
	if !ok {
		return frameHead{}
	}
	return frameHead{
		size: a.Size, skip: a.Head, samples: samplesOf(a.Config), rate: int64(a.Config.Rate),
		voice: voice{codec: media.AAC, aac: a.Config},
	}
}

// mpegFrames are those of MPEG audio, of layers II and III.
type mpegFrames struct{ simple }

func (mpegFrames) look(b []byte) frameHead {
	const least = 5
	if len(b) < least && b[0] == 0xff {
		return tooShort(b)
	}
	info, err := mp3.FrameInfo(b)
	if err != nil {
		return frameHead{}
	}
	// The library knows no MPEG-2.5, which is MPEG-2 at half its rates.
	var first [least]byte
	copy(first[:], b)
	first[1] |= 0x10
	var h mpeg1audio.FrameHeader
	if h.Unmarshal(first[:]) != nil {
		return frameHead{}
	}
	samples := h.SampleCount()
	size := samples / 8 * h.Bitrate / info.SampleRate
	if h.Padding {
		size++
	}
	return frameHead{
		size: size, samples: int64(samples), rate: int64(info.SampleRate),
		voice: voice{codec: media.MP3, info: info},
	}
}

// dolbyFrames are those of AC-3, and of E-AC-3, whichever they say to be.
type dolbyFrames struct{ simple }

func (d dolbyFrames) look(b []byte) frameHead {
	const least, newest = 8, 10 // bytes; the highest bsid of AC-3
	if len(b) < least && b[0] == 0x0b {
		return tooShort(b)
	}
	if len(b) < least || b[0] != 0x0b || b[1] != 0x77 {
		return frameHead{}
	}
	if b[5]>>3 > newest {
		return d.enhanced(b)
	}
	var s ac3.SyncInfo
	info, err := weirac3.FrameInfo(b)
	if err != nil || s.Unmarshal(b) != nil {
		return frameHead{}
	}
	return frameHead{
		size: s.FrameSize(), samples: 6 * 256, rate: int64(info.SampleRate),
		voice: voice{codec: media.AC3, info: info},
	}
}

// enhanced reads a frame of E-AC-3: an independent substream and those that follow it, up to the
// next that is the first of its kind.
func (dolbyFrames) enhanced(b []byte) frameHead {
	const dependent = 1
	info, err := weirac3.EnhancedInfo(b)
	var s eac3.SyncInfo
	if err != nil || s.Unmarshal(b) != nil || s.Strmtyp == dependent || s.Substreamid != 0 || info.SampleRate == 0 {
		return frameHead{}
	}
	h := frameHead{
		size: s.FrameSize(), samples: int64(s.NumBlocks()) * 256, rate: int64(info.SampleRate),
		voice: voice{codec: media.EAC3, info: info},
	}
	for n := 1; n < maxSubstreams && h.size < len(b); n++ {
		var more eac3.SyncInfo
		if more.Unmarshal(b[h.size:]) != nil || more.Strmtyp != dependent && more.Substreamid == 0 {
			break
		}
		h.size += more.FrameSize()
	}
	return h
}

// opusFrames are Opus packets, each behind a control header.
type opusFrames struct{ simple }

func (opusFrames) look(b []byte) frameHead {
	var u substructs.OpusAccessUnit
	size, err := u.Unmarshal(b)
	if err != nil {
		return frameHead{}
	}
	return frameHead{
		size: size, skip: size - len(u.Packet), samples: mcopus.PacketDuration2(u.Packet), rate: 48_000,
		voice: voice{codec: media.Opus, info: media.Info{SampleRate: 48_000}},
	}
}
