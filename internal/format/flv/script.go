package flv

import (
	"fmt"
	"slices"

	"weir/internal/format/amf0"
	"weir/internal/media"
)

// Names of data messages.
const (
	OnMetaData   = "onMetaData"
	setDataFrame = "@setDataFrame" // around a message that an encoder wants kept for late joiners
)

// Script returns the body of an onMetaData message: its name, and m as an object. A nil m is
// an empty object.
func Script(m *media.Meta) []byte {
	var fields []media.Field
	if m != nil {
		fields = m.Fields
	}
	return amf0.Append(nil, OnMetaData, amf0.Object(properties(fields)))
}

// Announcement is Script as players get it, from a server of that name and version: with these, in place of those that the
// publisher's has, and without a duration, which no live stream has.
func Announcement(m *media.Meta, server, version string) []byte {
	out := &media.Meta{}
	if m != nil {
		out.Fields = slices.DeleteFunc(slices.Clone(m.Fields), func(f media.Field) bool {
			return f.Name == "duration" || f.Name == "server" || f.Name == "server_version"
		})
	}
	out.Fields = append(out.Fields, media.Field{Name: "server", Value: server}, media.Field{Name: "server_version", Value: version})
	return Script(out)
}

// ParseScript reads a data message: its name, and the values that follow. The wrapper
// @setDataFrame is taken off. With an error in the values come those before it.
func ParseScript(body []byte) (name string, values []any, err error) {
	values, err = amf0.ParseAll(body)
	if len(values) > 1 && values[0] == setDataFrame {
		values = values[1:]
	}
	if len(values) > 0 {
		if name, ok := values[0].(string); ok {
			return name, values[1:], err
		}
	}
	if err == nil {
		err = fmt.Errorf("%w: a data message without a name", ErrMalformed)
	}
	return "", nil, err
}

// NewMeta returns what the first object or array among values says, or nil if there is none.
func NewMeta(values []any) *media.Meta {
	for _, v := range values {
		if fields, ok := field(v).([]media.Field); ok {
			return &media.Meta{Fields: fields}
		}
	}
	return nil
}

// field returns an AMF value as a media.Field has it. Dates are their milliseconds; what
// cannot be said is null.
func field(v any) any {
	switch v := v.(type) {
	case float64, bool, string:
		return v
	case amf0.XML:
		return string(v)
	case amf0.Date:
		return v.Millis
	case amf0.Object:
		return fields(v)
	case amf0.ECMAArray:
		return fields(v)
	case amf0.Typed:
		return fields(v.Object)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = field(v[i])
		}
		return list
	}
	return nil
}

func fields(props []amf0.Property) []media.Field {
	list := make([]media.Field, len(props))
	for i, p := range props {
		list[i] = media.Field{Name: p.Name, Value: field(p.Value)}
	}
	return list
}

// property returns a value of a media.Field as AMF has it.
func property(v any) any {
	switch v := v.(type) {
	case []media.Field:
		return amf0.Object(properties(v))
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = property(v[i])
		}
		return list
	}
	return v
}

func properties(fields []media.Field) []amf0.Property {
	list := make([]amf0.Property, len(fields))
	for i, f := range fields {
		list[i] = amf0.Property{Name: f.Name, Value: property(f.Value)}
	}
	return list
}
