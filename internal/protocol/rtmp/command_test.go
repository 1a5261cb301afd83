package rtmp

import (
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"weir/internal/format/amf0"
)

type commandCase struct {
	kind uint8
	body []byte
	want command // without a name: an error
}

// commands seeds FuzzCommand too.
var commands = map[string]commandCase{
	"play":         {amf0Command, amf0.Append(nil, "play", 4, nil, "s", -2000.0), command{"play", 4, []any{nil, "s", -2000.0}}},
	"AMF3":         {amf3Command, amf0.Append([]byte{0}, "play", 4, nil, "s"), command{"play", 4, []any{nil, "s"}}},
	"AMF3 as AMF0": {amf3Command, amf0.Append(nil, "play", 4, nil), command{"play", 4, []any{nil}}},
	"name alone":   {amf0Command, amf0.Append(nil, "_checkbw"), command{"_checkbw", 0, nil}},
	"no object":    {amf0Command, amf0.Append(nil, "_checkbw", 7), command{"_checkbw", 7, []any{}}},
	"odd number":   {amf0Command, amf0.Append(nil, "call", "7", nil), command{"call", 0, []any{nil}}},
	"empty":        {amf0Command, nil, command{}},
	"AMF3 empty":   {amf3Command, []byte{0}, command{}},
	"number first": {amf0Command, amf0.Append(nil, 1, "play"), command{}},
	"garbage":      {amf0Command, []byte{0x42, 1, 2}, command{}},
}

func TestCommand(t *testing.T) {
	for name, c := range commands {
		got, err := parseCommand(&message{kind: c.kind, body: c.body})
		if c.want.name == "" {
			if !errors.Is(err, errCommand) {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
		for n := range c.body { // what is whole counts, and nothing panics
			short, err := parseCommand(&message{kind: c.kind, body: c.body[:n]})
			if err == nil && short.name != c.want.name {
				t.Errorf("%s cut at %d: %+v", name, n, short)
			}
		}
	}
	c := command{args: []any{amf0.ECMAArray{{Name: "a", Value: 1.0}}, "s", 2.0}}
	if o, ok := c.object(0); !ok || o.Number("a") != 1 || c.text(1) != "s" || c.number(2) != 2 {
		t.Errorf("arguments of %v", c.args)
	}
	if _, ok := c.object(1); ok || c.text(9) != "" || c.number(9) != 0 || c.argument(9) != nil {
		t.Error("arguments that are not there")
	}
}

func TestPlayLength(t *testing.T) {
	for ms, want := range map[float64]time.Duration{
		0: 0, -1: 0, -2000: 0, 1500: 1500 * time.Millisecond, math.Inf(1): 0, math.Inf(-1): 0, 1e300: 0, math.NaN(): 0,
	} {
		if got := playLength(ms); got != want {
			t.Errorf("%v: %v, want %v", ms, got, want)
		}
	}
}

func FuzzCommand(f *testing.F) {
	for _, c := range commands {
		f.Add(c.kind == amf3Command, c.body)
	}
	f.Fuzz(func(t *testing.T, amf3 bool, body []byte) {
		m := message{kind: amf0Command, body: body}
		if amf3 {
			m.kind = amf3Command
		}
		c, err := parseCommand(&m)
		if err != nil {
			if !errors.Is(err, errCommand) {
				t.Error(err)
			}
			return
		}
		for n := range len(c.args) + 1 {
			c.text(n)
			c.number(n)
			c.object(n)
		}
		k, err := parseConnect(&c)
		if (err == nil) != (k.tcURL != "") {
			t.Errorf("%+v, %v", k, err)
		}
	})
}
