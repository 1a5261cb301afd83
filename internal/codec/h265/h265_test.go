package h265

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"reflect"
	"testing"

	"weir/internal/codec/nal"
	"weir/internal/media"
)

// cases maps a name to a record as x265 writes it, less its SEI, and what it says.
var cases = map[string]struct {
	wire string
	info media.Info
}{
	"main": {"0101600000009000000000003cf000fcfdf8f800000f03" +
		"a00001001840010c01ffff01600000030090000003000003003c959809" +
		"a10001002b42010101600000030090000003000003003ca00a080b9f796566924caf016808000003000800000300c840" +
		"a2000100074401c172b46240",
		media.Info{Profile: "Main", Level: "2", Width: 320, Height: 180, FPS: 25}},
	"main10": {"0102200000009000000000003cf000fcfdfafa00000f03" +
		"a00001001840010c01ffff02200000030090000003000003003c959809" +
		"a10001002a42010102200000030090000003000003003ca00a080b9f6d96566924caf0168080000003008000000c84" +
		"a2000100074401c172b46240",
		media.Info{Profile: "Main10", Level: "2", Width: 320, Height: 180, FPS: 25}},
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
		config, err := ParseConfig(b)
		if err != nil || config.LengthSize != 4 || len(config.VPS) != 1 || len(config.SPS) != 1 || len(config.PPS) != 1 {
			t.Fatalf("%s: %+v, %v", name, config, err)
		}
		if info, err := Info(b); err != nil || info != c.info {
			t.Errorf("%s: %+v, %v; want %+v", name, info, err, c.info)
		}
		got, err := AppendConfig(nil, config.VPS, config.SPS, config.PPS)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range 3 { // x265 does not say that its arrays are complete
			at := bytes.Index(got[headSize:], []byte{0x80 | byte(TypeVPS+i), 0, 1, 0})
			if at < 0 {
				t.Fatalf("%s: no array of type %d in %x", name, TypeVPS+i, got)
			}
		}
		if !bytes.Equal(got, b) {
			t.Errorf("%s: AppendConfig =\n%x; want\n%x", name, got, b)
		}
		for n := range b {
			if _, err := ParseConfig(b[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s cut at %d: %v", name, n, err)
			}
		}
		if _, err := ParseConfig(append(b, 1, 2)); err != nil {
			t.Errorf("%s with bytes behind it: %v", name, err)
		}
	}
}

func TestConfigOdd(t *testing.T) {
	b := unhex(t, cases["main"].wire)
	b[21] = b[21]&^3 | 2
	if _, err := ParseConfig(b); !errors.Is(err, ErrConfig) {
		t.Errorf("lengths of 3: %v", err)
	}
	b[21] &^= 3
	if c, err := ParseConfig(b); err != nil || c.LengthSize != 1 || LengthSize(b) != 1 {
		t.Errorf("lengths of 1: %+v, %v", c, err)
	}
	b[22] = 2
	if _, err := ParseConfig(b); !errors.Is(err, ErrConfig) {
		t.Errorf("no PPS: %v", err)
	}
	if LengthSize(b[:5]) != 4 {
		t.Error("LengthSize of a cut record")
	}
	unit := [][]byte{{0x42}}
	for name, c := range map[string][3][][]byte{
		"no VPS": {nil, unit, unit}, "short SPS": {unit, unit, unit},
		"long PPS": {unit, unit, {make([]byte, 1<<16)}},
	} {
		if _, err := AppendConfig(nil, c[0], c[1], c[2]); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNames(t *testing.T) {
	for idc, want := range map[byte]string{1: "Main", 3: "Main Still Picture", 4: "Rext", 9: "Other"} {
		if got := profile(idc); got != want {
			t.Errorf("profile %d: %s", idc, got)
		}
	}
	for idc, want := range map[byte]string{30: "1", 93: "3.1", 120: "4", 153: "5.1", 186: "6.2", 0: "Other", 94: "Other"} {
		if got := level(idc); got != want {
			t.Errorf("level %d: %s", idc, got)
		}
	}
}

func TestUnits(t *testing.T) {
	vps, sps, pps := []byte{0x40, 1}, []byte{0x42, 1}, []byte{0x44, 1}
	key := nal.Append(nil, vps, sps, pps, []byte{0x26, 1})
	if !IsKey(key) || !IsKey(nal.Append(nil, []byte{0x2a, 1})) || IsKey(nal.Append(nil, []byte{0x02, 1})) {
		t.Error("IsKey is wrong")
	}
	v, s, p := ParameterSets(key)
	if !reflect.DeepEqual([][][]byte{v, s, p}, [][][]byte{{vps}, {sps}, {pps}}) {
		t.Errorf("ParameterSets = %x, %x, %x", v, s, p)
	}
	if Type(nil) != typeNone {
		t.Error("an empty unit has a type")
	}
}

func FuzzInfo(f *testing.F) {
	for _, c := range cases {
		f.Add(unhex(f, c.wire))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = Info(b)
		c, err := ParseConfig(b)
		if err != nil {
			return
		}
		wire, err := AppendConfig(nil, c.VPS, c.SPS, c.PPS)
		if err != nil {
			return
		}
		if again, err := ParseConfig(wire); err != nil || !reflect.DeepEqual(again.SPS, c.SPS) || !reflect.DeepEqual(again.PPS, c.PPS) {
			t.Fatalf("%x is written as %x: %v", b, wire, err)
		}
	})
}
