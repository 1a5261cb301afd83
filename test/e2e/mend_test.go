package e2e

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"weir/internal/format/amf0"
)

// TestMixCorrect has an encoder send its frames unordered.
func TestMixCorrect(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]struct {
		numbers []byte
		times   []uint32
	}{
		"off": {[]byte{0, 1, 2, 3}, []uint32{0, 80, 80, 120}},
		"on":  {[]byte{0, 2, 1, 3}, []uint32{0, 40, 80, 120}},
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			f := serve(t, conf{vhost: quick + "play { mix_correct " + value + "; }"})
			view := playClient(t, f.url("s"))
			pub := openFeed(t, f.url("s"))
			pub.header(t)
			pub.send(8, 0, unhex(t, aacHeader)...)
			for n, ms := range []uint32{0, 80, 40} {
				pub.frame(n == 0, ms, byte(n))
			}
			for n := range byte(4) {
				pub.send(8, 40*uint32(n), append(unhex(t, "AF 01"), n)...)
			}
			pub.frame(false, 120, 3)
			pub.client.Close() // what is held goes out at the end
			got(t, view, want.numbers...)
			if ms := times(view); !slices.Equal(ms, want.times) {
				t.Errorf("times %v, want %v", ms, want.times)
			}
			var last uint32
			for _, m := range view.messages() {
				if m.Kind != 18 && m.Time < last && value == "on" {
					t.Errorf("a message of %d ms comes after %d ms", m.Time, last)
				}
				last = m.Time
			}
		})
	}
}

// TestAtcAuto has an encoder ask for atc, and take it back.
func TestAtcAuto(t *testing.T) {
	t.Parallel()
	for value, want := range map[string][]uint32{
		"off": {0, 40, 80, 120},
		"on":  {5000, 5040, 5040, 5080}, // goes on from where it was
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			f := serve(t, conf{vhost: quick + "play { atc_auto " + value + "; }"})
			view := playClient(t, f.url("s"))
			pub := openFeed(t, f.url("s"))
			say := func(props amf0.Object) { pub.send(18, 0, amf0.Append(nil, "@setDataFrame", "onMetaData", props)...) }
			say(amf0.Object{{Name: "bravo_atc", Value: "true"}})
			pub.header(t)
			pub.frame(true, 5000, 0)
			pub.frame(false, 5040, 1)
			got(t, view, 0, 1)
			late := playClient(t, f.url("s"))
			got(t, late, 0, 1)
			for _, m := range late.messages()[:3] { // description, headers and the first frame
				if m.Time != want[0] {
					t.Errorf("a message of type %d comes at %d ms, want %d", m.Kind, m.Time, want[0])
				}
			}
			say(amf0.Object{{Name: "title", Value: "true"}})
			pub.frame(false, 5080, 2)
			pub.frame(false, 5120, 3)
			got(t, view, 0, 1, 2, 3)
			if ms := times(view); !slices.Equal(ms, want) {
				t.Errorf("times %v, want %v", ms, want)
			}
		})
	}
}

// TestAtcHeaders checks that description and headers which come again carry the newest time.
func TestAtcHeaders(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{vhost: quick + "play { atc on; }"})
	view := playClient(t, f.url("s"))
	pub := openFeed(t, f.url("s"))
	pub.header(t)
	pub.frame(true, 5000, 0)
	pub.send(18, 0, amf0.Append(nil, "@setDataFrame", "onMetaData", amf0.Object{{Name: "title", Value: "x"}})...)
	pub.header(t)
	pub.frame(true, 5040, 1)
	got(t, view, 0, 1)
	list := view.messages()
	if list = list[len(list)-3:]; list[0].Kind != 18 || !isHeader(&list[1]) {
		t.Fatalf("the last messages are of types %d, %d, %d", list[0].Kind, list[1].Kind, list[2].Kind)
	}
	for _, m := range list {
		if m.Time != 5040 {
			t.Errorf("a message of type %d comes at %d ms", m.Kind, m.Time)
		}
	}
}

func TestParseSps(t *testing.T) {
	t.Parallel()
	for value, want := range map[string][]string{
		"off": {`"width":0`, `"height":0`, `"profile":"Other","level":"Other"`, `"profile":"LC"`, `"codec":"H264"`},
		"on":  {`"width":160`, `"height":120`, `"profile":"High"`, `"profile":"LC"`, `"codec":"H264"`},
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			f := serve(t, conf{vhost: quick + "publish { parse_sps " + value + "; }"})
			view := playClient(t, f.url("s"))
			pub := openFeed(t, f.url("s"))
			for _, s := range headers(shots(t, newClip(t, "h264", "small"), second)) {
				pub.send(uint8(s.Type), 0, s.Body...)
			}
			pub.frame(true, 0, 0)
			got(t, view, 0)
			raw, err := f.call("GET", "/api/v1/streams/")
			for _, text := range want {
				if err != nil || !strings.Contains(string(raw), text) {
					t.Errorf("the API says %s, %v; want %s", raw, err, text)
				}
			}
		})
	}
}

// TestTryAnnexbFirst checks that RTMP players get H.264 as it came, however it is packed and
// whatever is expected. What the server reads in it is for the tests of the demuxer.
func TestTryAnnexbFirst(t *testing.T) {
	t.Parallel()
	both := append(unhex(t, "17 01 000000 00000165 65"), make([]byte, 0x164)...) // a length of 0x165, or a start code
	bodies := [][]byte{both, unhex(t, "17 01 000000 00000002 65 88"), unhex(t, "17 01 000000 00000001 09 F0 00000001 65 88"), both}
	for _, value := range []string{"off", "on"} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			f := serve(t, conf{vhost: quick + "publish { try_annexb_first " + value + "; }"})
			view := playClient(t, f.url("s"))
			pub := openFeed(t, f.url("s"))
			pub.header(t)
			for n, body := range bodies {
				pub.send(9, 40*uint32(n), body...)
			}
			waitFor(t, "the frames", func() bool { return len(times(view)) == len(bodies) })
			for n, m := range view.messages()[len(view.messages())-len(bodies):] {
				if !bytes.Equal(m.Body, bodies[n]) {
					t.Errorf("frame %d is not what was sent", n)
				}
			}
		})
	}
}
