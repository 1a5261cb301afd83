package rtp

import (
	"math/rand/v2"
	"testing"
	"time"

	"weir/internal/media"
)

// TestWay sends a clip over a line that loses one packet in ten, in both directions and those that are
// sent again among them: all frames come, and come in time.
func TestWay(t *testing.T) {
	const delay, tick = 20 * time.Millisecond, time.Millisecond
	luck := rand.New(rand.NewPCG(7, 7))
	var frames []*media.Frame
	for round := range int64(10) {
		for _, f := range clip(t, "h264") {
			again := media.NewFrame(nil, f.Data())
			again.Layout, again.Key, again.PTS = f.Layout, f.Key, f.PTS+round*5*second
			frames = append(frames, again)
		}
	}
	p, _ := NewPacketizer(media.H264, PacketizerOptions{MTU: 100})
	line, rtx, history := Line{SSRC: 1, Type: 96, Sequence: 65000}, Line{SSRC: 2, Type: 97}, NewHistory(1000)
	order, d := Reorder{Hold: time.Second}, depacketizer(t, DepacketizerOptions{Codec: media.H264, DropDamaged: true})

	there, back := map[time.Duration][][]byte{}, map[time.Duration][]uint16{}
	n := 0
	send := func(now time.Duration, wire []byte) {
		if luck.IntN(10) > 0 || n == 0 || n == len(frames)-1 { // nobody misses what is at the ends
			there[now+delay] = append(there[now+delay], wire)
		}
	}
	var units []Unit
	for now := time.Duration(0); now < 12*time.Second; now += tick {
		if n < len(frames) && now%(20*time.Millisecond) == 0 {
			for _, payload := range p.Pack(frames[n]) {
				history.Put(now, line.Sequence, payload)
				send(now, line.Append(nil, &payload))
			}
			n++
		}
		for _, sequence := range back[now] {
			if payload, again, _ := history.Again(now, 2*delay, sequence); again {
				send(now, line.AppendRTX(nil, &rtx, sequence, &payload))
			}
		}
		for _, wire := range there[now] {
			packet := parse(t, wire)
			again := packet.SSRC == rtx.SSRC
			if again && !packet.Original(line.SSRC, line.Type) {
				t.Fatal("not of RFC 4588")
			}
			order.Push(now, packet, again)
		}
		for _, sequence := range order.NACKs(now, 2*delay, nil) {
			if luck.IntN(10) > 0 {
				back[now+delay] = append(back[now+delay], sequence)
			}
		}
		for {
			packet, ok := order.Pop(now)
			if !ok {
				break
			}
			units = d.Take(units, &packet)
		}
	}
	same(t, frames, d.End(units))
	if r := order.Reception; r.Recovered < 50 || r.Lost > 0 || d.Wanted() {
		t.Errorf("reception %+v", r)
	}
}
