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

// The events of a stream's way to a Target. Their Request is the publisher's.
const (
	ForwardBegun  What = "forward_begin" // the target takes the stream
	ForwardEnded  What = "forward_end"   // it is sent no more; once for each ForwardBegun
	ForwardFailed What = "forward_error" // it is not sent, for a cause that was another, or none, the last time
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
	Target   string // where the stream is sent on to, veiled; empty where none is known, and for all other events
}

// Onward reports whether an event is of a Target, whose bytes are not those of the session.
func (w What) Onward() bool { return w == ForwardBegun || w == ForwardEnded || w == ForwardFailed }

// Tell has the witnesses hear of what a part of the server has seen that the Registry cannot see. At is filled in.
func (g *Registry) Tell(e Event) {
	defer g.tell()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.note(e)
}

// Witness hears of all events in their order, one at a time, shortly after they happened and
// with no lock of the registry held. It must return at once: whatever takes time goes into a queue
// of its own.
type Witness func(Event)
