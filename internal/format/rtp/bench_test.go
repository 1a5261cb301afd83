package rtp

import (
	"testing"
	"time"

	"weir/internal/media"
)

// secondOf returns a second of 2 Mbps: 30 pictures, of which one is a key frame.
func secondOf(c media.Codec) (frames []*media.Frame) {
	const bytes = 2_000_000 / 8 / 30
	track := &media.Track{Kind: media.Video, Codec: c, Config: avcConfig()}
	layout := &media.Layout{Tracks: []*media.Track{track}}
	for i := range 30 {
		data := make([]byte, bytes)
		for k := range data {
			data[k] = byte(k*7 + i)
		}
		switch c {
		case media.H264:
			copy(data, []byte{0, 0, 0x20, 0x89, 0x41, 0x9a})
			if i == 0 {
				data[4] = 0x65
			}
		case media.AV1:
			copy(data, []byte{0x32, 0x8a, 0x41, 0x10})
			if i == 0 {
				copy(data, append(unhex(sequence), 0x32, 0xfd, 0x40, 0x10))
			}
		default:
			data[0] = 1
			if i == 0 {
				copy(data, unhex("1000009d012a40010002"))
			}
		}
		f := media.NewFrame(nil, data)
		f.Layout, f.Key, f.PTS = layout, i == 0, int64(i)*second/30
		frames = append(frames, f)
	}
	return frames
}

func BenchmarkPacketizer(b *testing.B) {
	for _, c := range []media.Codec{media.H264, media.AV1, media.VP8} {
		b.Run(c.String(), func(b *testing.B) {
			frames := secondOf(c)
			p, _ := NewPacketizer(c, PacketizerOptions{})
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				for _, f := range frames {
					n += len(p.Pack(f))
				}
				if n < 200 {
					b.Fatalf("%d payloads", n)
				}
			}
		})
	}
}

func BenchmarkDepacketizer(b *testing.B) {
	for _, c := range []media.Codec{media.H264, media.AV1, media.VP8} {
		b.Run(c.String(), func(b *testing.B) {
			packets := cut(b, secondOf(c), PacketizerOptions{})
			d := depacketizer(b, DepacketizerOptions{Codec: c})
			var units []Unit
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				for i := range packets {
					units = d.Take(units[:0], &packets[i])
					n += len(units)
				}
				if n != 30 {
					b.Fatalf("%d units, %+v", n, d.Health())
				}
			}
		})
	}
}

// BenchmarkReorder takes a second of 2 Mbps, in which one packet in 50 comes late and one in 100 is sent again 10 ms later.
func BenchmarkReorder(b *testing.B) {
	for name, lossy := range map[string]bool{"Clean": false, "Lossy": true} {
		b.Run(name, func(b *testing.B) {
			r := Reorder{Hold: time.Second}
			payload := make([]byte, 1200)
			var now time.Duration
			n, out := 0, 0
			b.ReportAllocs()
			for b.Loop() {
				for range 208 {
					now += 4800 * time.Microsecond
					p := Packet{Sequence: uint16(n), SSRC: 1, Payload: payload}
					switch {
					case lossy && n%50 == 10: // comes after the next one
					case lossy && n%50 == 11:
						r.Push(now, p)
						p.Sequence--
						r.Push(now, p)
					case lossy && n%100 == 20:
					default:
						r.Push(now, p)
					}
					n++
					if lossy && n%100 == 23 {
						r.Push(now, Packet{Sequence: uint16(n - 3), SSRC: 1, Payload: payload})
					}
					for {
						if _, ok := r.Pop(now); !ok {
							break
						}
						out++
					}
				}
			}
			if out < n-10 {
				b.Fatalf("%d of %d", out, n)
			}
		})
	}
}
