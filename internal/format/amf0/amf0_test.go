package amf0

import (
	"encoding/hex"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
)

// cases maps a name to a value and, where it matters, its wire form in hexadecimal.
var cases = map[string]struct {
	value any
	wire  string
}{
	"number":      {1.0, "003ff0000000000000"},
	"negative":    {-0.5, "00bfe0000000000000"},
	"infinity":    {math.Inf(1), ""},
	"true":        {true, "0101"},
	"false":       {false, "0100"},
	"string":      {"live", "0200046c697665"},
	"empty":       {"", "020000"},
	"utf8":        {"流", "020003e6b581"},
	"long string": {strings.Repeat("x", 70000), ""},
	"null":        {nil, "05"},
	"undefined":   {Undefined{}, "06"},
	"xml":         {XML("<a/>"), "0f000000043c612f3e"},
	"date":        {Date{Millis: 1e12, Zone: -60}, "0b426d1a94a2000000ffc4"},
	"object":      {Object(props("a", 1.0, "b", "c")), "03" + "000161" + "003ff0000000000000" + "000162" + "02000163" + "000009"},
	"no fields":   {Object{}, "03000009"},
	"no name":     {Object(props("", true, "x", nil)), "03" + "00000101" + "00017805" + "000009"},
	"ecma array":  {ECMAArray(props("w", 2.0)), "0800000001" + "000177" + "004000000000000000" + "000009"},
	"array":       {[]any{nil, true, []any{}}, "0a00000003" + "05" + "0101" + "0a00000000"},
	"typed":       {Typed{Class: "C", Object: Object(props("n", nil))}, "10000143" + "00016e05" + "000009"},
	"amf3 bytes":  {[]byte{1, 2}, "110c050102"},
	"nested": {Object(props("list", []any{Object(props("k", ECMAArray{})), "v"}, "end", false)),
		""},
}

// props makes properties of names and values in turn.
func props(list ...any) []Property {
	p := []Property{}
	for i := 0; i < len(list); i += 2 {
		p = append(p, Property{Name: list[i].(string), Value: list[i+1]})
	}
	return p
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
		step := 1 + len(b)/1000
		for n := 0; n < len(b); n += step {
			if _, _, err := Parse(b[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s cut at %d: %v", name, n, err)
			}
		}
	}
}

func TestParseAll(t *testing.T) {
	b := Append(nil, "connect", 1, Object(props("app", "live")))
	got, err := ParseAll(b)
	want := []any{"connect", 1.0, Object(props("app", "live"))}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("ParseAll = %#v, %v", got, err)
	}
	got, err = ParseAll(append(b, 0xff))
	if !errors.Is(err, ErrMalformed) || !reflect.DeepEqual(got, want) {
		t.Errorf("with garbage: %#v, %v", got, err)
	}
	if got, err := ParseAll(nil); got != nil || err != nil {
		t.Errorf("of nothing: %v, %v", got, err)
	}
}

func TestParseOdd(t *testing.T) {
	for name, c := range map[string]struct {
		wire string
		want any
		err  error
	}{
		"count lies":         {"08ffffffff" + "00016105" + "000009", ECMAArray(props("a", nil)), nil},
		"unsupported":        {"0d", Undefined{}, nil},
		"boolean of two":     {"0102", true, nil},
		"amf3 integer":       {"110403", 3.0, nil},
		"amf3 object":        {"110a0b01" + "0361" + "0403" + "01", Object(props("a", 3.0)), nil},
		"reference":          {"070000", nil, ErrMalformed},
		"movie clip":         {"04", nil, ErrMalformed},
		"end alone":          {"09", nil, ErrMalformed},
		"marker":             {"ff", nil, ErrMalformed},
		"huge array":         {"0affffffff", nil, io.ErrUnexpectedEOF},
		"huge text":          {"0cffffffff61", nil, io.ErrUnexpectedEOF},
		"no end":             {"03" + "00016105", nil, io.ErrUnexpectedEOF},
		"ecma array, no end": {"0800000001" + "00016105", nil, io.ErrUnexpectedEOF},
	} {
		got, _, err := Parse(wire(t, c.wire))
		if !errors.Is(err, c.err) || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %#v, %v; want %#v, %v", name, got, err, c.want, c.err)
		}
	}
}

func TestBounds(t *testing.T) {
	deep := strings.Repeat("0a00000001", 32)
	if _, _, err := Parse(wire(t, deep+"05")); err != nil {
		t.Errorf("32 levels: %v", err)
	}
	if _, _, err := Parse(wire(t, deep+"0a00000000")); !errors.Is(err, ErrTooDeep) {
		t.Errorf("33 levels: %v", err)
	}
	many := make([]byte, 1<<18+1)
	for i := range many {
		many[i] = 0x05
	}
	if _, err := ParseAll(many); !errors.Is(err, ErrTooMany) {
		t.Errorf("many values: %v", err)
	}
	array := append([]byte{0x0a, 0, 4, 0, 1}, many...)
	if _, _, err := Parse(array); !errors.Is(err, ErrTooMany) {
		t.Errorf("long array: %v", err)
	}
	if _, err := ParseAll(Append(nil, strings.Repeat("x", 16<<20), "y")); !errors.Is(err, ErrTooMany) {
		t.Errorf("much text: %v", err)
	}
}

func TestAppendOther(t *testing.T) {
	b := Append(nil, 7, int8(7), int16(7), int32(7), int64(7), uint(7), uint8(7), uint16(7),
		uint32(7), uint64(7), float32(7))
	got, err := ParseAll(b)
	if err != nil || len(got) != 11 {
		t.Fatalf("%v, %v", got, err)
	}
	for _, v := range got {
		if v != 7.0 {
			t.Errorf("got %v", v)
		}
	}
	if b := Append(nil, struct{}{}, make(chan int)); string(b) != "\x06\x06" {
		t.Errorf("unknown types: %x", b)
	}
	if b := Append(nil, props("a", nil)); string(b) != string(Append(nil, Object(props("a", nil)))) {
		t.Errorf("properties: %x", b)
	}
	long := Object(props(strings.Repeat("n", 70000), true))
	v, _, err := Parse(Append(nil, long))
	if o, ok := v.(Object); err != nil || !ok || len(o) != 1 || len(o[0].Name) != 65535 {
		t.Errorf("long name: %v", err)
	}
}

func TestGet(t *testing.T) {
	o := Object(props("s", "x", "n", 2.0, "s", "y"))
	for name, g := range map[string]interface {
		Get(string) (any, bool)
		String(string) string
		Number(string) float64
	}{"object": o, "array": ECMAArray(o), "typed": Typed{Class: "C", Object: o}} {
		if v, ok := g.Get("s"); v != "x" || !ok {
			t.Errorf("%s: Get = %v, %v", name, v, ok)
		}
		if v, ok := g.Get("none"); v != nil || ok {
			t.Errorf("%s: Get = %v, %v", name, v, ok)
		}
		if g.String("s") != "x" || g.String("n") != "" || g.Number("n") != 2 || g.Number("s") != 0 {
			t.Errorf("%s: wrong field", name)
		}
	}
}

func FuzzParseAll(f *testing.F) {
	for _, c := range cases {
		if b := Append(nil, c.value); len(b) < 1000 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		values, err := ParseAll(b)
		wire := Append(nil, values...)
		if err != nil && len(values) == 0 {
			return
		}
		again, err := ParseAll(wire)
		if err != nil {
			t.Fatalf("ParseAll of our own %x: %v", wire, err)
		}
		if string(Append(nil, again...)) != string(wire) {
			t.Fatalf("%x is written as %x", wire, Append(nil, again...))
		}
	})
}

var connect = Append(nil, "connect", 1, Object(props("app", "live", "flashVer", "FMLE/3.0",
	"tcUrl", "rtmp://127.0.0.1/live", "fpad", false, "capabilities", 15, "audioCodecs", 4071)))

func BenchmarkParseAll(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(connect)))
	for b.Loop() {
		if _, err := ParseAll(connect); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	values, _ := ParseAll(connect)
	dst := make([]byte, 0, len(connect))
	b.ReportAllocs()
	b.SetBytes(int64(len(connect)))
	for b.Loop() {
		dst = Append(dst[:0], values...)
	}
}
