package mpegts

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"weir/internal/codec/nal"
	"weir/internal/media"
)

// steps gives one piece at each read, and knows how many it has given.
type steps struct {
	pieces [][]byte
	given  int
}

func (s *steps) Read(b []byte) (int, error) {
	if s.given == len(s.pieces) {
		return 0, io.EOF
	}
	s.given++
	return copy(b, s.pieces[s.given-1]), nil
}

// lengthless is pictures that do not say how long they are, each a piece.
func lengthless(t *testing.T, count int) (pieces [][]byte) {
	l := &media.Layout{Tracks: []*media.Track{avcTrack(t)}}
	var shots []shot
	for i := range int64(count) {
		shots = append(shots, shot{0, i * 40, i * 40, i == 0, nal.Append(nil, slice(1000+int(i), map[bool]byte{true: 0x65, false: 0x41}[i == 0], byte(i)))})
	}
	m, err := NewMux(l, both)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range frames(l, shots) {
		var b []byte
		if i == 0 {
			b, _ = m.AppendTables(b)
		}
		b, _ = m.AppendFrame(b, f)
		for at := 0; at < len(b); at += packetSize {
			p, ok := parsePacket(b[at : at+packetSize])
			if ok && p.start && bytes.HasPrefix(p.payload, []byte{0, 0, 1, 0xe0}) {
				p.payload[4], p.payload[5] = 0, 0
			}
		}
		pieces = append(pieces, b)
	}
	return pieces
}

// arrivals returns how many pieces had been read when each frame came, and the damage.
func arrivals(t *testing.T, pieces [][]byte) (list []int, h Health) {
	s := &steps{pieces: pieces}
	d := NewDemux(s, DemuxOptions{})
	for {
		_, err := d.ReadFrame()
		if errors.Is(err, io.EOF) {
			return list, d.Health()
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, s.given)
	}
}

// TestDemuxHaste has pictures come with their own last packet, once the encoder has shown that it fills up none before
// that; at first, and where it does otherwise, with the beginning of the next.
func TestDemuxHaste(t *testing.T) {
	pieces := lengthless(t, 40)
	list, h := arrivals(t, pieces)
	if len(list) != 40 || h.Damaged > 0 {
		t.Fatalf("%d frames, %+v", len(list), h)
	}
	waited := 0
	for n, given := range list[:39] {
		if given > n+1 {
			waited++
			if n > sure+3 {
				t.Errorf("picture %d came with piece %d", n+1, given)
			}
		}
	}
	if waited < sure {
		t.Errorf("%d pictures were waited for: too little to know", waited)
	}

	wild := append([]byte(nil), pieces[20]...)
	first, rest := wild[:packetSize], wild[packetSize:]
	p, _ := parsePacket(rest[:packetSize])
	half := len(p.payload) / 2 // the second packet becomes two, each filled up
	filled := func(payload []byte) []byte {
		b := bytes.Clone(rest[:packetHead])
		b[3] |= 0x20
		b = append(b, byte(packetSize-packetHead-1-len(payload)), 0)
		b = append(b, bytes.Repeat([]byte{0xff}, packetSize-len(b)-len(payload))...)
		return append(b, payload...)
	}
	pieces[20] = append(append(append(append([]byte(nil), first...), filled(p.payload[:half])...), filled(p.payload[half:])...), rest[packetSize:]...)
	count := byte(0) // the counters anew
	for _, piece := range pieces {
		for at := 0; at < len(piece); at += packetSize {
			if p, ok := parsePacket(piece[at : at+packetSize]); ok && p.pid == 0x100 {
				piece[at+3] = piece[at+3]&0xf0 | count&15
				count++
			}
		}
	}
	list, h = arrivals(t, pieces)
	if len(list) != 40 || h.Damaged != 1 || h.Discontinuities > 0 {
		t.Errorf("%d frames, %+v", len(list), h)
	}
	for n, given := range list[21:39] {
		if given == n+22 {
			t.Errorf("picture %d is taken as whole by a habit that there is not", n+22)
		}
	}
}
