package rtp

import (
	"bytes"
	"fmt"
	"testing"

	"weir/internal/media"
)

func TestRoundTrip(t *testing.T) {
	for name, c := range clips {
		for _, mtu := range []int{64, 100, 333, 0, 9000} {
			t.Run(fmt.Sprint(name, mtu), func(t *testing.T) {
				frames := clip(t, name)
				packets := cut(t, frames, PacketizerOptions{MTU: mtu})
				limit := max(mtu, minMTU)
				if mtu == 0 {
					limit = MTU
				}
				for _, p := range packets {
					if len(p.Payload) > limit && c.codec != media.Opus {
						t.Fatalf("a payload of %d bytes", len(p.Payload))
					}
				}
				d := depacketizer(t, DepacketizerOptions{Codec: c.codec})
				same(t, frames, join(d, packets, nil))
				if h := d.Health(); h.Damaged+h.Dropped+h.Lost > 0 || d.Wanted() {
					t.Errorf("health %+v, wanted %v", h, d.Wanted())
				}
			})
		}
	}
}

// same holds that units are frames.
func same(t *testing.T, frames []*media.Frame, units []Unit) {
	t.Helper()
	var sound bytes.Buffer
	if frames[0].Source().Codec == media.G711A { // may be cut anywhere
		for _, u := range units {
			sound.Write(u.Data)
		}
		for _, f := range frames {
			if !bytes.Equal(sound.Next(len(f.Data())), f.Data()) {
				t.Fatal("other samples")
			}
		}
		return
	}
	if len(units) != len(frames) {
		t.Fatalf("%d units of %d frames", len(units), len(frames))
	}
	for i, f := range frames {
		u := units[i]
		if !bytes.Equal(u.Data, f.Data()) || u.Key != f.Key || u.Time != Ticks(f.PTS, Rate(f.Source().Codec)) {
			t.Fatalf("unit %d: %d bytes, key %v, time %d; want %d, %v\n% x\n% x", i, len(u.Data), u.Key, u.Time, len(f.Data()), f.Key,
				u.Data[:min(40, len(u.Data))], f.Data()[:min(40, len(f.Data()))])
		}
	}
	got, want := units[0].Track, frames[0].Source()
	if got.Codec != want.Codec || got.Kind != want.Kind || want.Codec != media.Opus && !bytes.Equal(got.Config, want.Config) {
		t.Errorf("track %+v; want %+v", got, want)
	}
	if units[len(units)-1].Track != got {
		t.Error("the track has changed")
	}
}

// TestEveryLoss loses each packet once. Nothing that comes out is damaged, and little is missing.
func TestEveryLoss(t *testing.T) {
	for name, c := range clips {
		if c.codec == media.G711A {
			continue
		}
		t.Run(name, func(t *testing.T) {
			frames := clip(t, name)
			packets := cut(t, frames, PacketizerOptions{MTU: 300})
			rate := Rate(c.codec)
			index := map[uint32]int{}
			for i, f := range frames {
				index[Ticks(f.PTS, rate)] = i
			}
			for lost := range packets[:len(packets)-1] {
				for _, drop := range []bool{false, true} {
					d := depacketizer(t, DepacketizerOptions{Codec: c.codec, DropDamaged: drop})
					units := join(d, packets, map[int]bool{lost: true})
					came := map[int]bool{}
					for _, u := range units {
						i, ok := index[u.Time]
						if !ok || !bytes.Equal(u.Data, frames[i].Data()) || u.Key != frames[i].Key {
							t.Fatalf("packet %d lost: a unit that is no frame", lost)
						}
						came[i] = true
					}
					// Where only the end of a frame is lost, that is known.
					tail := packets[lost].Marker && lost > 0 && packets[lost-1].Time == packets[lost].Time
					contained(t, frames, tail, index[packets[lost].Time], came, drop)
				}
			}
		})
	}
}

// contained holds that no more is missing than there must be behind the loss of a packet of frame hit.
func contained(t *testing.T, frames []*media.Frame, tail bool, hit int, came map[int]bool, drop bool) {
	t.Helper()
	sound := frames[0].Source().Kind == media.Audio
	waits := false // for a key frame
	key := frames[0].PTS
	for i := range frames {
		if i == hit {
			waits = !sound && (drop || hit == 0)
			if came[i] {
				t.Fatalf("frame %d came in spite of its loss", i)
			}
			continue
		}
		if frames[i].Key {
			key = frames[i].PTS
		} else if frames[i].PTS < key {
			continue // may lean on what was before it
		}
		if waits && frames[i].Key && i > hit+1 {
			waits = false
		}
		if i == hit+1 && !sound {
			if came[i] && frames[i].Key {
				waits = false
			}
			if tail && hit > 0 && !drop && !came[i] {
				t.Fatalf("frame %d did not come, where the last packet of %d was lost", i, hit)
			}
			continue // its beginning may have been what was lost
		}
		switch {
		case waits && came[i] && !frames[hit].Key && !frames[i].Key:
			t.Fatalf("frame %d came, which leans on %d", i, hit)
		case !waits && !came[i]:
			t.Fatalf("frame %d did not come, %d was hit", i, hit)
		}
	}
}

// TestEveryTruncation cuts each packet at each byte, alone and in its place.
func TestEveryTruncation(t *testing.T) {
	for name, c := range clips {
		t.Run(name, func(t *testing.T) {
			packets := cut(t, clip(t, name), PacketizerOptions{MTU: 120})
			packets = packets[:min(len(packets), 60)]
			for i := range packets {
				for n := range packets[i].Payload {
					if n > 40 && n < len(packets[i].Payload)-4 {
						continue
					}
					d := depacketizer(t, DepacketizerOptions{Codec: c.codec})
					for k := max(0, i-2); k < min(len(packets), i+3); k++ {
						p := packets[k]
						if k == i {
							p.Payload = p.Payload[:n:n]
						}
						d.Take(nil, &p)
					}
					d.End(nil)
				}
			}
		})
	}
}

func TestWanted(t *testing.T) {
	frames := clip(t, "vp8")
	packets := cut(t, frames, PacketizerOptions{})
	d := depacketizer(t, DepacketizerOptions{Codec: media.VP8, DropDamaged: true})
	if d.Wanted() {
		t.Error("a key frame is wanted before there is a packet")
	}
	key := 0
	for i := range frames {
		if i > 0 && frames[i].Key {
			key = i
			break
		}
	}
	at := func(frame int) (n int) { // the first packet of a frame
		for packets[n].Time != Ticks(frames[frame].PTS, 90000) {
			n++
		}
		return n
	}
	take := func(from, to int, lost int) (units []Unit) {
		for i := from; i < to; i++ {
			p := packets[i]
			if i == from {
				p.Lost = lost
			}
			units = d.Take(units, &p)
		}
		return units
	}
	if u := take(at(1), at(2), 0); len(u) > 0 || !d.Wanted() {
		t.Errorf("entered at no key frame: %d units, wanted %v", len(u), d.Wanted())
	}
	if u := take(at(key), at(key+2), 0); len(u) != 2 || d.Wanted() {
		t.Errorf("from the key frame on: %d units, wanted %v", len(u), d.Wanted())
	}
	if u := take(at(key+3), at(key+5), 1); len(u) != 0 || !d.Wanted() {
		t.Errorf("behind a loss: %d units, wanted %v", len(u), d.Wanted())
	}
	if h := d.Health(); h.Dropped != 2 || h.Lost != 1 {
		t.Errorf("health %+v", h)
	}
	if u := take(0, at(1), 0); len(u) != 1 || d.Wanted() {
		t.Errorf("the next key frame: %d units, wanted %v", len(u), d.Wanted())
	}
}

// TestBounds has access units that never end: they cost no more than what the bounds say.
func TestBounds(t *testing.T) {
	large, small := bytes.Repeat([]byte{0x41}, 60<<10), []byte{0x41, 0x9a}
	several := []byte{0x78}
	for range 5000 {
		several = append(several, 0, 2, 0x41, 0x9a)
	}
	for name, c := range map[string]struct {
		codec   media.Codec
		payload []byte
		count   int
	}{
		"bytes":   {media.H264, large, 2 * maxBytes / len(large)},
		"packets": {media.H264, small, maxPackets + 1},
		"units":   {media.H264, several, 1},
		"VP8":     {media.VP8, append([]byte{0x10}, large...), 2 * maxBytes / len(large)},
		"AV1":     {media.AV1, append([]byte{0x50}, large...), 2},
	} {
		d := depacketizer(t, DepacketizerOptions{Codec: c.codec, Config: avcConfig()})
		for range c.count {
			d.Take(nil, &Packet{Payload: c.payload})
			if n := d.assembler.size(); n > maxBytes {
				t.Fatalf("%s: %d bytes", name, n)
			}
		}
		if list := d.Take(nil, &Packet{Payload: c.payload, Marker: true}); len(list) > 0 || d.Health().Damaged != 1 {
			t.Errorf("%s: %d units, %+v", name, len(list), d.Health())
		}
		if a, ok := d.assembler.(*unitAssembler); ok && cap(a.b) > keptBytes {
			t.Errorf("%s: %d bytes are kept", name, cap(a.b))
		}
	}
}
