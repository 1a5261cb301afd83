package transport

import (
	"errors"
	"io"
	"slices"

	"weir/internal/format/mpegts"
	"weir/internal/media"
	"weir/internal/stream"
)

// held is how many packets wait for an entrance; a GOP that is longer is entered in the middle of it.
const held = 4096

// pass sends a publisher's packets as they came, from the newest entrance on that the lane has. It returns nil when
// the publisher has ended, or another has come.
func (o *Out) pass(lane *stream.LaneReader) error {
	lane.Rewind()
	var entrance mpegts.Entrance
	var waiting [][]byte // from the newest entrance on, or from the oldest packet
	found, entered := false, false
	lost := lane.Lost()
	packets := make([]*media.Packet, media.MaxBatch)
	for {
		n, err := lane.ReadPackets(packets)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return CauseOf(o.ctx, err)
		}
		if now := lane.Lost(); now != lost { // what was to be sent goes on at another entrance
			o.Sub.Lose(now - lost)
			lost, found, entered, waiting = now, false, false, nil
		}
		for _, k := range packets[:n] {
			if entered {
				waiting = append(waiting, k.Data)
				continue
			}
			if at := entrance.Look(k.Data); at >= 0 {
				found, waiting = true, append(waiting[:0], k.Data[at:])
			} else if len(waiting) < held {
				waiting = append(waiting, k.Data)
			}
		}
		clear(packets[:n])
		if !entered && lane.Behind() == 0 && (found || len(waiting) == held) {
			entered = true
			if tables := entrance.Tables(nil); len(tables) > 0 {
				waiting = append([][]byte{tables}, waiting...)
			}
		}
		if !entered {
			continue
		}
		for _, b := range waiting {
			for piece := range slices.Chunk(b, o.Size) {
				if err := o.To.Send(piece); err != nil {
					return err
				}
			}
		}
		clear(waiting)
		waiting = waiting[:0]
		o.To.Rest()
	}
}
