package rtp

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtp"

	"weir/internal/codec/av1"
	"weir/internal/codec/nal"
	"weir/internal/media"
)

// Fuzz targets read packets as | lost u1, first u1, marker u1, next time u1, 0 u4 | size u16 | payload | ...
const (
	fuzzLost = 1 << iota
	fuzzFirst
	fuzzMarker
	fuzzNext
)

func encode(packets []Packet) (b []byte) {
	var time uint32
	for i, p := range packets {
		var mark byte
		if p.Lost > 0 {
			mark |= fuzzLost
		}
		if p.Marker {
			mark |= fuzzMarker
		}
		if i > 0 && p.Time != time {
			mark |= fuzzNext
		}
		time = p.Time
		b = binary.BigEndian.AppendUint16(append(b, mark), uint16(len(p.Payload)))
		b = append(b, p.Payload...)
	}
	return b
}

func decode(b []byte) (packets []Packet) {
	var time uint32
	for len(b) >= 3 {
		mark, n := b[0], int(binary.BigEndian.Uint16(b[1:]))
		b = b[3:]
		n = min(n, len(b))
		if mark&fuzzNext != 0 {
			time += 3000
		}
		packets = append(packets, Packet{
			Payload: b[:n:n], Time: time, Marker: mark&fuzzMarker != 0, Lost: int(mark & fuzzLost), First: mark&fuzzFirst != 0,
		})
		b = b[n:]
	}
	return packets
}

func fuzz(f *testing.F, name string) {
	codec := clips[name].codec
	for _, c := range assembled {
		if c.codec == codec {
			f.Add(encode(packetsOf(codec, c.wire)))
		}
	}
	f.Add(encode(cut(f, clip(f, name)[:4], PacketizerOptions{MTU: 200})))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		for _, drop := range []bool{false, true} {
			d := depacketizer(t, DepacketizerOptions{Codec: codec, DropDamaged: drop})
			list := join(d, decode(b), nil)
			for i := range list {
				check(t, codec, &list[i])
			}
			if len(list) > 0 && !list[0].Key {
				t.Fatal("begins without a key frame")
			}
			again(t, codec, list)
		}
		if !bytes.Equal(b, before) {
			t.Fatal("input was changed")
		}
	})
}

func check(t *testing.T, codec media.Codec, u *Unit) {
	t.Helper()
	if u.Track == nil || len(u.Data) == 0 {
		t.Fatalf("unit %+v", u)
	}
	switch codec {
	case media.H264, media.H265:
		if nal.Detect(u.Data, 4) != nal.Normal {
			t.Fatalf("units do not add up: % x", u.Data)
		}
	case media.AV1:
		n := 0
		for o := range av1.All(u.Data) {
			n += len(o)
			if av1.Type(o) == av1.TypeDelimiter {
				t.Fatal("a delimiter")
			}
		}
		if n != len(u.Data) {
			t.Fatalf("OBUs do not add up: % x", u.Data)
		}
	}
}

// again cuts what came out: nothing of it panics, or is too long.
func again(t *testing.T, codec media.Codec, list []Unit) {
	t.Helper()
	p, _ := NewPacketizer(codec, PacketizerOptions{MTU: 70})
	for _, u := range list {
		f := media.NewFrame(nil, u.Data)
		f.Layout, f.Key = &media.Layout{Tracks: []*media.Track{u.Track}}, u.Key
		for _, payload := range p.Pack(f) {
			if len(payload.Data) > 70 || len(payload.Data) == 0 {
				t.Fatalf("a payload of %d bytes", len(payload.Data))
			}
		}
	}
}

func FuzzH264(f *testing.F) { fuzz(f, "h264") }
func FuzzH265(f *testing.F) { fuzz(f, "h265") }
func FuzzAV1(f *testing.F)  { fuzz(f, "av1") }
func FuzzVP8(f *testing.F)  { fuzz(f, "vp8") }
func FuzzVP9(f *testing.F)  { fuzz(f, "vp9") }

// FuzzReorder reads packets of RTP, behind | ms u8 | u1, size u7 |.
func FuzzReorder(f *testing.F) {
	var b []byte
	for i, n := range []uint16{65533, 65535, 0, 65534, 1, 2, 3} {
		wire := wire(n, Payload{Data: []byte{1, 2, byte(i)}, Time: uint32(i)})
		b = append(append(b, 15, byte(len(wire))), wire...)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		r := Reorder{Hold: 100 * time.Millisecond}
		var now time.Duration
		next, begun, taken, handed := uint16(0), false, 0, 0
		for len(b) > 2 {
			now += time.Duration(b[0]) * time.Millisecond
			n := min(int(b[1]&0x7f), len(b)-2)
			wire := b[2 : 2+n]
			b = b[2+n:]
			var rp rtp.Packet
			if rp.Unmarshal(wire) != nil {
				continue
			}
			switch r.Push(now, packetOf(&rp, 0)) {
			case FitNew, FitReordered, FitRestart:
				taken++
			}
			for {
				p, ok := r.Pop(now)
				if !ok {
					break
				}
				handed++
				if begun && !p.First && p.Sequence != next+uint16(p.Lost) {
					t.Fatalf("%d behind %d, %d lost", p.Sequence, next-1, p.Lost)
				}
				next, begun = p.Sequence+1, true
			}
			if waiting(&r) > maxWindow {
				t.Fatalf("%d gaps, %d wait", r.gaps, waiting(&r))
			}
		}
		for {
			if _, ok := r.Pop(now + r.Hold); !ok {
				break
			}
			handed++
		}
		if waiting(&r) != 0 || r.bytes != 0 || r.gaps != 0 || handed > taken {
			t.Fatalf("%d wait, %d handed on of %d", waiting(&r), handed, taken)
		}
	})
}
