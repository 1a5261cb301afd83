package av1

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"testing"

	"weir/internal/media"
)

// cases maps a name to a record and what it says.
var cases = map[string]struct {
	wire string
	info media.Info
}{
	"libaom":      {"81000c000a0b000000043cfeccdaf90040", media.Info{Profile: "Main", Level: "2.0", Width: 320, Height: 180}},
	"no sequence": {"81096c00", media.Info{Profile: "Main", Level: "4.1"}},
	"other":       {"817f0000", media.Info{Profile: "Other", Level: "Other"}},
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestConfig(t *testing.T) {
	for name, c := range cases {
		b := unhex(t, c.wire)
		if info, err := Info(b); err != nil || info != c.info {
			t.Errorf("%s: %+v, %v; want %+v", name, info, err, c.info)
		}
		for n := range b[:4] {
			if _, err := ParseConfig(b[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s cut at %d: %v", name, n, err)
			}
		}
		for n := range b {
			_, _ = Info(b[:n])
		}
	}
	b := unhex(t, cases["libaom"].wire)
	c, err := ParseConfig(b)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := AppendConfig(nil, c.Sequence); err != nil || !bytes.Equal(got, b) {
		t.Errorf("AppendConfig = %x, %v; want %x", got, err, b)
	}
	bare := append([]byte{0x08}, c.Sequence[2:]...) // the same without a size
	if got, err := AppendConfig(nil, bare); err != nil || !bytes.Equal(got, b) {
		t.Errorf("without a size: %x, %v; want %x", got, err, b)
	}
	for name, obu := range map[string]string{"nothing": "", "a delimiter": "1200", "cut": "0a0b00", "empty": "0a00"} {
		if _, err := AppendConfig(nil, unhex(t, obu)); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParseConfig([]byte{1, 0, 0, 0}); !errors.Is(err, ErrConfig) {
		t.Errorf("version: %v", err)
	}
}

func TestOBU(t *testing.T) {
	unit := unhex(t, "1200"+"0a0b000000043cfeccdaf90040"+"3201aa")
	trimmed := TrimDelimiter(unit)
	if !bytes.Equal(trimmed, unit[2:]) {
		t.Errorf("TrimDelimiter = %x", trimmed)
	}
	if got := Sequence(unit); !bytes.Equal(got, unit[2:15]) || !IsKey(unit) {
		t.Errorf("Sequence = %x", got)
	}
	if IsKey(unhex(t, "3201aa")) || IsKey(nil) {
		t.Error("a key without a sequence header")
	}
	var types []byte
	for u := range All(append(unit, 0x32, 0x7f)) { // the last one is cut
		types = append(types, Type(u))
	}
	if string(types) != "\x02\x01\x06" {
		t.Errorf("types %v", types)
	}
	if got := TrimDelimiter([]byte{0x12}); len(got) != 1 {
		t.Errorf("a cut delimiter: %x", got)
	}
}

func FuzzInfo(f *testing.F) {
	for _, c := range cases {
		f.Add(unhex(f, c.wire))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = Info(b)
		TrimDelimiter(b)
		wire, err := AppendConfig(nil, Sequence(b))
		if err != nil {
			return
		}
		if c, err := ParseConfig(wire); err != nil || c.Sequence == nil {
			t.Fatalf("%x is written as %x: %v", b, wire, err)
		}
	})
}
