package flv

import (
	"bytes"
	"testing"

	"weir/internal/codec/nal"
	"weir/internal/media"
)

// ambiguous is a payload that is one unit behind a length of 0x165, or one behind a start code.
func ambiguous() []byte {
	return append([]byte{0, 0, 1, 0x65, 0x65}, bytes.Repeat([]byte{7}, 0x164)...)
}

func TestReading(t *testing.T) {
	both := ambiguous()
	asLengths, asCodes := both, nal.Append(nil, both[3:])
	small := append([]byte{0, 0, 1, 0x42, 0x41}, bytes.Repeat([]byte{7}, 0x141)...) // 0x42 begins no unit
	for name, c := range map[string]struct {
		first nal.Packing
		sent  [][]byte
		want  [][]byte
	}{
		"codes first":             {nal.AnnexB, [][]byte{both, both}, [][]byte{asCodes, asCodes}},
		"lengths first":           {nal.Lengths, [][]byte{both, both}, [][]byte{asLengths, asLengths}},
		"codes first, it was not": {nal.AnnexB, [][]byte{lengths, both}, [][]byte{lengths, asLengths}},
		"lengths first, nor it":   {nal.Lengths, [][]byte{codes, both}, [][]byte{lengths, asCodes}},
		"both kinds":              {nal.AnnexB, [][]byte{codes, lengths, codes, both}, [][]byte{lengths, lengths, lengths, asCodes}},
		"no unit begins so":       {nal.AnnexB, [][]byte{small, both}, [][]byte{small, asLengths}},
		"damage tells nothing":    {nal.Lengths, [][]byte{codes, {0, 0, 0, 9, 1}, both}, [][]byte{lengths, nil, asCodes}},
	} {
		r := Reading{First: c.first}
		track := &media.Track{Kind: media.Video, Codec: media.H264}
		for n, payload := range c.sent {
			body := append([]byte("\x17\x01\x00\x00\x00"), payload...)
			packets, err := ParseVideo(nil, body)
			if err != nil {
				t.Fatal(err)
			}
			f := frame(r.Form(track, &packets[0]), track, body)
			if got := f.Data(); !bytes.Equal(got, c.want[n]) {
				t.Errorf("%s: frame %d is %.20x, want %.20x", name, n, got, c.want[n])
			}
			if !bytes.Equal(Body(f), body) {
				t.Errorf("%s: frame %d does not go out as it came", name, n)
			}
		}
	}
}

func TestReadingOfHEVC(t *testing.T) {
	r := Reading{First: nal.AnnexB}
	p := Packet{Codec: media.H265, Data: ambiguous()}
	if r.Form(&media.Track{Kind: media.Video, Codec: media.H265}, &p) != Form {
		t.Error("start codes are expected of HEVC")
	}
}

func TestReadingBlind(t *testing.T) {
	body := unhex(t, "1700000000"+avcConfig)
	packets, err := ParseVideo(nil, body)
	if err != nil {
		t.Fatal(err)
	}
	for _, blind := range []bool{true, false} {
		r := Reading{Blind: blind}
		track, err := r.Track(packets[0], body)
		if err != nil || blind != (track.Info == media.Info{}) || len(track.Config) == 0 || !bytes.Equal(track.Header, body) {
			t.Errorf("blind %t: %+v, %v", blind, track, err)
		}
	}
	if track, err := (&Reading{Blind: true}).Track(Packet{Kind: media.Video, Codec: media.H264, Type: SequenceStart, Data: []byte{1}}, body); err != nil || track == nil {
		t.Errorf("a broken configuration is looked into: %v", err)
	}
}

func BenchmarkReading(b *testing.B) {
	var r Reading
	track := &media.Track{Kind: media.Video, Codec: media.H264}
	p := Packet{Codec: media.H264, Data: nal.Append(nil, make([]byte, 3000))}
	b.ReportAllocs()
	for b.Loop() {
		r.Form(track, &p)
	}
}
