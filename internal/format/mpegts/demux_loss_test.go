package mpegts

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"

	"weir/internal/codec/nal"
	"weir/internal/media"
)

// short is a second of pictures and sound with tables in front of both key pictures.
func short(t testing.TB) []byte {
	l := &media.Layout{Tracks: []*media.Track{avcTrack(t), aacTrack()}}
	var shots []shot
	for i := range int64(8) {
		u := slice(300+int(i), 0x41, byte(i))
		if i%4 == 0 {
			u = slice(700+int(i), 0x65, byte(i))
		}
		shots = append(shots, shot{0, i*40 + i%3*40, i * 40, i%4 == 0, nal.Append(nil, u)})
		shots = append(shots, shot{1, i * 40, i * 40, true, slice(200, byte(i))})
	}
	m, err := NewMux(l, both)
	if err != nil {
		t.Fatal(err)
	}
	var b []byte
	for i, f := range frames(l, shots) {
		if i%8 == 0 {
			b, _ = m.AppendTables(b)
		}
		b, _ = m.AppendFrame(b, f)
	}
	return b
}

// within fails unless every frame is one of whole, byte for byte and in its order.
func within(t *testing.T, name string, list, whole []*media.Frame) {
	t.Helper()
	next := map[media.Kind]int{}
	for i, f := range list {
		kind := f.Source().Kind
		at := slices.IndexFunc(whole[next[kind]:], func(w *media.Frame) bool { return same1(f, w) })
		if at < 0 {
			t.Fatalf("%s: frame %d, %s at %d, is none of the whole ones", name, i, kind, f.DTS)
		}
		next[kind] += at + 1
	}
}

func same1(a, b *media.Frame) bool {
	return a.Source().Kind == b.Source().Kind && a.DTS == b.DTS && a.PTS == b.PTS && a.Key == b.Key && bytes.Equal(a.Data(), b.Data())
}

// equal fails unless the frames are those of whole.
func equal(t *testing.T, name string, list, whole []*media.Frame) {
	t.Helper()
	within(t, name, list, whole)
	if len(list) != len(whole) {
		t.Fatalf("%s: %d frames; want %d", name, len(list), len(whole))
	}
}

func TestDemuxAnyPieces(t *testing.T) {
	b := golden(t, "h264-aac")
	whole, _ := take(t, b, DemuxOptions{})
	r := rand.New(rand.NewPCG(1, 2))
	for name, size := range map[string]func() int{
		"bytes":    func() int { return 1 },
		"187":      func() int { return 187 },
		"messages": func() int { return 7 * packetSize },
		"all":      func() int { return len(b) },
		"any":      func() int { return 1 + r.IntN(2000) },
	} {
		list, h, err := takeFrom(&pieces{b: b, next: size}, DemuxOptions{})
		if err != nil || h.Corrupt+h.Skipped+h.Damaged > 0 {
			t.Errorf("%s: %v, %+v", name, err, h)
		}
		equal(t, name, list, whole)
	}
	list, _, err := takeFrom(iotest.DataErrReader(bytes.NewReader(b)), DemuxOptions{})
	if err != nil {
		t.Error(err)
	}
	equal(t, "data with its end", list, whole)
}

// Health may be asked for from elsewhere at any time.
func TestDemuxHealthAtOnce(t *testing.T) {
	b := golden(t, "h264-aac")
	d := NewDemux(messages(b), DemuxOptions{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if h := d.Health(); h.Packets == uint64(len(b)/packetSize) && len(h.Tracks) == 2 {
				return
			}
		}
	}()
	dst := make([]*media.Frame, 5)
	n := 0
	for {
		k, err := d.ReadBatch(dst)
		if n += k; err != nil {
			break
		}
	}
	<-done
	if n != 145 {
		t.Errorf("%d frames", n)
	}
}

func TestDemuxEveryTruncation(t *testing.T) {
	for name, b := range map[string][]byte{"mux": short(t), "mp3": golden(t, "mp3")} {
		whole, _ := take(t, b, DemuxOptions{})
		for n := range b {
			list, _ := take(t, b[:n], DemuxOptions{})
			within(t, fmt.Sprintf("%s cut at %d", name, n), list, whole)
			list, _ = take(t, b[n:], DemuxOptions{})
			within(t, fmt.Sprintf("%s from %d", name, n), list, whole)
		}
	}
}

func TestDemuxEveryLostPacket(t *testing.T) {
	streams := map[string][]byte{"mux": short(t)}
	for _, name := range []string{"h264-aac", "h265-mp2", "open", "opus", "latm", "eac3"} {
		streams[name] = golden(t, name)
	}
	for name, b := range streams {
		whole, _ := take(t, b, DemuxOptions{})
		for at := 0; at < len(b); at += packetSize {
			for _, n := range []int{1, 3} {
				what := fmt.Sprintf("%s without %d of packet %d", name, n, at/packetSize)
				rest := append(slices.Clone(b[:at]), b[min(len(b), at+n*packetSize):]...)
				list, _ := take(t, rest, DemuxOptions{})
				within(t, what, list, whole)
				strict, _ := take(t, rest, DemuxOptions{DropDamaged: true})
				within(t, what, strict, whole)
				unbroken(t, what, strict, whole)
				if len(strict) > len(list) {
					t.Fatalf("%s: dropping gives more", what)
				}
			}
			broken := slices.Clone(b) // the same by a packet that says so
			broken[at+1] |= 0x80
			list, h := take(t, broken, DemuxOptions{DropDamaged: true})
			within(t, name, list, whole)
			unbroken(t, name, list, whole)
			if h.Corrupt != 1 {
				t.Fatalf("%s: %+v", name, h)
			}
		}
	}
}

func TestDemuxManyLostPackets(t *testing.T) {
	for _, name := range []string{"h264-aac", "h265-mp2", "open"} {
		b := golden(t, name)
		whole, _ := take(t, b, DemuxOptions{})
		for seed := range uint64(60) {
			r := rand.New(rand.NewPCG(seed, 1))
			var rest []byte
			for at := 0; at < len(b); at += packetSize {
				if r.IntN(20) > 0 {
					rest = append(rest, b[at:at+packetSize]...)
				}
			}
			for _, strict := range []bool{false, true} {
				list, _ := take(t, rest, DemuxOptions{DropDamaged: strict})
				what := fmt.Sprintf("%s, seed %d", name, seed)
				within(t, what, list, whole)
				if strict {
					unbroken(t, what, list, whole)
				}
			}
		}
	}
}

// unbroken fails if a picture that is no key comes behind one that is missing.
func unbroken(t *testing.T, name string, list, whole []*media.Frame) {
	t.Helper()
	var pictures, all []*media.Frame
	for _, f := range list {
		if f.Source().Kind == media.Video {
			pictures = append(pictures, f)
		}
	}
	for _, f := range whole {
		if f.Source().Kind == media.Video {
			all = append(all, f)
		}
	}
	at := 0
	var key int64
	for i, f := range pictures {
		n := slices.IndexFunc(all[at:], func(w *media.Frame) bool { return same1(f, w) })
		if f.Key {
			key = f.PTS
		}
		missing := n > 0 && i > 0
		if missing && !f.Key && f.PTS < key {
			missing = false // the pictures left out may be those that lean on what was before the key
		}
		for _, w := range all[at : at+n] {
			if missing && !f.Key && w.PTS < key {
				missing = false
			}
		}
		if missing && !f.Key {
			t.Fatalf("%s: a picture at %d behind a gap of %d", name, f.DTS, n)
		}
		at += n + 1
	}
}

// A packet that repeats 00 00 01 behind a gap begins nothing.
func TestDemuxFalseStart(t *testing.T) {
	l := &media.Layout{Tracks: []*media.Track{avcTrack(t)}}
	big := append([]byte{0x41}, bytes.Repeat([]byte{0x00, 0x00, 0x01, 0x41, 1, 1, 0x80, 1, 1, 0x42}, 200)...)
	b := write(t, l, both, frames(l, []shot{
		{0, 0, 0, true, nal.Append(nil, slice(100, 0x65))},
		{0, 40, 40, false, nal.Append(nil, big)},
		{0, 80, 80, false, nal.Append(nil, slice(100, 0x41))},
	}))
	whole, _ := take(t, b, DemuxOptions{})
	for at := 6 * packetSize; at < 16*packetSize; at += packetSize {
		list, h := take(t, append(slices.Clone(b[:at]), b[at+packetSize:]...), DemuxOptions{})
		within(t, "gap", list, whole)
		if len(list) != len(whole)-1 || h.Damaged != 1 || h.Lost != 1 {
			t.Errorf("without packet %d: %d frames, %+v", at/packetSize, len(list), h)
		}
	}
}

func TestDemuxForgives(t *testing.T) {
	b := short(t)
	whole, _ := take(t, b, DemuxOptions{})
	null := append([]byte{syncByte, 0x1f, 0xff, 0x10}, make([]byte, packetSize-4)...)
	for name, c := range map[string]struct {
		change  func(at int, packet []byte) []byte
		skipped bool
	}{
		"null packets":  {func(_ int, p []byte) []byte { return append(slices.Clone(null), p...) }, false},
		"all twice":     {func(_ int, p []byte) []byte { return append(slices.Clone(p), p...) }, false},
		"garbage":       {func(at int, p []byte) []byte { return append(bytes.Repeat([]byte{0x11}, (at+1)%4/3*at*5), p...) }, true},
		"garbage of 47": {func(at int, p []byte) []byte { return append(bytes.Repeat([]byte{0x47}, (at+1)%4/3*(at%7)), p...) }, true},
		"other PIDs":    {func(at int, p []byte) []byte { return append([]byte{0x47, 0x1a, byte(at), 0x10, 184: 0, 187: 0}, p...) }, false},
	} {
		var out []byte
		for at := 0; at < len(b); at += packetSize {
			out = append(out, c.change(at/packetSize, b[at:at+packetSize])...)
		}
		list, h := take(t, out, DemuxOptions{DropDamaged: true})
		equal(t, name, list, whole)
		if h.Damaged+h.Lost+h.Dropped > 0 || (h.Skipped > 0) != c.skipped {
			t.Errorf("%s: %+v", name, h)
		}
	}
}

// A duplicate is told from a gap that brings the counter to the same number.
func TestDemuxGapOfFifteen(t *testing.T) {
	l := &media.Layout{Tracks: []*media.Track{avcTrack(t)}}
	var big []byte
	for i := range 6000 {
		big = append(big, byte(i>>5)|1)
	}
	big[0] = 0x41
	b := write(t, l, both, frames(l, []shot{
		{0, 0, 0, true, nal.Append(nil, slice(100, 0x65))},
		{0, 40, 40, false, nal.Append(nil, big)},
		{0, 80, 80, false, nal.Append(nil, slice(100, 0x41))},
	}))
	at := 10 * packetSize
	list, h := take(t, append(slices.Clone(b[:at]), b[at+15*packetSize:]...), DemuxOptions{})
	if len(list) != 2 || h.Damaged != 1 || h.Lost != 15 || h.Discontinuities != 1 {
		t.Errorf("%d frames, %+v", len(list), h)
	}
}

// A packet that is cut short must not swallow the next one's beginning.
func TestDemuxCutPackets(t *testing.T) {
	b := golden(t, "h264-aac")
	whole, _ := take(t, b, DemuxOptions{})
	for at := packetSize; at < len(b)-2*packetSize; at += packetSize {
		n := 1 + at%(packetSize-1)
		list, h := take(t, append(slices.Clone(b[:at+packetSize-n]), b[at+packetSize:]...), DemuxOptions{})
		within(t, fmt.Sprintf("packet %d without %d bytes", at/packetSize, n), list, whole)
		if h.Corrupt+h.Skipped == 0 {
			t.Fatalf("packet %d without %d bytes: %+v", at/packetSize, n, h)
		}
	}
}

func TestDemuxCounterMayJump(t *testing.T) {
	b := short(t)
	whole, _ := take(t, b, DemuxOptions{})
	var out []byte
	jumped := false
	for at := 0; at < len(b); at += packetSize {
		p := slices.Clone(b[at : at+packetSize])
		pid := int(p[1]&0x1f)<<8 | int(p[2])
		if pid == pidVideo && at > len(b)/2 {
			if p[1]&0x40 != 0 && p[3]&0x20 != 0 && p[4] > 0 && !jumped {
				p[5] |= 0x80
				jumped = true
			}
			if jumped {
				p[3] = p[3]&0xf0 | (p[3]+5)&15
			}
		}
		out = append(out, p...)
	}
	list, h := take(t, out, DemuxOptions{DropDamaged: true})
	equal(t, "jump", list, whole)
	if !jumped || h.Lost+h.Discontinuities > 0 {
		t.Errorf("%+v", h)
	}
}

// So must one of which only a part has come with the one behind it.
func TestDemuxCutPacketsInPieces(t *testing.T) {
	b := golden(t, "h264-aac")
	whole, _ := take(t, b, DemuxOptions{})
	for at := packetSize; at < len(b)-3*packetSize; at += packetSize {
		n := 1 + at*7%(packetSize-1)
		cut := append(slices.Clone(b[:at+packetSize-n]), b[at+packetSize:]...)
		first := true
		src := &pieces{b: cut, next: func() int { // the first read ends a little behind what seems to be the packet
			if first {
				first = false
				return at + packetSize + 1 + at%(packetSize-1)
			}
			return len(cut)
		}}
		if at+2*packetSize > tapBytes {
			break
		}
		list, _, err := takeFrom(src, DemuxOptions{})
		if err != nil {
			t.Fatal(err)
		}
		within(t, fmt.Sprintf("packet %d without %d bytes", at/packetSize, n), list, whole)
	}
}

// A counter may jump in a packet that has nothing but an adaptation field.
func TestDemuxCounterJumpsWithoutPayload(t *testing.T) {
	b := short(t)
	whole, _ := take(t, b, DemuxOptions{})
	for name, c := range map[string]struct {
		flags byte
		by    byte // behind which the counter goes on
	}{"says so": {0x80, 5}, "once more": {0x80, 0}, "none": {0, 0}} {
		var out []byte
		jumped := false
		for at := 0; at < len(b); at += packetSize {
			p := slices.Clone(b[at : at+packetSize])
			if int(p[1]&0x1f)<<8|int(p[2]) == pidVideo && at > len(b)/2 {
				if !jumped && p[1]&0x40 != 0 {
					jumped = true
					alone := slices.Repeat([]byte{0xff}, packetSize)
					copy(alone, []byte{syncByte, p[1] &^ 0x40, p[2], 0x20 | (p[3]-1+c.by)&15, packetSize - 5, c.flags})
					out = append(out, alone...)
				}
				if jumped {
					p[3] = p[3]&0xf0 | (p[3]+c.by)&15
				}
			}
			out = append(out, p...)
		}
		list, h := take(t, out, DemuxOptions{DropDamaged: true})
		equal(t, name, list, whole)
		if !jumped || h.Lost+h.Discontinuities+h.Damaged > 0 {
			t.Errorf("%s: %+v", name, h)
		}
	}
}

// Inside a picture such a jump is a loss.
func TestDemuxCounterJumpsInside(t *testing.T) {
	l := &media.Layout{Tracks: []*media.Track{avcTrack(t)}}
	b := write(t, l, both, frames(l, []shot{
		{0, 0, 0, true, nal.Append(nil, slice(100, 0x65))},
		{0, 40, 40, false, nal.Append(nil, slice(3000, 0x41))},
		{0, 80, 80, false, nal.Append(nil, slice(100, 0x41))},
	}))
	at := 8 * packetSize
	alone := slices.Repeat([]byte{0xff}, packetSize)
	copy(alone, []byte{syncByte, b[at+1], b[at+2], 0x20 | (b[at+3]-1+4)&15, packetSize - 5, 0x80})
	out := slices.Concat(b[:at], alone, b[at+4*packetSize:])
	list, h := take(t, out, DemuxOptions{})
	if len(list) != 2 || h.Damaged != 1 || h.Lost > 0 {
		t.Errorf("%d frames, %+v", len(list), h)
	}
}
