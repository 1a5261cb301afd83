package amf0

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"weir/internal/format/amf3"
)

// What may be wrong with input, besides a cut, which is io.ErrUnexpectedEOF.
var (
	ErrTooDeep   = amf3.ErrTooDeep // more than 32 objects and arrays inside each other
	ErrTooMany   = amf3.ErrTooMany // too many values, or too many bytes of text
	ErrMalformed = errors.New("amf0: malformed")
)

// Parse reads one value and returns what follows it. Strings are copies.
func Parse(b []byte) (v any, rest []byte, err error) {
	p := parser{b: b, left: amf3.NewBudget()}
	if v, err = p.value(); err != nil {
		return nil, nil, p.at(len(b), err)
	}
	return v, p.b, nil
}

// ParseAll reads values up to the end of b. With an error come the values before it.
func ParseAll(b []byte) ([]any, error) {
	p := parser{b: b, left: amf3.NewBudget()}
	var values []any
	for len(p.b) > 0 {
		v, err := p.value()
		if err != nil {
			return values, p.at(len(b), err)
		}
		values = append(values, v)
	}
	return values, nil
}

type parser struct {
	b    []byte
	left amf3.Budget
}

func (p *parser) at(size int, err error) error {
	return fmt.Errorf("amf0: at byte %d: %w", size-len(p.b), err)
}

// value reads a marker and what it announces.
func (p *parser) value() (any, error) {
	if err := p.left.Spend(1, 0); err != nil {
		return nil, err
	}
	m, err := p.take(1)
	if err != nil {
		return nil, err
	}
	switch m[0] {
	case markNumber:
		return p.number()
	case markBoolean:
		b, err := p.take(1)
		return err == nil && b[0] != 0, err
	case markString:
		return p.short()
	case markLongString:
		return p.long()
	case markXML:
		s, err := p.long()
		return XML(s), err
	case markNull:
		return nil, nil
	case markUndefined, markUnsupported:
		return Undefined{}, nil
	case markDate:
		return p.date()
	case markAMF3:
		v, rest, err := amf3.ParseWithin(p.b, &p.left)
		if err == nil {
			p.b = rest
		}
		return v, err
	case markReference: // to an object sent before: no encoder of media does this
		return nil, fmt.Errorf("%w: reference", ErrMalformed)
	}
	return p.nested(m[0])
}

// nested reads a value that holds others.
func (p *parser) nested(mark byte) (any, error) {
	if err := p.left.Enter(); err != nil {
		return nil, err
	}
	defer p.left.Leave()
	switch mark {
	case markObject:
		props, err := p.properties()
		return Object(props), err
	case markECMAArray:
		if _, err := p.take(4); err != nil { // a count, often wrong: the end marker decides
			return nil, err
		}
		props, err := p.properties()
		return ECMAArray(props), err
	case markTyped:
		class, err := p.short()
		if err != nil {
			return nil, err
		}
		props, err := p.properties()
		return Typed{Class: class, Object: props}, err
	case markStrictArray:
		return p.array()
	}
	return nil, fmt.Errorf("%w: marker %#02x", ErrMalformed, mark)
}

// properties reads up to the end of an object:
//
//	| length u16 | name | value |  ...  | 0 u16 | end 0x09 |
//
// Spec: AMF 0, 2.5.
func (p *parser) properties() ([]Property, error) {
	props := []Property{}
	for {
		name, err := p.short()
		if err != nil {
			return nil, err
		}
		if name == "" && len(p.b) > 0 && p.b[0] == markObjectEnd {
			p.b = p.b[1:]
			return props, nil
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		props = append(props, Property{Name: name, Value: v})
	}
}

// array reads | count u32 | values |. Spec: AMF 0, 2.12.
func (p *parser) array() (any, error) {
	b, err := p.take(4)
	if err != nil {
		return nil, err
	}
	count := binary.BigEndian.Uint32(b)
	if uint64(count) > uint64(len(p.b)) { // each takes a byte at least
		return nil, io.ErrUnexpectedEOF
	}
	if int(count) > p.left.Values {
		return nil, ErrTooMany
	}
	list := make([]any, count)
	for i := range list {
		if list[i], err = p.value(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// take returns the next n bytes of input.
func (p *parser) take(n int) ([]byte, error) {
	if n > len(p.b) {
		return nil, io.ErrUnexpectedEOF
	}
	b := p.b[:n]
	p.b = p.b[n:]
	return b, nil
}

func (p *parser) number() (float64, error) {
	b, err := p.take(8)
	if err != nil {
		return 0, err
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
}

// date reads | milliseconds f64 | zone i16 |. Spec: AMF 0, 2.13.
func (p *parser) date() (any, error) {
	ms, err := p.number()
	if err != nil {
		return nil, err
	}
	zone, err := p.take(2)
	if err != nil {
		return nil, err
	}
	return Date{Millis: ms, Zone: int16(binary.BigEndian.Uint16(zone))}, nil
}

// short reads | length u16 | UTF-8 |.
func (p *parser) short() (string, error) {
	b, err := p.take(2)
	if err != nil {
		return "", err
	}
	return p.text(uint32(binary.BigEndian.Uint16(b)))
}

// long reads | length u32 | UTF-8 |.
func (p *parser) long() (string, error) {
	b, err := p.take(4)
	if err != nil {
		return "", err
	}
	return p.text(binary.BigEndian.Uint32(b))
}

func (p *parser) text(n uint32) (string, error) {
	if uint64(n) > uint64(len(p.b)) {
		return "", io.ErrUnexpectedEOF
	}
	b, _ := p.take(int(n))
	return string(b), p.left.Spend(0, len(b))
}
