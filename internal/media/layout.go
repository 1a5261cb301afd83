package media

import "time"

// Layout is the set of tracks in force, immutable. Every frame points to its layout, and a
// different pointer is the only signal that anything about the stream has changed; Since says
// what. Late joiners, new headers and new publishers are therefore one case.
type Layout struct {
	Tracks []*Track
	Meta   *Meta // nil where the publisher sent none

	Publisher uint64    // counts the publishers of the stream
	Offset    int64     // ns: the stream's time minus the publisher's own
	Wall      time.Time // wall-clock time of the stream's time zero; zero if not known
}

// Meta is what a publisher says of its stream as a whole, in its order.
type Meta struct {
	Fields []Field
}

// Field is one statement of a Meta. Value is a float64, bool, string, nil, []Field or []any.
type Field struct {
	Name  string
	Value any
}

// Get returns the value of the first field with that name, or nil.
func (m *Meta) Get(name string) any {
	if m == nil {
		return nil
	}
	for _, f := range m.Fields {
		if f.Name == name {
			return f.Value
		}
	}
	return nil
}

// Size returns about how many bytes of memory the layout holds.
func (l *Layout) Size() int {
	n := 0
	for _, t := range l.Tracks {
		n += len(t.Config) + len(t.Header)
	}
	if l.Meta != nil {
		n += valueSize(l.Meta.Fields)
	}
	return n
}

// valueSize returns about how many bytes a Field's value holds.
func valueSize(v any) int {
	const word = 16 // of an interface or a string
	n := word
	switch v := v.(type) {
	case string:
		n += len(v)
	case []Field:
		for _, f := range v {
			n += word + len(f.Name) + valueSize(f.Value)
		}
	case []any:
		for _, e := range v {
			n += valueSize(e)
		}
	}
	return n
}

// Change says what is different between two layouts.
type Change uint8

// The changes. Only Config and Publisher mean that a decoder must start anew.
//
// ChangePublisher is one splice, and no end. It comes with every publisher, whether it returned,
// took over, or came long after: the timeline goes on without a gap, but no picture behind the
// splice refers to one before it, and the publisher's own times have moved. So a playlist has
// one discontinuity there. Where the headers are equal there is no ChangeConfig: the same setup
// of the decoder serves both sides.
const (
	ChangeRepeat    Change = 1 << iota // a track's headers were sent again, and are equal
	ChangeMeta                         // another Meta
	ChangeConfig                       // tracks came, went, or need their decoders set up anew
	ChangePublisher                    // another publisher, or the same one again: a splice
	ChangeClock                        // the publisher's clock was corrected: Offset or Wall
)

// Cut reports whether what came before cannot be decoded on with what comes after.
func (c Change) Cut() bool { return c&(ChangeConfig|ChangePublisher) != 0 }

// Since says what has changed since prev; a nil prev is no tracks and no publisher.
func (l *Layout) Since(prev *Layout) Change {
	if l == prev {
		return 0
	}
	if prev == nil {
		prev = &Layout{}
	}
	var c Change
	if l.Publisher != prev.Publisher {
		c |= ChangePublisher
	}
	if l.Meta != prev.Meta {
		c |= ChangeMeta
	}
	if l.Offset != prev.Offset || !l.Wall.Equal(prev.Wall) {
		c |= ChangeClock
	}
	for i := range max(len(l.Tracks), len(prev.Tracks)) {
		c |= trackChange(l.track(i), prev.track(i))
	}
	return c
}

// track returns a track, or nil where there is none.
func (l *Layout) track(i int) *Track {
	if i < len(l.Tracks) {
		return l.Tracks[i]
	}
	return nil
}

// trackChange says what is different between two tracks in the same place. Data tracks have no
// decoders: they come and go without a change.
func trackChange(t, prev *Track) Change {
	data := func(t *Track) bool { return t == nil || t.Kind == Data }
	switch {
	case t == prev, data(t) && data(prev):
		return 0
	case t != nil && prev != nil && t.same(prev):
		return ChangeRepeat
	}
	return ChangeConfig
}

// First returns the index of the first track of that kind, or -1.
func (l *Layout) First(k Kind) int {
	for i, t := range l.Tracks {
		if t.Kind == k {
			return i
		}
	}
	return -1
}
