package stream

import "time"

// What is the kind of an Event.
type What string

// The kinds of events. Of one session they come in this order: Connected, then as often as it likes
// Published and Unpublished or Played and Stopped, then Closed.
const (
	Connected   What = "connect"   // a client was let in; protocols without connections have none
	Closed      What = "close"     // it has gone; once for each Connected
	Published   What = "publish"   // a publisher has its place
	Unpublished What = "unpublish" // it has ended; once for each Published
	Played      What = "play"      // a reader has its position
	Stopped     What = "stop"      // it has ended; once for each Played
	Refused     What = "denied"    // a gate, or the stream's being busy, has kept a client out
	Slow        What = "slow"      // a reader has lost frames since it was last looked at
	Silent      What = "timeout"   // a publisher has sent nothing for too long; Unpublished follows
)

// Event is something that has become of a session.
type Event struct {
	What     What
	At       time.Time
	Act      Act // what was refused
	Request  *Request
	StreamID string // of the stream's entry in the API; empty for Connected and Closed
	Cause    error  // why it ended, or was refused; nil where the client wanted it
	Lasted   time.Duration
	Received uint64 // bytes of the session, of a Closed connection all together
	Sent     uint64
	Lost     uint64 // frames that a reader has lost so far
}

// Witness hears of all events in their order, one at a time, shortly after they happened and
// with no lock of the registry held. It must return at once: whatever takes time goes into a queue
// of its own.
type Witness func(Event)
