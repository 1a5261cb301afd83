package stream

import (
	"context"
	"errors"
)

// Act is what a client asks leave for.
type Act uint8

// The acts, in the order in which a client comes to them.
const (
	Connect Act = iota // it has come, and said what it wants; not for protocols without connections
	Publish
	Play
)

func (a Act) String() string {
	return [...]string{"connect", "publish", "play"}[a]
}

// Ask is a client's question to the gates.
type Ask struct {
	Act      Act
	Request  *Request
	StreamID string // of the stream's entry in the API; empty for Connect
}

// Gate decides who may connect, publish or play. Check may take seconds, and nobody waits for it but
// the one who asks. Nil allows; a *Denied refuses; a *Moved sends the client elsewhere; any
// other error refuses too, as a fault of ours.
type Gate interface {
	Check(ctx context.Context, a Ask) error
}

// Denied is a gate's refusal.
type Denied struct {
	Gate   string // who says so: "security", "on_publish"
	Reason string // a sentence for the client
}

func (d *Denied) Error() string { return d.Gate + ": " + d.Reason }

// Moved sends a client to another server.
type Moved struct {
	URL string // where the stream is
}

func (m *Moved) Error() string { return "stream moved to " + m.URL }

// The errors of publishing and playing that callers branch on.
var (
	// ErrBusy refuses a publisher whose stream has one.
	ErrBusy = errors.New("stream is busy: somebody is publishing it")
	// ErrReplaced ends a publisher whose place another has taken.
	ErrReplaced = errors.New("replaced by another publisher")
	// ErrClosed is what reading or writing gives after Close.
	ErrClosed = errors.New("stream: closed")
	// ErrUnpublished tells a reader that asked for it that the publisher has ended. It is no
	// end: the next read waits for the next publisher.
	ErrUnpublished = errors.New("stream: publisher ended")
	// ErrLane tells a reader that asked for it that the publisher has packets, and Subscriber.Lane gives
	// them. It is no end: the next read waits for frames.
	ErrLane = errors.New("stream: there are packets")
	// ErrKicked ends a session that an operator has closed.
	ErrKicked = errors.New("kicked by the API")
	// ErrEnding ends a session because the server is about to end, and has waited for long enough.
	ErrEnding = errors.New("the server is about to end")
	// ErrIdle ends a publisher whom nobody has watched for longer than the rules allow.
	ErrIdle = errors.New("nobody has been watching for longer than kickoff_for_idle")
	// ErrMute ends a publisher that is there, or seems to be, and has sent nothing for longer than
	// the rules allow. Protocols wrap it.
	ErrMute = errors.New("publisher sent nothing")
	// ErrNoSession is what Kick gives for an id nobody has.
	ErrNoSession = errors.New("stream: no such session")
)
