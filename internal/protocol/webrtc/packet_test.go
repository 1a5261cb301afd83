package webrtc

import (
	"bytes"
	"testing"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"weir/internal/media"
)

// packets are what may come, and their payloads; nil is nothing.
var packets = map[string]struct{ raw, payload []byte }{
	"plain":       {[]byte{0x80, 0xe0 | 6, 0, 7, 0, 0, 0, 9, 1, 2, 3, 4, 'h', 'i'}, []byte("hi")},
	"sources":     {[]byte{0x82, 0x66, 0, 7, 0, 0, 0, 9, 1, 2, 3, 4, 9, 9, 9, 9, 8, 8, 8, 8, 'h', 'i'}, []byte("hi")},
	"extension":   {[]byte{0x90, 0x66, 0, 7, 0, 0, 0, 9, 1, 2, 3, 4, 0xbe, 0xde, 0, 1, 0x10, 1, 0, 0, 'h', 'i'}, []byte("hi")},
	"padding":     {[]byte{0xa0, 0x66, 0, 7, 0, 0, 0, 9, 1, 2, 3, 4, 'h', 'i', 0, 0, 3}, []byte("hi")},
	"all padding": {[]byte{0xa0, 0x66, 0, 7, 0, 0, 0, 9, 1, 2, 3, 4, 0, 0, 3}, nil},
	"too padded":  {[]byte{0xa0, 0x66, 0, 7, 0, 0, 0, 9, 1, 2, 3, 4, 0, 0, 255}, nil},
	"empty":       {[]byte{0x80, 0x66, 0, 7, 0, 0, 0, 9, 1, 2, 3, 4}, nil},
	"version 1":   {[]byte{0x40, 0x66, 0, 7, 0, 0, 0, 9, 1, 2, 3, 4, 'h', 'i'}, nil},
	"long words":  {[]byte{0x90, 0x66, 0, 7, 0, 0, 0, 9, 1, 2, 3, 4, 0xbe, 0xde, 0xff, 0xff, 'h', 'i'}, nil},
}

// TestStrip makes packets of the lane out of those that come, and of their beginnings.
func TestStrip(t *testing.T) {
	for name, c := range packets {
		t.Run(name, func(t *testing.T) {
			if got := payloadOf(c.raw); !bytes.Equal(got, c.payload) {
				t.Fatalf("payload %q, want %q", got, c.payload)
			}
			var arena media.Arena
			b := strip(&arena, c.raw, media.H264)
			if (b == nil) != (c.payload == nil) {
				t.Fatalf("packet %x", b)
			}
			if b == nil {
				return
			}
			k := packetOf(&media.Packet{Data: b, At: 5})
			codec, report := codecIn(&media.Packet{Data: b})
			if k.Sequence != 7 || k.Time != 9 || k.SSRC != 0x01020304 || k.Marker != (name == "plain") || k.At != 5 || codec != media.H264 || report {
				t.Errorf("%+v, %s, %t", k, codec, report)
			}
			for n := range c.raw {
				payloadOf(c.raw[:n]) // which may be less, and no panic
			}
		})
	}
}

// TestReportInLane tells reports from packets.
func TestReportInLane(t *testing.T) {
	raw, err := (&rtcp.SenderReport{SSRC: 1, NTPTime: 2 << 32, RTPTime: 3}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	p := &media.Packet{Data: raw}
	if _, report := codecIn(p); !report {
		t.Fatal("it is no report")
	}
	if r, ok := reportIn(p); !ok || r.NTPTime != 2<<32 || r.RTPTime != 3 {
		t.Errorf("%+v", r)
	}
}

// FuzzPayloadOf holds payloads against those of a library.
func FuzzPayloadOf(f *testing.F) {
	for _, c := range packets {
		f.Add(c.raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := payloadOf(raw)
		var p rtp.Packet
		if p.Unmarshal(raw) != nil || p.Version != 2 { // which the library does not look at
			return
		}
		if len(p.Payload) > 0 && !bytes.Equal(got, p.Payload) {
			t.Errorf("payload %x, want %x", got, p.Payload)
		}
	})
}
