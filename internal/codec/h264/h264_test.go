package h264

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

// cases maps a name to a record as x264 writes it and what it says.
var cases = map[string]struct {
	wire string
	info media.Info
}{
	"high": {"0164000cffe1001a6764000cacd941419f9f011000000300100000030320f142996001000668ebe3cb22c0fdf8f800",
		media.Info{Profile: "High", Level: "1.2", Width: 320, Height: 180, FPS: 25}},
	"baseline": {"0142c00cffe100196742c00cd901419f9f011000000300100000030320f142a48001000568cb83cb20",
		media.Info{Profile: "Baseline(Constrained)", Level: "1.2", Width: 320, Height: 180, FPS: 25}},
	"ten bits": {"016e000cffe1001a676e000ca6cd941419f9f011000003000100000300320f14299601000668ebe3cb22c0fdfafa00",
		media.Info{Profile: "High(10)", Level: "1.2", Width: 320, Height: 180, FPS: 25}},
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
		if err != nil || config.LengthSize != 4 {
			t.Fatalf("%s: %+v, %v", name, config, err)
		}
		if got, err := AppendConfig(nil, config.SPS, config.PPS); err != nil || !bytes.Equal(got, b) {
			t.Errorf("%s: AppendConfig = %x, %v; want %x", name, got, err, b)
		}
		if info, err := Info(b); err != nil || info != c.info {
			t.Errorf("%s: %+v, %v; want %+v", name, info, err, c.info)
		}
		if _, err := ParseConfig(append(b, 1, 2, 3)); err != nil {
			t.Errorf("%s with bytes behind it: %v", name, err)
		}
		end := 0 // of the PPS
		for n := range b {
			if _, err := ParseConfig(b[:n]); err == nil {
				end = n
				break
			} else if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s cut at %d: %v", name, n, err)
			}
		}
		if end != 0 && len(b)-end != 4 {
			t.Errorf("%s cut at %d of %d: no error", name, end, len(b))
		}
	}
}

func TestConfigOdd(t *testing.T) {
	for name, c := range map[string]struct {
		wire string
		want error
	}{
		"lengths of 3":       {"0164000cfee10001670100016800", ErrConfig},
		"lengths of 2":       {"0164000cfde10001670100016800", nil},
		"lengths of 1":       {"0164000cfce10001670100016800", nil},
		"no PPS":             {"0164000cffe100016700", ErrConfig},
		"no SPS":             {"0164000cffe001000168", ErrConfig},
		"empty PPS":          {"0164000cffe1000167010000", ErrConfig},
		"reserved bits zero": {"0164000c030100016701000168", nil},
	} {
		if _, err := ParseConfig(unhex(t, c.wire)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v; want %v", name, err, c.want)
		}
	}
	info, err := Info(unhex(t, "0164001fffe1000567ffffffff01000168"))
	if !errors.Is(err, ErrConfig) || info.Profile != "High" || info.Level != "3.1" {
		t.Errorf("damaged SPS: %+v, %v", info, err)
	}
	sps, pps := [][]byte{{0x67, 1, 2, 3}}, [][]byte{{0x68}}
	for name, c := range map[string][2][][]byte{
		"no SPS": {nil, pps}, "no PPS": {sps, nil}, "short SPS": {{{0x67}}, pps},
		"long PPS": {sps, {make([]byte, 1<<16)}},
	} {
		if _, err := AppendConfig(nil, c[0], c[1]); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := LengthSize([]byte{1, 2}); n != 4 {
		t.Errorf("LengthSize of a cut record: %d", n)
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		idc, compat byte
		want        string
	}{
		{66, 0, "Baseline"}, {77, 0, "Main"}, {88, 0, "Extended"}, {110, 0x10, "High(10+Intra)"},
		{122, 0, "High(422)"}, {144, 0, "High(444)"}, {244, 0, "High(444+Predictive)"}, {1, 0, "Other"},
	} {
		if got := profile(c.idc, c.compat); got != c.want {
			t.Errorf("profile %d: %s", c.idc, got)
		}
	}
	for idc, want := range map[byte]string{10: "1", 13: "1.3", 30: "3", 51: "5.1", 0: "Other", 19: "Other", 255: "Other"} {
		if got := level(idc); got != want {
			t.Errorf("level %d: %s", idc, got)
		}
	}
}

func TestUnits(t *testing.T) {
	sps, pps, idr, slice := []byte{0x67, 1}, []byte{0x68, 2}, []byte{0x65, 3}, []byte{0x41, 4}
	key, inter := nal.Append(nil, sps, pps, idr), nal.Append(nil, slice)
	if !IsKey(key) || IsKey(inter) || IsKey(nil) {
		t.Error("IsKey is wrong")
	}
	s, p := ParameterSets(key)
	if !reflect.DeepEqual(s, [][]byte{sps}) || !reflect.DeepEqual(p, [][]byte{pps}) {
		t.Errorf("ParameterSets = %x, %x", s, p)
	}
	if Type(nil) != 0 {
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
		wire, err := AppendConfig(nil, c.SPS, c.PPS)
		if err != nil {
			return
		}
		if again, err := ParseConfig(wire); err != nil || !reflect.DeepEqual(again.SPS, c.SPS) || !reflect.DeepEqual(again.PPS, c.PPS) {
			t.Fatalf("%x is written as %x: %v", b, wire, err)
		}
	})
}
