// Package aac reads and writes the configuration of AAC.
package aac

import (
	"errors"
	"fmt"
	"io"
)

// ErrConfig is a configuration that no decoder could be set up with.
var ErrConfig = errors.New("aac: bad configuration")

// Audio object types. Spec: ISO 14496-3, table 1.17.
const (
	Main = 1
	LC   = 2
	SSR  = 3
	LTP  = 4
	SBR  = 5  // HE-AAC
	PS   = 29 // HE-AAC v2
)

// Config is an AudioSpecificConfig.
type Config struct {
	Type     int // object type of the core: LC also under SBR and PS
	Rate     int // Hz, of the core
	Layout   int // channel configuration, 0 to 7
	SBR, PS  bool
	FullRate int  // Hz, of what comes out; Rate without SBR
	Short    bool // frames of 960 samples
}

// Channels returns how many channels come out, 0 if only the frames tell.
func (c Config) Channels() int {
	switch {
	case c.PS && c.Layout == 1:
		return 2
	case c.Layout == 7:
		return 8
	}
	return c.Layout
}

// ParseConfig reads an AudioSpecificConfig. SBR and PS may be signalled in front, or, so that
// old decoders do not see it, at the end:
//
//	| type u5 (31: + u6) | rate index u4 (15: + u24) | channels u4 |
//	| type 5 or 29: full rate index u4 (15: + u24) | core type u5 |
//	| short u1 | core coder u1 (+ delay u14) | extension u1 | ...
//	| 0x2b7 u11 | 5 u5 | SBR u1 | full rate index u4 | 0x548 u11 | PS u1 |
//
// Spec: ISO 14496-3, 1.6.2.1 and 1.6.5.
func ParseConfig(b []byte) (Config, error) {
	r := bits{b: b}
	c := Config{Type: r.objectType(), Rate: r.rate(), Layout: r.read(4)}
	c.FullRate = c.Rate
	if c.Type == SBR || c.Type == PS {
		c.SBR, c.PS = true, c.Type == PS
		c.FullRate = r.rate()
		c.Type = r.objectType()
	}
	if r.cut {
		return Config{}, fmt.Errorf("aac: configuration: %w", io.ErrUnexpectedEOF)
	}
	if c.Type == 0 || c.Type == SBR || c.Type == PS || c.Rate == 0 || c.FullRate == 0 || c.Layout > 7 {
		return Config{}, fmt.Errorf("%w: % x", ErrConfig, b[:min(len(b), 8)])
	}
	c.general(&r)
	return c, nil
}

// general reads on for as long as it understands: senders cut here, or pad.
func (c *Config) general(r *bits) {
	if c.Type > LTP {
		return
	}
	c.Short = r.read(1) == 1
	if r.read(1) == 1 { // depends on a core coder
		r.read(14)
	}
	if extension := r.read(1); extension == 1 || c.Layout == 0 || c.SBR {
		return // a program config element tells the channels: it is left to decoders
	}
	if r.read(11) != 0x2b7 || r.read(5) != SBR || r.read(1) != 1 || r.cut {
		return
	}
	full := r.rate()
	if r.cut || full == 0 {
		return
	}
	c.SBR, c.FullRate = true, full
	if r.read(11) == 0x548 && r.read(1) == 1 && !r.cut {
		c.PS = true
	}
}

// AppendConfig writes an AudioSpecificConfig, with SBR and PS signalled in front.
func AppendConfig(dst []byte, c Config) []byte {
	var w writer
	kind := c.Type
	switch {
	case c.PS:
		kind = PS
	case c.SBR:
		kind = SBR
	}
	w.objectType(kind)
	w.rate(c.Rate)
	w.write(c.Layout, 4)
	if kind != c.Type {
		w.rate(c.FullRate)
		w.objectType(c.Type)
	}
	short := 0
	if c.Short {
		short = 1
	}
	w.write(short, 1)
	w.write(0, 2) // no core coder, no extension
	return append(dst, w.bytes()...)
}
