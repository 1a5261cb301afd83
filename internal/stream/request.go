package stream

import (
	"crypto/rand"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"
)

// DefaultVhost is the virtual host of everybody whose own is not configured.
const DefaultVhost = "__defaultVhost__"

// Request says who wants to publish or play what. It is filled by a protocol and does not
// change once the Registry has it, but for Traffic.
type Request struct {
	ID     string     // of the session: eight of 0-9a-z, the same in logs, API and callbacks
	Kind   string     // the session's type in the API and callbacks, which its protocol names
	Remote netip.Addr // the client's address

	Vhost  string // the virtual host that serves it, after lookup
	App    string
	Stream string // without the extension
	Name   string // the stream's name as the client wrote it
	Param  string // what followed it, with its "?"

	TCURL, PageURL, SWFURL string

	// Token is a credential that came beside the address, such as HTTP's Authorization: Bearer;
	// empty without.
	Token string

	// Viewer says that this reader is audience: it counts against an idle publisher.
	Viewer bool
	// Indirect says that this reader is given an output, such as files, and reads no frames: it
	// holds none in the stream's memory.
	Indirect bool
	// Wait says that the reader stays when the publisher ends, for the next one.
	Wait bool
	// Notice says that the reader wants ErrUnpublished when a publisher ends, once each.
	Notice bool
	// Yields says that this publisher takes nobody's place: while somebody publishes it is refused, also where the
	// rules let a newcomer take over.
	Yields bool
	// Supplied says that the Supply publishes: it is no client, and whoever else publishes the stream takes its place.
	Supplied bool
	// Kin says that this reader, or who publishes as the Supply, is another process of this server: what is asked and told of a
	// client has been or will be there. Gates are not asked and witnesses not told, and such a publication has no standing outputs.
	Kin bool
	// Via are the servers that this reader or publisher is, or comes by, each by its name of this run: one that finds itself among
	// them is asked by itself.
	Via []string
	// Laps are the servers that have sent this publication on, each by its name of this run and once for each time: one that finds
	// itself among them again and again sends it to itself.
	Laps []string
	// Answer is what a gate has found out about this publisher, for the part of the server that the gate is of. It does not
	// change any more once the publisher has its place; nil is nothing.
	Answer any
	// Args is what the client has told beside its wish, for who passes it on by the same protocol; nil is nothing.
	Args any
	// Packets is what packets the reader takes, where there are such: it is given ErrLane when a publisher
	// has opened a lane of them, once each. Empty is none.
	Packets Cargo
	// Asks says that the reader asks for a key frame itself, once it can take one; others have one asked for as they come. One
	// that comes too soon is of no use, and puts off the next.
	Asks bool
	// Pace tells a reader's pause between batches; nil is none. It is asked before each.
	Pace func() Pace
	// Kick ends the session for the reason given; it returns at once. Nil where nobody can.
	Kick func(cause error)
	// Move asks the client to go elsewhere by itself while it is still served; nil where it cannot be asked. It may block as
	// long as one write, and may be called from anywhere, also after the session's end.
	Move func()
	// Link tells of the network to the client, if the system does; nil where there is no connection. It
	// may be called from anywhere, also after the session's end.
	Link func() (Link, bool)
	// Damage tells what a publisher's packets have suffered on their way; nil where they cannot. It may be
	// called from anywhere, also after the session's end.
	Damage func() Damage
	// Transit tells how the tracks fare on their way, where packets may get lost; nil where that is not known. It
	// may be called from anywhere, also after the session's end.
	Transit func() []Transit
	// Traffic is counted by the protocol; nil where it is not.
	Traffic *Traffic
}

// Pace makes a reader take several frames at once, which costs far fewer system calls.
type Pace struct {
	Latency time.Duration // the pause between two batches
	Frames  int           // more than so many frames are waited for, for a second at most
}

// serverPause is the longest pause between batches for another server.
const serverPause = 40 * time.Millisecond

// ForServer is the pace for a reader who is another server, with viewers of its own: what is held back for it adds to what it holds
// back for them.
func (p Pace) ForServer() Pace { return Pace{Latency: min(p.Latency, serverPause)} }

// Traffic counts a session's bytes on the wire. One connection may use it for one session after
// another.
type Traffic struct {
	Received, Sent atomic.Uint64

	counted totals // by sessions that have ended; guarded by the registry's lock
}

// URL returns the stream's name in the API: /app/stream, behind the virtual host where that is
// not the default one.
func (r *Request) URL() string {
	url := "/" + r.App + "/" + r.Stream
	if r.Vhost == DefaultVhost {
		return url
	}
	return r.Vhost + url
}

// key names the stream in the registry.
func (r *Request) key() key { return key{r.Vhost, r.App, r.Stream} }

type key struct{ vhost, app, stream string }

// NewID returns a new session id: eight random characters of 0-9a-z.
func NewID() string { return random(8) }

func random(n int) string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	var raw [16]byte
	_, _ = rand.Read(raw[:n]) // documented never to fail
	var b strings.Builder
	for _, r := range raw[:n] {
		b.WriteByte(digits[int(r)%len(digits)])
	}
	return b.String()
}
