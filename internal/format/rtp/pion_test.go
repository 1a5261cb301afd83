package rtp

import (
	"bytes"
	"strings"
	"testing"

	"github.com/pion/rtp/codecs"

	"weir/internal/codec/nal"
	"weir/internal/media"
)

// TestPionReads has another's readers put together what is cut here.
func TestPionReads(t *testing.T) {
	readers := map[string]func() func(p *Packet) ([]byte, error){
		"h264": func() func(p *Packet) ([]byte, error) {
			h := codecs.H264Packet{IsAVC: true}
			return func(p *Packet) ([]byte, error) { return h.Unmarshal(p.Payload) }
		},
		"h265": func() func(p *Packet) ([]byte, error) {
			h := codecs.H265Depacketizer{}
			return func(p *Packet) ([]byte, error) {
				b, err := h.Unmarshal(p.Payload)
				if len(b) == 0 || err != nil {
					return nil, err
				}
				return nal.Normalize(b, 4), nil
			}
		},
		"av1": func() func(p *Packet) ([]byte, error) {
			h := codecs.AV1Depacketizer{}
			return func(p *Packet) ([]byte, error) { return h.Unmarshal(p.Payload) }
		},
		"vp8": func() func(p *Packet) ([]byte, error) {
			h := codecs.VP8Packet{}
			return func(p *Packet) ([]byte, error) { return h.Unmarshal(p.Payload) }
		},
		"vp9": func() func(p *Packet) ([]byte, error) {
			h := codecs.VP9Packet{}
			return func(p *Packet) ([]byte, error) { return h.Unmarshal(p.Payload) }
		},
		"opus": func() func(p *Packet) ([]byte, error) {
			h := codecs.OpusPacket{}
			return func(p *Packet) ([]byte, error) { return h.Unmarshal(p.Payload) }
		},
	}
	for name, reader := range readers {
		frames := clip(t, name)
		read := reader()
		data := map[uint32][]byte{}
		for _, p := range cut(t, frames, PacketizerOptions{MTU: 300}) {
			b, err := read(&p)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			data[p.Time] = append(data[p.Time], b...)
		}
		for i, f := range frames {
			got, want := data[Ticks(f.PTS, Rate(f.Source().Codec))], f.Data()
			if !bytes.HasSuffix(got, want) || !f.Key && len(got) != len(want) {
				t.Errorf("%s: frame %d is %d bytes; want %d", name, i, len(got), len(want))
			}
		}
	}
}

// TestPionWrites puts together what another's writers cut.
func TestPionWrites(t *testing.T) {
	type writer interface {
		Payload(mtu uint16, b []byte) [][]byte
	}
	writers := map[string]writer{
		"h264": &codecs.H264Payloader{},
		"h265": &codecs.H265Payloader{},
		"av1":  &codecs.AV1Payloader{},
		"vp8":  &codecs.VP8Payloader{},
		"vp8+": &codecs.VP8Payloader{EnablePictureID: true},
		"vp9":  &codecs.VP9Payloader{},
		"vp9+": &codecs.VP9Payloader{FlexibleMode: true},
		"opus": &codecs.OpusPayloader{},
		"g711": &codecs.G711Payloader{},
	}
	for name, w := range writers {
		frames := clip(t, strings.TrimSuffix(name, "+"))
		var packets []Packet
		for _, f := range frames {
			payloads := w.Payload(300, annexB(f))
			for i, b := range payloads {
				packets = append(packets, Packet{
					Payload: b, Marker: i == len(payloads)-1, Time: Ticks(f.PTS, Rate(f.Source().Codec)),
				})
			}
		}
		d := depacketizer(t, DepacketizerOptions{Codec: frames[0].Source().Codec})
		t.Run(name, func(t *testing.T) { same(t, frames, join(d, packets, nil)) })
	}
}

// annexB returns what writers of others take: units between start codes, the parameter sets among them.
func annexB(f *media.Frame) (b []byte) {
	t := f.Source()
	if t.Codec != media.H264 && t.Codec != media.H265 {
		return f.Data()
	}
	if f.Key {
		for _, set := range setsOf(t) {
			b = append(append(b, 0, 0, 0, 1), set...)
		}
	}
	for u := range nal.All(f.Data()) {
		b = append(append(b, 0, 0, 0, 1), u...)
	}
	return b
}
