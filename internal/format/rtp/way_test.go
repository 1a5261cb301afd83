package rtp

import (
	"math/rand/v2"
	"testing"
	"time"

	"weir/internal/media"
)

// TestWay sends a clip over a line that loses one packet in ten, those that are sent again among them, which are asked for
// until they come: all frames come, and come in time.
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
	number, history := uint16(65000), NewHistory(1000)
	order, d := Reorder{Hold: time.Second}, depacketizer(t, DepacketizerOptions{Codec: media.H264, DropDamaged: true})

	there, back := map[time.Duration][][]byte{}, map[time.Duration][]uint16{}
	n, again := 0, 0
	send := func(now time.Duration, sequence uint16, payload Payload) {
		if luck.IntN(10) > 0 || n == 0 || n == len(frames)-1 { // nobody misses what is at the ends
			there[now+delay] = append(there[now+delay], wire(sequence, payload))
			return
		}
		back[now+2*delay] = append(back[now+2*delay], sequence)
	}
	var units []Unit
	for now := time.Duration(0); now < 12*time.Second; now += tick {
		if n < len(frames) && now%(20*time.Millisecond) == 0 {
			for _, payload := range p.Pack(frames[n]) {
				history.Put(now, number, payload)
				send(now, number, payload)
				number++
			}
			n++
		}
		for _, sequence := range back[now] {
			if payload, ok, _ := history.Again(now, 2*delay, sequence); ok {
				send(now, sequence, payload)
				again++
			}
		}
		for _, wire := range there[now] {
			order.Push(now, parse(t, wire))
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
	if again < 50 || d.Wanted() {
		t.Errorf("%d packets are sent again", again)
	}
}
