package amf3

import (
	"fmt"
	"slices"
)

// object is an entry of the table of objects: what a reference gives, and what it costs.
type object struct {
	value         any
	done          bool // false while it is being read: a reference to it would be a loop
	height        int  // levels of objects and arrays, itself included
	values, bytes int
}

// traits is the shape of a class: its sealed names come once, its objects bring the values.
type traits struct {
	class   string
	dynamic bool
	names   []string
}

const maxNames = 1 << 12 // sealed names of one class

// complex reads a value that has a place in the table of objects, or a reference to one:
//
//	| type's own u28, 1 u1 | ...    or    | index u28, 0 u1 |
func (p *parser) complex(mark byte) (any, error) {
	n, err := p.u29()
	if err != nil {
		return nil, err
	}
	if n&1 == 0 {
		return p.refer(n >> 1)
	}
	if err := p.left.Enter(); err != nil {
		return nil, err
	}
	defer p.left.Leave()

	at := len(p.objects)
	p.objects = append(p.objects, object{})
	before, outer := *p.left, p.height
	p.height = 0
	v, err := p.fresh(mark, n>>1)
	if err != nil {
		return nil, err
	}
	p.objects[at] = object{v, true, p.height + 1, before.Values - p.left.Values, before.Bytes - p.left.Bytes}
	p.height = max(outer, p.height+1)
	return v, nil
}

// refer gives an earlier value again.
func (p *parser) refer(i uint32) (any, error) {
	if uint64(i) >= uint64(len(p.objects)) || !p.objects[i].done {
		return nil, fmt.Errorf("%w: no object %d", ErrMalformed, i)
	}
	o := &p.objects[i]
	if o.height > p.left.Depth {
		return nil, ErrTooDeep
	}
	p.height = max(p.height, o.height)
	return o.value, p.left.Spend(o.values, o.bytes)
}

// fresh reads a value that is no reference. N is what stands beside the flag.
func (p *parser) fresh(mark byte, n uint32) (any, error) {
	switch mark {
	case markArray:
		return p.array(n)
	case markObject:
		return p.object(n)
	case markDate:
		ms, err := p.double()
		return Date{Millis: ms}, err
	case markByteArray:
		b, err := p.bytes(n)
		return slices.Clone(b), err
	}
	b, err := p.bytes(n)
	return XML(b), err
}

// object reads the traits, or a reference to earlier ones, then the values:
//
//	| index u27, 0 u1 (1)                         traits sent earlier
//	| names u25, dynamic u1, 0 u1, 1 u1 (1)       then the class's name and the names
//	| ..., 1 u1, 1 u1 (1)                         externalizable: no telling where it ends
//
// N comes without its lowest bit. Spec: AMF 3, 3.12.
func (p *parser) object(n uint32) (any, error) {
	t, err := p.shape(n)
	if err != nil {
		return nil, err
	}
	props := []Property{}
	for _, name := range t.names {
		if err := p.left.Spend(0, len(name)); err != nil {
			return nil, err
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		props = append(props, Property{name, v})
	}
	if t.dynamic {
		if props, err = p.properties(props); err != nil {
			return nil, err
		}
	}
	if t.class != "" {
		return Typed{t.class, props}, p.left.Spend(0, len(t.class))
	}
	return Object(props), nil
}

func (p *parser) shape(n uint32) (traits, error) {
	switch {
	case n&1 == 0:
		if i := int(n >> 1); i < len(p.traits) {
			return p.traits[i], nil
		}
		return traits{}, fmt.Errorf("%w: no traits %d", ErrMalformed, n>>1)
	case n&2 != 0:
		return traits{}, fmt.Errorf("%w: externalizable object", ErrMalformed)
	case n>>3 > maxNames:
		return traits{}, ErrTooMany
	}
	class, err := p.string()
	if err != nil {
		return traits{}, err
	}
	t := traits{class: class, dynamic: n&4 != 0}
	for range n >> 3 {
		name, err := p.string()
		if err != nil {
			return traits{}, err
		}
		t.names = append(t.names, name)
	}
	p.traits = append(p.traits, t)
	return t, nil
}
