package rist

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"time"
)

// NACK is a way to ask for packets again. Senders understand both.
type NACK int

// The ways to ask.
const (
	NACKRange   NACK = iota // "RIST" APP packets with a first packet and how many follow it, as librist's
	NACKBitmask             // the generic NACK of RFC 4585: a packet and a mask of the 16 after it
)

// Options set up a Receiver or a Sender. What is zero has its default.
type Options struct {
	// Buffer is how long a missing packet is waited for, and how long a sent one is kept: 1 s by default. A minute is
	// the most. What is not missing is not held up by it.
	Buffer time.Duration

	// Reorder is how long a missing packet may be merely late before it is asked for: 15 ms by default.
	Reorder time.Duration

	// Hold is how long a silent sender keeps others out: 5 s by default.
	Hold time.Duration

	NACK  NACK
	CNAME string // that the peer sees: "weir-" and a random number by default, 255 bytes at the most

	// Interface is the name of the interface on which a multicast group is joined; the system's choice by default.
	Interface string
}

// Defaults of Options, and bounds.
const (
	defaultBuffer  = time.Second
	maxBuffer      = time.Minute
	defaultReorder = 15 * time.Millisecond
	defaultHold    = 5 * time.Second
	maxCNAME       = 255 // RFC 3550, 6.5: its length is one byte
)

func (o Options) filled() (Options, error) {
	o.Buffer = cmp.Or(o.Buffer, defaultBuffer)
	o.Reorder = cmp.Or(o.Reorder, defaultReorder)
	o.Hold = cmp.Or(o.Hold, defaultHold)
	o.CNAME = cmp.Or(o.CNAME, fmt.Sprintf("weir-%08x", rand.Uint32()))
	switch {
	case o.Buffer < 0 || o.Buffer > maxBuffer:
		return o, fmt.Errorf("rist: a buffer of %v: at most %v", o.Buffer, maxBuffer)
	case o.Reorder < 0 || o.Hold < 0:
		return o, fmt.Errorf("rist: a time below zero: %v, %v", o.Reorder, o.Hold)
	case len(o.CNAME) > maxCNAME:
		return o, fmt.Errorf("rist: a name of %d bytes: at most %d", len(o.CNAME), maxCNAME)
	case o.NACK != NACKRange && o.NACK != NACKBitmask:
		return o, fmt.Errorf("rist: unknown kind of NACK: %d", o.NACK)
	}
	return o, nil
}
