package webrtc

import (
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"weir/internal/stream"
)

// maxPaths is how many addresses of a client's are told apart.
const maxPaths = 8

// contact counts what comes of a client while both look for a way to each other. Its methods may be called on nil, which
// counts nothing.
type contact struct {
	// Set at construction.
	strict func() bool // no check is taken of a client that says it is the controlled side
	left   func()      // hears that the last connection over TCP that was in use has ended

	mu         sync.Mutex // guards what follows
	told       []string
	theirs     []string
	checks     uint64
	yes        uint64
	refused    uint64 // for their role
	shakes     uint64
	first, at  time.Time
	controlled bool
	paths      []stream.Path // maxPaths at most
	selected   string
}

// checked counts a check. It is false if that is not to be answered.
func (c *contact) checked(from netip.AddrPort, protocol string, k check) bool {
	if c == nil {
		return true
	}
	now := time.Now()
	strict := k.controlled && c.strict()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checks++
	if c.first.IsZero() {
		c.first = now
	}
	c.at = now
	c.controlled = c.controlled || k.controlled
	if p := c.path(from); p != nil {
		p.Checks++
	} else if len(c.paths) < maxPaths {
		c.paths = append(c.paths, stream.Path{Protocol: protocol, From: from, Checks: 1})
	}
	if strict {
		c.refused++
	}
	return !strict
}

// answered counts a check that was in order.
func (c *contact) answered(from netip.AddrPort) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.yes++
	if p := c.path(from); p != nil {
		p.Answered++
	}
}

// shook counts a packet of DTLS.
func (c *contact) shook() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shakes++
}

// choose keeps the way that the client has chosen.
func (c *contact) choose(pair *webrtc.ICECandidatePair) {
	if pair == nil || pair.Remote == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.selected = pair.Remote.Protocol.String() + " " + net.JoinHostPort(pair.Remote.Address, strconv.Itoa(int(pair.Remote.Port)))
}

// hungUp tells of the end of the last connection over TCP.
func (c *contact) hungUp() {
	if c != nil {
		c.left()
	}
}

// tell keeps which candidates both sides have told.
func (c *contact) tell(told, theirs []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if told != nil {
		c.told = told
	}
	c.theirs = append(c.theirs, theirs...)
	c.theirs = c.theirs[:min(len(c.theirs), maxTheirs)]
}

// path finds what is known of an address; c.mu is held.
func (c *contact) path(from netip.AddrPort) *stream.Path {
	for i := range c.paths {
		if c.paths[i].From == from {
			return &c.paths[i]
		}
	}
	return nil
}

// fill copies what is known.
func (c *contact) fill(out *stream.Contact) (refused uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	out.Told, out.Theirs = append([]string{}, c.told...), append([]string{}, c.theirs...)
	out.Selected = c.selected
	out.Checks, out.Answered, out.Shakes, out.First, out.Last = c.checks, c.yes, c.shakes, c.first, c.at
	out.Paths = append([]stream.Path{}, c.paths...)
	return c.refused
}
