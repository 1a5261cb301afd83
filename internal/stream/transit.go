package stream

import (
	"time"

	"weir/internal/media"
)

// Transit is what one track of a session has met on its way, where packets may get lost. Numbers count from the session's
// beginning.
type Transit struct {
	Kind    media.Kind
	Codec   media.Codec
	Sent    bool          // to the client; else it comes from there
	Packets uint64        // with those that were sent again
	Bytes   uint64        // of them
	Lost    uint64        // packets that did not arrive the first time; of a player, as it has told last
	Again   uint64        // packets that were sent again
	Jitter  time.Duration // of the time that packets take; of a player, as it has told last
	Trip    time.Duration // round trip; 0 is not known
	NACKs   uint64        // packets that were asked for again
	PLIs    uint64        // key frames that were asked for
	Rate    float64       // bits per second over the last second or so
}
