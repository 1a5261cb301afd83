package nal

import (
	"errors"
	"reflect"
	"slices"
	"testing"
)

// cases maps a name to a payload, the size of its lengths, and what it is.
var cases = map[string]struct {
	wire    string
	size    int
	packing Packing
	units   []string
}{
	"one":                       {"\x00\x00\x00\x02\x65\x01", 4, Normal, []string{"\x65\x01"}},
	"two":                       {"\x00\x00\x00\x01\x09\x00\x00\x00\x02\x41\x02", 4, Normal, []string{"\x09", "\x41\x02"}},
	"two bytes":                 {"\x00\x02\x65\x01\x00\x01\x09", 2, Lengths, []string{"\x65\x01", "\x09"}},
	"one byte":                  {"\x02\x65\x01\x01\x09", 1, Lengths, []string{"\x65\x01", "\x09"}},
	"empty unit":                {"\x00\x00\x00\x00\x00\x00\x00\x01\x09", 4, Lengths, []string{"\x09"}},
	"padded":                    {"\x00\x00\x00\x01\x09\x00\x00\x00", 4, Lengths, []string{"\x09"}},
	"start codes of 4":          {"\x00\x00\x00\x01\x09\xf0\x00\x00\x00\x01\x65\x88", 4, AnnexB, []string{"\x09\xf0", "\x65\x88"}},
	"start codes of 3":          {"\x00\x00\x01\x09\xf0\x00\x00\x01\x65\x88", 4, AnnexB, []string{"\x09\xf0", "\x65\x88"}},
	"mixed, zeros after":        {"\x00\x00\x00\x01\x67\x42\x00\x00\x01\x68\x00\x00\x00\x01\x65\x00\x00", 4, AnnexB, []string{"\x67\x42", "\x68", "\x65"}},
	"start code or length of 1": {"\x00\x00\x00\x01\x09", 4, Normal, []string{"\x09"}},
	"cut":                       {"\x00\x00\x00\x09\x65", 4, Damaged, nil},
	"nothing":                   {"", 4, Damaged, nil},
	"zeros":                     {"\x00\x00\x00\x00", 4, Damaged, nil},
}

func TestNormalize(t *testing.T) {
	for name, c := range cases {
		b := []byte(c.wire)
		if got := Detect(b, c.size); got != c.packing {
			t.Errorf("%s: packing %d; want %d", name, got, c.packing)
		}
		var units []string
		for u := range All(Normalize(b, c.size)) {
			units = append(units, string(u))
		}
		if !reflect.DeepEqual(units, c.units) {
			t.Errorf("%s: units %q; want %q", name, units, c.units)
		}
	}
}

func TestNormalizeIsNoCopy(t *testing.T) {
	b := Append(nil, []byte{0x65, 1}, []byte{0x41})
	if got := Normalize(b, 4); &got[0] != &b[0] {
		t.Error("copied")
	}
}

func TestSplit(t *testing.T) {
	units, err := Split(nil, []byte("\x00\x01\x09\x00\x05\x65"), 2)
	if !errors.Is(err, ErrDamaged) || len(units) != 1 {
		t.Errorf("damaged: %q, %v", units, err)
	}
	for range All([]byte{0, 0, 0, 9, 1}) {
		t.Error("a unit of damage")
	}
	for u := range All(Append(nil, []byte{1}, []byte{2})) {
		if u[0] != 1 {
			t.Error("goes on after break")
		}
		break
	}
}

func FuzzNormalize(f *testing.F) {
	for _, c := range cases {
		f.Add([]byte(c.wire), c.size)
	}
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		size = size&3 + 1
		before := slices.Clone(b)
		n := Normalize(b, size)
		if n != nil && Detect(n, 4) != Normal {
			t.Fatalf("%x is normalized to %x", b, n)
		}
		if !slices.Equal(before, b) {
			t.Fatal("input was changed")
		}
	})
}

func BenchmarkNormalize(b *testing.B) {
	wire := Append(nil, make([]byte, 20), make([]byte, 3000), make([]byte, 3000))
	b.ReportAllocs()
	for b.Loop() {
		Normalize(wire, 4)
	}
}
