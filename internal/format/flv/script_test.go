package flv

import (
	"errors"
	"reflect"
	"testing"

	"weir/internal/format/amf0"
	"weir/internal/media"
)

func TestScript(t *testing.T) {
	want := &media.Meta{Fields: []media.Field{
		{Name: "width", Value: 1920.0},
		{Name: "stereo", Value: true},
		{Name: "encoder", Value: "obs"},
		{Name: "none", Value: nil},
		{Name: "videoTrackIdInfoMap", Value: []media.Field{{Name: "1", Value: []media.Field{{Name: "width", Value: 640.0}}}}},
		{Name: "times", Value: []any{0.0, 2.0, []media.Field{}}},
	}}
	name, values, err := ParseScript(Script(want))
	if err != nil || name != OnMetaData {
		t.Fatalf("ParseScript = %q, %v, %v", name, values, err)
	}
	if got := NewMeta(values); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if _, values, err := ParseScript(Script(nil)); err != nil || len(NewMeta(values).Fields) != 0 {
		t.Errorf("nil: %v, %v", values, err)
	}
}

func TestParseScript(t *testing.T) {
	object := amf0.Object{{Name: "a", Value: 1.0}}
	for name, c := range map[string]struct {
		values []any
		name   string
		rest   []any
		err    error
	}{
		"plain":      {[]any{"onMetaData", object}, "onMetaData", []any{object}, nil},
		"wrapped":    {[]any{"@setDataFrame", "onMetaData", object}, "onMetaData", []any{object}, nil},
		"name only":  {[]any{"onCuePoint"}, "onCuePoint", []any{}, nil},
		"wrap only":  {[]any{"@setDataFrame"}, "@setDataFrame", []any{}, nil},
		"no name":    {[]any{1.0}, "", nil, ErrMalformed},
		"wrapped no": {[]any{"@setDataFrame", 1.0}, "", nil, ErrMalformed},
		"nothing":    {nil, "", nil, ErrMalformed},
	} {
		got, rest, err := ParseScript(amf0.Append(nil, c.values...))
		if got != c.name || !errors.Is(err, c.err) || !reflect.DeepEqual(rest, c.rest) {
			t.Errorf("%s: %q, %v, %v", name, got, rest, err)
		}
	}
	damaged := append(amf0.Append(nil, "onMetaData", object), 0xff)
	if name, rest, err := ParseScript(damaged); name != OnMetaData || len(rest) != 1 || err == nil {
		t.Errorf("damaged: %q, %v, %v", name, rest, err)
	}
}

func TestNewMeta(t *testing.T) {
	if m := NewMeta([]any{"x", 1.0, nil}); m != nil {
		t.Errorf("no object: %+v", m)
	}
	m := NewMeta([]any{nil, amf0.ECMAArray{
		{Name: "date", Value: amf0.Date{Millis: 5}},
		{Name: "xml", Value: amf0.XML("<a/>")},
		{Name: "typed", Value: amf0.Typed{Class: "C", Object: amf0.Object{{Name: "n", Value: 1.0}}}},
		{Name: "undefined", Value: amf0.Undefined{}},
	}})
	want := []media.Field{
		{Name: "date", Value: 5.0},
		{Name: "xml", Value: "<a/>"},
		{Name: "typed", Value: []media.Field{{Name: "n", Value: 1.0}}},
		{Name: "undefined"},
	}
	if m == nil || !reflect.DeepEqual(m.Fields, want) {
		t.Errorf("got %+v", m)
	}
}
