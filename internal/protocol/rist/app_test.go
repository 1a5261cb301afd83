package rist

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// apps are APP packets; the fuzz target begins with them.
var apps = map[string]app{
	"nothing asked":  {subtype: appNACK, ssrc: 0x12345678},
	"one":            {subtype: appNACK, ssrc: 2, runs: []run{{7, 0}}},
	"ranges":         {subtype: appNACK, ssrc: 2, runs: []run{{7, 3}, {65535, 1}, {100, 65535}}},
	"echo":           {subtype: appEchoRequest, ssrc: 1<<32 - 1, echo: echo{stamp: 1<<63 + 5}},
	"padded echo":    {subtype: appEchoRequest, ssrc: 4, echo: echo{stamp: 6, padding: 100}},
	"echo back":      {subtype: appEchoResponse, ssrc: 4, echo: echo{stamp: 6, delay: 250 * time.Microsecond}},
	"slow echo back": {subtype: appEchoResponse, ssrc: 4, echo: echo{delay: (1<<32 - 1) * time.Microsecond, padding: 4}},
}

func TestApp(t *testing.T) {
	for name, want := range apps {
		wire := appendApp([]byte("before"), want)[6:]
		if got, err := parseApp(wire); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
		}
		var h rtcp.Header
		if err := h.Unmarshal(wire); err != nil || h.Type != 204 || h.Count != want.subtype || int(h.Length)*4+4 != len(wire) {
			t.Errorf("%s: header %+v, %v", name, h, err)
		}
		for n := range wire {
			got, err := parseApp(wire[:n])
			fewer := want.subtype == appNACK && n >= appHeader && n%4 == 0 || want.subtype != appNACK && n >= echoSize
			if fewer && err != nil || !fewer && !errors.Is(err, errShort) {
				t.Errorf("%s cut at %d: %+v, %v", name, n, got, err)
			}
		}
	}
}

func TestAppOnTheWire(t *testing.T) {
	got := appendApp(nil, app{subtype: appNACK, ssrc: 0x01020304, runs: []run{{0x1112, 0x13}}})
	want := "\x80\xcc\x00\x03\x01\x02\x03\x04RIST\x11\x12\x00\x13"
	if string(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
	got = appendApp(nil, app{subtype: appEchoResponse, ssrc: 1, echo: echo{stamp: 2, delay: 3 * time.Microsecond}})
	want = "\x83\xcc\x00\x05\x00\x00\x00\x01RIST\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x03"
	if string(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAppOfOthers(t *testing.T) {
	wire := appendApp(nil, apps["one"])
	wire[8] = 'r'
	if _, err := parseApp(wire); !errors.Is(err, errNotRIST) {
		t.Errorf("another name: %v", err)
	}
	wire[8], wire[0] = 'R', wire[0]|9
	if a, err := parseApp(wire); err != nil || a.subtype != 9 || a.runs != nil {
		t.Errorf("another subtype: %+v, %v", a, err)
	}
}

func FuzzParseApp(f *testing.F) {
	for _, a := range apps {
		f.Add(appendApp(nil, a))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := parseApp(b)
		if err != nil || a.subtype != appNACK && a.subtype != appEchoRequest && a.subtype != appEchoResponse || len(b)%4 != 0 {
			return
		}
		if again, err := parseApp(appendApp(nil, a)); err != nil || !reflect.DeepEqual(again, a) {
			t.Errorf("%x: %+v, then %+v, %v", b, a, again, err)
		}
	})
}
