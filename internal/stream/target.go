package stream

import "time"

// Target is a place that a stream is sent on to, and how it goes there.
type Target struct {
	StreamID string // of the stream's entry in the API
	Stream   string // its URL
	URL      string // where to, without what is secret; two stream keys at one server are told apart all the same

	State     TargetState
	Since     time.Time // of the state
	Next      time.Time // of the next attempt; zero while there is one
	Attempts  uint64    // so far, with the one that goes on
	LastError string    // why the last one that failed has; empty if none has
	Sent      uint64    // bytes, of all attempts
	Frames    uint64    // that it was sent, and packets where a publisher's own go there; of all attempts
	Lost      uint64    // frames that were not sent because the target is too slow
}

// TargetState is what a Target is doing.
type TargetState string

// The states of a Target.
const (
	Connecting TargetState = "connecting" // there is an attempt, and the target has not taken the stream yet
	Sending    TargetState = "sending"    // it takes the stream
	Waiting    TargetState = "waiting"    // for the next attempt, as the last one has failed
	Turned     TargetState = "refused"    // the same, as the target has said no; or its address is none, and there are no attempts
)

// Haul is what goes from server to server for viewers and publishers of this one.
type Haul struct {
	Streams int    // now
	Bytes   uint64 // ever
}
