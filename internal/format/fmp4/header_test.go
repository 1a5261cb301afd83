package fmp4

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"

	"weir/internal/codec/aac"
	"weir/internal/codec/opus"
	"weir/internal/media"
)

// form is a track, and what its header is to have.
type form struct {
	track *media.Track
	name  string // in the codecs parameter
	entry string // the sample entry
	box   string // of the configuration, in the sample entry
	want  []byte // what is in that box; nil: it is looked at elsewhere
	scale int64
}

// forms are tracks that MP4 can carry; they seed FuzzHeader.
var forms = map[string]form{
	"H.264": {video(media.H264, avcConfig(sps, pps)), "avc1.42c028", "avc1", "avcC", avcConfig(sps, pps), 90000},
	"H.264, several PPS": {
		video(media.H264, avcConfig(high, pps, pps2, pps)), "avc1.64000c", "avc1", "avcC", avcConfig(high, pps, pps2, pps), 90000,
	},
	"H.264, lengths of 2 bytes": {
		video(media.H264, short(avcConfig(sps, pps), 4)), "avc1.42c028", "avc1", "avcC", avcConfig(sps, pps), 90000,
	},
	"HEVC": {video(media.H265, hevcConfig()), "hvc1.2.4.L123.B0", "hvc1", "hvcC", hevcConfig(), 90000},
	"HEVC, lengths of 2 bytes": {
		video(media.H265, short(hevcConfig(), 21)), "hvc1.2.4.L123.B0", "hvc1", "hvcC", hevcConfig(), 90000,
	},
	"AV1": {video(media.AV1, unhex(sequence)), "av01.0.00M.08", "av01", "av1C", unhex(sequence), 90000},
	"VP9": {
		video(media.VP9, vp9Config()), "vp09.00.31.08", "vp09", "vpcC",
		append([]byte{1, 0, 0, 0}, vp9Config()...), 90000,
	},
	"VP9, with the box's version": {
		video(media.VP9, append([]byte{1, 0, 0, 0}, vp9Config()...)), "vp09.00.31.08", "vp09", "vpcC",
		append([]byte{1, 0, 0, 0}, vp9Config()...), 90000,
	},
	"VP9, with more behind": {
		video(media.VP9, append(vp9Config()[:6], 0, 1, 9)), "vp09.00.31.08", "vp09", "vpcC",
		append([]byte{1, 0, 0, 0}, vp9Config()...), 90000,
	},
	"AAC": {aacTrack(44100), "mp4a.40.2", "mp4a", "esds", nil, 44100},
	"AAC, 5.1": {
		audio(media.AAC, 48000, 6, aacConfig(aac.Config{Type: aac.LC, Rate: 48000, Layout: 6})), "mp4a.40.2", "mp4a", "esds", nil, 48000,
	},
	"AAC, 96 kHz": {
		audio(media.AAC, 96000, 2, aacConfig(aac.Config{Type: aac.LC, Rate: 96000, Layout: 2})), "mp4a.40.2", "mp4a", "esds", nil, 96000,
	},
	"AAC, padded": {
		audio(media.AAC, 44100, 2, append(bytes.Clone(aacTrack(44100).Config), make([]byte, maxSpecific-2)...)), "mp4a.40.2", "mp4a", "esds", nil, 44100,
	},
	"HE-AAC v2": {
		audio(media.AAC, 48000, 2, aacConfig(aac.Config{Type: aac.LC, Rate: 24000, Layout: 1, SBR: true, PS: true, FullRate: 48000})),
		"mp4a.40.29", "mp4a", "esds", nil, 24000,
	},
	"MP3":         {audio(media.MP3, 44100, 2, nil), "mp4a.6B", "mp4a", "esds", nil, 44100},
	"MP3, 22 kHz": {audio(media.MP3, 22050, 1, nil), "mp4a.6B", "mp4a", "esds", nil, 22050},
	"Opus": {
		audio(media.Opus, 48000, 2, opusHead(opus.Head{Channels: 2, PreSkip: 312, Rate: 44100, Gain: -2})), "opus", "Opus", "dOps",
		unhex("00" + "02" + "0138" + "0000ac44" + "fffe" + "00"), 48000,
	},
	"Opus, 5.1": {
		audio(media.Opus, 48000, 6, opusHead(opus.Head{Channels: 6, PreSkip: 0x138, Rate: 48000, Family: 1, Mapping: unhex("0402000401020305")})),
		"opus", "Opus", "dOps", unhex("00" + "06" + "0138" + "0000bb80" + "0000" + "01" + "0402000401020305"), 48000,
	},
	"AC-3":               {audio(media.AC3, 48000, 6, nil), "ac-3", "ac-3", "dac3", unhex("103d40"), 48000},
	"AC-3, stereo":       {audio(media.AC3, 44100, 2, nil), "ac-3", "ac-3", "dac3", unhex("501140"), 44100},
	"AC-3, mono":         {audio(media.AC3, 32000, 1, nil), "ac-3", "ac-3", "dac3", unhex("900940"), 32000},
	"AC-3, two and two":  {audio(media.AC3, 48000, 4, nil), "ac-3", "ac-3", "dac3", unhex("103140"), 48000},
	"AC-3, three of two": {audio(media.AC3, 48000, 5, nil), "ac-3", "ac-3", "dac3", unhex("103940"), 48000},
	"FLAC": {
		audio(media.FLAC, 48000, 2, unhex(flacInfo)), "fLaC", "fLaC", "dfLa", unhex("00000000" + "80000022" + flacInfo), 48000,
	},
	"FLAC, 192 kHz": {
		audio(media.FLAC, 192000, 2, unhex(flacInfo)), "fLaC", "fLaC", "dfLa", unhex("00000000" + "80000022" + flacInfo), 192000,
	},
}

// short returns a record that says, in one of its bytes, that lengths have 2 bytes.
func short(record []byte, at int) []byte {
	record[at] = record[at]&^3 | 1
	return record
}

func TestHeader(t *testing.T) {
	for name, c := range forms {
		t.Run(name, func(t *testing.T) {
			before := bytes.Clone(c.track.Config)
			n := must(t, c.track)
			if n.Source != c.track || n.Scale != c.scale || n.Name() != c.name {
				t.Errorf("scale %d, name %s; want %d, %s", n.Scale, n.Name(), c.scale, c.name)
			}
			b := header(t, n)
			if !bytes.Equal(b, header(t, n)) {
				t.Error("the same header twice is not the same")
			}
			moov := decode(t, b).Init.Moov
			if len(moov.Traks) != 1 || len(moov.Mvex.Trexs) != 1 {
				t.Fatalf("%d tracks", len(moov.Traks))
			}
			box := moov.Trak
			if box.Tkhd.TrackID != n.ID || moov.Mvex.Trex.TrackID != n.ID || moov.Mvhd.NextTrackID <= n.ID {
				t.Errorf("track %d, %d; next %d", box.Tkhd.TrackID, moov.Mvex.Trex.TrackID, moov.Mvhd.NextTrackID)
			}
			if got := int64(box.Mdia.Mdhd.Timescale); got != n.Scale {
				t.Errorf("time scale %d", got)
			}
			entry := box.Mdia.Minf.Stbl.Stsd.Children[0]
			if entry.Type() != c.entry {
				t.Errorf("entry %s", entry.Type())
			}
			if got := content(t, b, c.box); c.want != nil && !bytes.Equal(got, c.want) {
				t.Errorf("%s is %x; want %x", c.box, got, c.want)
			}
			entryOf(t, n, box, entry)
			if !bytes.Equal(c.track.Config, before) {
				t.Error("the track's configuration has been changed")
			}
		})
	}
}

// entryOf checks what a sample entry says of pictures or sound.
func entryOf(t *testing.T, n *Track, box *mp4.TrakBox, entry mp4.Box) {
	t.Helper()
	switch e := entry.(type) {
	case *mp4.VisualSampleEntryBox:
		if n.ID != videoID || box.Mdia.Hdlr.HandlerType != "vide" || e.Width != 1280 || e.Height != 720 ||
			box.Tkhd.Width != 1280<<16 || box.Tkhd.Height != 720<<16 {
			t.Errorf("track %d of %s, %dx%d", n.ID, box.Mdia.Hdlr.HandlerType, e.Width, e.Height)
		}
	case *mp4.AudioSampleEntryBox:
		rate := n.Scale
		if rate > 0xffff {
			rate = 0
		}
		if n.ID != audioID || box.Mdia.Hdlr.HandlerType != "soun" || int(e.ChannelCount) != n.Source.Info.Channels ||
			int64(e.SampleRate) != rate || e.SampleSize != 16 {
			t.Errorf("track %d of %s, %d channels of %d Hz", n.ID, box.Mdia.Hdlr.HandlerType, e.ChannelCount, e.SampleRate)
		}
		if e.Esds == nil {
			return
		}
		d := e.Esds.DecConfigDescriptor
		switch {
		case n.Source.Codec == media.AAC && (d.ObjectType != 0x40 || !bytes.Equal(d.DecSpecificInfo.DecConfig, n.Source.Config)):
			t.Errorf("object %#x, %x", d.ObjectType, d.DecSpecificInfo.DecConfig)
		case n.Source.Codec == media.MP3 && (d.DecSpecificInfo != nil || (d.ObjectType == objectMPEG) != (n.Scale < 32000)):
			t.Errorf("object %#x, %v", d.ObjectType, d.DecSpecificInfo)
		}
	default:
		t.Errorf("entry %T", entry)
	}
}

func TestHeaderOfBoth(t *testing.T) {
	pictures, sound := must(t, forms["H.264"].track), must(t, aacTrack(48000))
	f := decode(t, header(t, pictures, sound))
	if !f.IsFragmented() || f.Init.Ftyp.MajorBrand() != "iso6" || !slices.Contains(f.Init.Ftyp.CompatibleBrands(), "cmfc") {
		t.Errorf("fragmented: %t, %v", f.IsFragmented(), f.Init.Ftyp)
	}
	moov := f.Init.Moov
	if len(moov.Traks) != 2 || len(moov.Mvex.Trexs) != 2 || moov.Mvhd.NextTrackID != 3 {
		t.Fatalf("%d tracks, %d trex, next %d", len(moov.Traks), len(moov.Mvex.Trexs), moov.Mvhd.NextTrackID)
	}
	for i, n := range []*Track{pictures, sound} {
		if moov.Traks[i].Tkhd.TrackID != n.ID || moov.Mvex.Trexs[i].TrackID != n.ID {
			t.Errorf("track %d is %d, %d", n.ID, moov.Traks[i].Tkhd.TrackID, moov.Mvex.Trexs[i].TrackID)
		}
	}
}

func TestRefused(t *testing.T) {
	none := func(c media.Codec) *media.Track { return video(c, nil) }
	cut := avcConfig(sps, pps)
	for name, s := range map[string]*media.Track{
		"data":                    {Kind: media.Data, Codec: media.AMF},
		"nothing":                 {},
		"VP8":                     video(media.VP8, vp9Config()),
		"H.264 without record":    none(media.H264),
		"H.264, cut":              video(media.H264, cut[:len(cut)-1]),
		"H.264, no PPS":           video(media.H264, append(bytes.Clone(cut[:8+len(sps)]), 0)),
		"H.264, another version":  video(media.H264, append([]byte{0}, cut[1:]...)),
		"HEVC without record":     none(media.H265),
		"HEVC, cut":               video(media.H265, hevcConfig()[:40]),
		"HEVC, another version":   video(media.H265, append([]byte{2}, hevcConfig()[1:]...)),
		"AV1 without record":      none(media.AV1),
		"AV1, no sequence header": video(media.AV1, unhex("81096c00")),
		"VP9 without record":      none(media.VP9),
		"VP9, profile 4":          video(media.VP9, unhex("040b820202020000")),
		"AAC without record":      audio(media.AAC, 44100, 2, nil),
		"AAC, channels not known": audio(media.AAC, 44100, 0, aacConfig(aac.Config{Type: aac.LC, Rate: 44100})),
		"AAC, too long":           audio(media.AAC, 44100, 2, append(bytes.Clone(aacTrack(44100).Config), make([]byte, maxSpecific)...)),
		"MP3, no frame yet":       audio(media.MP3, 0, 0, nil),
		"Opus without head":       audio(media.Opus, 48000, 2, nil),
		"Opus, cut mapping":       audio(media.Opus, 48000, 6, opusHead(opus.Head{Channels: 6, Family: 1, Mapping: []byte{4, 2}})),
		"AC-3, no frame yet":      audio(media.AC3, 0, 0, nil),
		"FLAC without record":     audio(media.FLAC, 48000, 2, nil),
		"FLAC, cut":               audio(media.FLAC, 48000, 2, unhex(flacInfo)[:33]),
		"FLAC, 384 kHz":           audio(media.FLAC, 384000, 2, unhex(flacInfo)),
		"E-AC-3":                  audio(media.EAC3, 48000, 6, nil),
		"Speex":                   audio(media.Speex, 16000, 1, nil),
	} {
		n, err := NewTrack(s)
		if !errors.Is(err, ErrCodec) || n != nil {
			t.Errorf("%s: %v, %v", name, n, err)
		} else if !strings.HasPrefix(err.Error(), s.Codec.String()+": ") {
			t.Errorf("%s: %v does not name the codec", name, err)
		}
	}
}

func FuzzHeader(f *testing.F) {
	for _, c := range forms {
		f.Add(byte(c.track.Kind), byte(c.track.Codec), c.track.Info.SampleRate, c.track.Info.Channels, c.track.Config)
	}
	f.Add(byte(media.Data), byte(media.AMF), 0, 0, []byte{})
	f.Fuzz(func(t *testing.T, kind, codec byte, rate, channels int, config []byte) {
		s := &media.Track{Kind: media.Kind(kind), Codec: media.Codec(codec), Config: config}
		s.Info = media.Info{SampleRate: rate, Channels: channels, Width: rate, Height: channels}
		n, err := NewTrack(s)
		if err != nil {
			return
		}
		b := header(t, n)
		for _, box := range []string{"avcC", "hvcC", "av1C"} { // a record passes as it came, also one that the reader finds odd
			b = bytes.Replace(b, []byte(box), []byte("free"), 1)
		}
		if got := decode(t, b); len(got.Init.Moov.Traks) != 1 || int64(got.Init.Moov.Trak.Mdia.Mdhd.Timescale) != n.Scale {
			t.Errorf("a header of %d tracks", len(got.Init.Moov.Traks))
		}
		_ = n.Name()
		if d := n.Samples(config); d < 0 {
			t.Errorf("a frame of %d samples", d)
		}
		if !n.Same(n) {
			t.Error("a track is not the same as itself")
		}
	})
}
