package amf3

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
)

// ErrMalformed is input that is not AMF3, or a part of it that nobody sends.
var ErrMalformed = errors.New("amf3: malformed")

// Type markers. Spec: AMF 3, 3.1.
const (
	markUndefined = iota
	markNull
	markFalse
	markTrue
	markInteger
	markDouble
	markString
	markXMLDoc
	markDate
	markArray
	markObject
	markXML
	markByteArray
)

// Parse reads one value and returns what follows it. Strings are copies. A cut is
// io.ErrUnexpectedEOF.
func Parse(b []byte) (v any, rest []byte, err error) {
	left := NewBudget()
	return ParseWithin(b, &left)
}

// ParseWithin is Parse for a value that is part of a larger message with a budget of its own.
func ParseWithin(b []byte, left *Budget) (v any, rest []byte, err error) {
	p := parser{b: b, left: left}
	if v, err = p.value(); err != nil {
		return nil, nil, fmt.Errorf("amf3: at byte %d: %w", len(b)-len(p.b), err)
	}
	return v, p.b, nil
}

// A parser lives for one top-level value: its three tables start empty with it.
type parser struct {
	b       []byte
	left    *Budget
	height  int // levels below the complex value being read
	strings []string
	traits  []traits
	objects []object
}

// value reads a marker and what it announces.
func (p *parser) value() (any, error) {
	if err := p.left.Spend(1, 0); err != nil {
		return nil, err
	}
	mark, err := p.u8()
	if err != nil {
		return nil, err
	}
	switch mark {
	case markUndefined:
		return Undefined{}, nil
	case markNull:
		return nil, nil
	case markFalse, markTrue:
		return mark == markTrue, nil
	case markInteger:
		n, err := p.u29()
		return float64(int32(n<<3) >> 3), err // 29 bits with a sign
	case markDouble:
		return p.double()
	case markString:
		return p.string()
	case markXMLDoc, markXML, markDate, markArray, markObject, markByteArray:
		return p.complex(mark)
	}
	return nil, fmt.Errorf("%w: marker %#02x", ErrMalformed, mark)
}

func (p *parser) u8() (byte, error) {
	if len(p.b) == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	v := p.b[0]
	p.b = p.b[1:]
	return v, nil
}

// u29 reads an integer of 29 bits: seven bits a byte, high bits first, the top bit says that
// more follow, and a fourth byte gives all its eight. Spec: AMF 3, 1.3.1.
func (p *parser) u29() (uint32, error) {
	var n uint32
	for range 3 {
		c, err := p.u8()
		if err != nil {
			return 0, err
		}
		n = n<<7 | uint32(c&0x7f)
		if c < 0x80 {
			return n, nil
		}
	}
	c, err := p.u8()
	return n<<8 | uint32(c), err
}

func (p *parser) double() (float64, error) {
	if len(p.b) < 8 {
		p.b = nil
		return 0, io.ErrUnexpectedEOF
	}
	v := math.Float64frombits(binary.BigEndian.Uint64(p.b))
	p.b = p.b[8:]
	return v, nil
}

// bytes takes n bytes of input and of the budget.
func (p *parser) bytes(n uint32) ([]byte, error) {
	if uint64(n) > uint64(len(p.b)) {
		return nil, io.ErrUnexpectedEOF
	}
	v := p.b[:n]
	p.b = p.b[n:]
	return v, p.left.Spend(0, len(v))
}

// string reads a string, or a reference to one sent earlier:
//
//	| length u28, 1 u1 | UTF-8 |    or    | index u28, 0 u1 |
//
// The empty string is never referred to. Spec: AMF 3, 1.3.2.
func (p *parser) string() (string, error) {
	n, err := p.u29()
	if err != nil {
		return "", err
	}
	if n&1 == 0 {
		if i := int(n >> 1); i < len(p.strings) {
			return p.strings[i], p.left.Spend(0, len(p.strings[i]))
		}
		return "", fmt.Errorf("%w: no string %d", ErrMalformed, n>>1)
	}
	b, err := p.bytes(n >> 1)
	if err != nil || len(b) == 0 {
		return "", err
	}
	s := string(b)
	p.strings = append(p.strings, s)
	return s, nil
}

// array reads the named elements and then the dense ones. Without names it is a []any;
// otherwise the dense ones are named by their index. Spec: AMF 3, 3.11.
func (p *parser) array(count uint32) (any, error) {
	props, err := p.properties(nil)
	if err != nil {
		return nil, err
	}
	if uint64(count) > uint64(len(p.b)) { // each takes a byte at least
		return nil, io.ErrUnexpectedEOF
	}
	list := []any{}
	for i := range count {
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		if len(props) > 0 {
			props = append(props, Property{strconv.Itoa(int(i)), v})
		} else {
			list = append(list, v)
		}
	}
	if len(props) > 0 {
		return ECMAArray(props), nil
	}
	return list, nil
}

// properties reads names and values up to the empty name.
func (p *parser) properties(props []Property) ([]Property, error) {
	for {
		name, err := p.string()
		if err != nil || name == "" {
			return props, err
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		props = append(props, Property{name, v})
	}
}
