package amf3

import (
	"encoding/hex"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

// cases maps a name to a value and, where it matters, its wire form in hexadecimal.
var cases = map[string]struct {
	value any
	wire  string
}{
	"undefined":  {Undefined{}, "00"},
	"null":       {nil, "01"},
	"false":      {false, "02"},
	"true":       {true, "03"},
	"zero":       {0.0, "0400"},
	"one byte":   {127.0, "047f"},
	"two bytes":  {128.0, "048100"},
	"three":      {16384.0, "04818000"},
	"four":       {2097152.0, "0480c08000"},
	"minus one":  {-1.0, "04ffffffff"},
	"largest":    {268435455.0, "04bfffffff"},
	"smallest":   {-268435456.0, "04c0808000"},
	"too large":  {268435456.0, "0541b0000000000000"},
	"fraction":   {0.5, "053fe0000000000000"},
	"minus zero": {math.Copysign(0, -1), "058000000000000000"},
	"string":     {"abc", "0607616263"},
	"empty":      {"", "0601"},
	"xml":        {XML("<a/>"), "0b093c612f3e"},
	"date":       {Date{Millis: 1e12}, "0801426d1a94a2000000"},
	"array":      {[]any{1.0, nil}, "0905010401" + "01"},
	"named":      {ECMAArray{{"k", true}}, "0901036b0301"},
	"object":     {Object{{"a", 1.0}}, "0a0b01" + "03610401" + "01"},
	"class":      {Typed{"C", Object{{"a", nil}}}, "0a0b0343" + "036101" + "01"},
	"bytes":      {[]byte{9, 8}, "0c050908"},
	"nested":     {[]any{Object{{"x", []any{}}}, ECMAArray{{"y", Object{}}}}, ""},
}

func wire(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestValues(t *testing.T) {
	for name, c := range cases {
		b := Append(nil, c.value)
		if c.wire != "" && hex.EncodeToString(b) != c.wire {
			t.Errorf("%s: Append = %x; want %s", name, b, c.wire)
		}
		got, rest, err := Parse(append(b, 0xaa))
		if err != nil || len(rest) != 1 || !reflect.DeepEqual(got, c.value) {
			t.Errorf("%s: Parse = %#v, %x, %v", name, got, rest, err)
		}
		for n := range b {
			if _, _, err := Parse(b[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s cut at %d: %v", name, n, err)
			}
		}
	}
}

func TestParseOdd(t *testing.T) {
	for name, c := range map[string]struct {
		wire string
		want any
		err  error
	}{
		"string again":   {"090501" + "060361" + "0600", []any{"a", "a"}, nil},
		"array again":    {"090501" + "090101" + "0902", []any{[]any{}, []any{}}, nil},
		"traits":         {"090501" + "0a1301" + "036104010a01" + "0402", []any{Object{{"a", 1.0}}, Object{{"a", 2.0}}}, nil},
		"sealed, more":   {"0a1b01" + "0361" + "0401" + "03620402" + "01", Object{{"a", 1.0}, {"b", 2.0}}, nil},
		"mixed array":    {"0903" + "036b03" + "01" + "02", ECMAArray{{"k", true}, {"0", false}}, nil},
		"xml document":   {"070361", XML("a"), nil},
		"no string":      {"0600", nil, ErrMalformed},
		"no object":      {"0902", nil, ErrMalformed},
		"itself":         {"0903010900", nil, ErrMalformed},
		"no traits":      {"0a01", nil, ErrMalformed},
		"externalizable": {"0a0703430102", nil, ErrMalformed},
		"vector":         {"0d0100", nil, ErrMalformed},
		"marker":         {"ff", nil, ErrMalformed},
		"many names":     {"0affffff7b01", nil, ErrTooMany},
		"huge array":     {"09ffffffff01", nil, io.ErrUnexpectedEOF},
		"huge string":    {"06ffffffff61", nil, io.ErrUnexpectedEOF},
	} {
		got, _, err := Parse(wire(t, c.wire))
		if !errors.Is(err, c.err) || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %#v, %v; want %#v, %v", name, got, err, c.want, c.err)
		}
	}
}

func TestBounds(t *testing.T) {
	deep := strings.Repeat("090301", 32)
	if _, _, err := Parse(wire(t, deep+"01")); err != nil {
		t.Errorf("32 levels: %v", err)
	}
	if _, _, err := Parse(wire(t, deep+"090101")); !errors.Is(err, ErrTooDeep) {
		t.Errorf("33 levels: %v", err)
	}
	// Each of 40 arrays holds the one before it twice: 2^40 values if they were written out.
	bomb := []byte{markArray, 41<<1 | 1, 1, markArray, 1, 1}
	for i := range byte(40) {
		bomb = append(bomb, markArray, 2<<1|1, 1, markArray, (i+1)<<1, markArray, (i+1)<<1)
	}
	if _, _, err := Parse(bomb); !errors.Is(err, ErrTooMany) {
		t.Errorf("references cost nothing: %v", err)
	}
	// Forty arrays in each other by way of references.
	chain := []byte{markArray, 41<<1 | 1, 1, markArray, 1, 1}
	for i := range byte(40) {
		chain = append(chain, markArray, 1<<1|1, 1, markArray, (i+1)<<1)
	}
	if _, _, err := Parse(chain); !errors.Is(err, ErrTooDeep) {
		t.Errorf("references cost no depth: %v", err)
	}
	// One string of 1 MiB, referred to twenty times.
	text := appendText([]byte{9, 21<<1 | 1, 1, markString}, strings.Repeat("x", 1<<20))
	for range 20 {
		text = append(text, markString, 0)
	}
	if _, _, err := Parse(text); !errors.Is(err, ErrTooMany) {
		t.Errorf("text again and again: %v", err)
	}
}

func TestDate(t *testing.T) {
	if got := (Date{Millis: 1500}).Time(); !got.Equal(time.UnixMilli(1500)) {
		t.Errorf("got %v", got)
	}
	if !(Date{Millis: math.NaN()}).Time().IsZero() {
		t.Error("NaN is a time")
	}
}

func TestAppendOther(t *testing.T) {
	if b := Append(nil, struct{}{}); string(b) != "\x00" {
		t.Errorf("unknown type: %x", b)
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range cases {
		f.Add(Append(nil, c.value))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, _, err := Parse(b)
		if err != nil {
			return
		}
		wire := Append(nil, v)
		again, rest, err := Parse(wire)
		if err != nil || len(rest) > 0 {
			t.Fatalf("Parse of our own %x: %x, %v", wire, rest, err)
		}
		if string(Append(nil, again)) != string(wire) {
			t.Fatalf("%x is written as %x", wire, Append(nil, again))
		}
	})
}

func BenchmarkParse(b *testing.B) {
	wire := Append(nil, Object{{"app", "live"}, {"flags", 15.0}, {"list", []any{true, 0.5, "x"}}})
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Parse(wire); err != nil {
			b.Fatal(err)
		}
	}
}
