package e2e

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/format/amf0"
	"weir/internal/protocol/rtmp"
)

// unhex reads bytes written in hexadecimal, spaces apart, where words in quotes stand for
// themselves.
func unhex(t *testing.T, text string) []byte {
	t.Helper()
	var out []byte
	for i, part := range strings.Split(text, "'") {
		if i%2 == 1 {
			out = append(out, part...)
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(part, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	return out
}

// Headers that decoders accept, as encoders send them.
const (
	avcHeader  = "17 00 000000 01 42C00A FF E1 0007 6742C00ADA3D3F 01 0004 68CE3C80"
	aacHeader  = "AF 00 1208"
	aacFrame   = "AF 01 21 10 04 60 8C 1C"
	avcKey     = "17 01 000050 00000002 65 88"
	avcInter   = "27 01 FFFFD8 00000002 41 9A"
	hevcConfig = "01 01 60000000 900000000000 1E F000 FC FD F8 F8 0000 0F 00"
)

// bodyCases are what publishers send: k is a key frame's message, all go through as they are.
var bodyCases = map[string][]string{ // each: "v" or "a", and the body
	"H.264, negative composition time": {"v" + avcHeader, "a" + aacHeader, "v" + avcKey, "a" + aacFrame, "v" + avcInter},
	"HEVC as codec 12":                 {"v1C 00 000000" + hevcConfig, "v1C 01 000028 00000003 26 01 AF", "v2C 01 000000 00000003 02 01 D0"},
	"HEVC as hvc1": {"v90 'hvc1'" + hevcConfig, "v91 'hvc1' 000028 00000003 26 01 AF", "vA1 'hvc1' FFFFFF 00000003 02 01 D0",
		"vA3 'hvc1' 00000003 02 01 D1"},
	"AV1":  {"v90 'av01' 81 00 0C 00 0A 0B 00 00 00 04 3C FF BC FE C0 08 40", "v91 'av01' 12 00 32 02 10 00", "vA1 'av01' 12 00 32 02 30 00"},
	"VP9":  {"v90 'vp09' 01000000 00 0A 82 02 02 02 0000", "v91 'vp09' 82 49 83 42 00", "vA1 'vp09' 86 00 40 92"},
	"Opus": {"a90 'Opus' 'OpusHead' 01 02 3801 80BB0000 0000 00", "a91 'Opus' FC FF FE", "a91 'Opus' FC FF FD"},
	"AC-3": {"a91 'ac-3' 0B77 0000 1440 43", "a91 'ac-3' 0B77 0001 1440 43"},
	"FLAC": {"a90 'fLaC' 'fLaC' 80 000022 1000 1000 000000 000000 0AC442F0 00000000 00000000000000000000000000000000",
		"a91 'fLaC' FFF8 C9 18 00", "a91 'fLaC' FFF8 C9 18 01"},
	"MP3": {"a2F FFFB 9064 00 01", "a2F FFFB 9064 00 02"},
	"two video tracks": {"v96 00 'hvc1' 00" + hevcConfig, "v96 00 'hvc1' 01" + hevcConfig,
		"v96 01 'hvc1' 00 000000 00000003 26 01 AF", "v96 01 'hvc1' 01 000000 00000003 26 01 AE", "vA6 01 'hvc1' 00 000000 00000003 02 01 AD"},
	"tracks of several codecs in one message": {
		"v96 11 'hvc1' 00 00000A 000000 00000003 26 01 AF 01 00000A 000000 00000003 26 01 AE",
		"vA6 11 'hvc1' 00 00000A 000000 00000003 02 01 AF 01 00000A 000000 00000003 02 01 AE"},
	"unknown codec":     {"v90 'zz99' 01 02 03", "v91 'zz99' 04 05 06", "vA1 'zz99' 07 08", "a90 'yy88' 01", "a91 'yy88' 02"},
	"unknown old codec": {"v1F 01 02", "v2F 03 04", "aDF 05 06", "aDF 07 08"},
	"odd flags":         {"v" + avcHeader, "v" + avcKey, "v57 01 000000 00", "v37 01 000000 00000002 01 02", "a" + "A0 00 1208", "aA6 01 21 10"},
	"nanoseconds":       {"v90 'hvc1'" + hevcConfig, "v97 02 000123 03 'hvc1' 00000003 26 01 AF", "vA7 02 000456 03 'hvc1' 00000003 02 01 D0"},
}

// TestBytes checks that RTMP players get what an RTMP publisher has sent, byte for byte.
func TestBytes(t *testing.T) {
	f := serve(t, conf{vhost: "min_latency on; play { time_jitter off; }"})
	for name, bodies := range bodyCases {
		t.Run(name, func(t *testing.T) {
			stream := f.url(strings.ReplaceAll(name, " ", "-"))
			view := playClient(t, stream)
			c, err := dialPublish(t, stream, rtmp.DialOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			var sent []rtmp.Message
			for round := range 3 { // the headers come in the first only
				for i, text := range bodies {
					m := rtmp.Message{Kind: 9, Chunk: 6, Stream: c.Stream(), Time: uint32(1000 + 40*(round*len(bodies)+i)), Body: unhex(t, text[1:])}
					if text[0] == 'a' {
						m.Kind, m.Chunk = 8, 4
					}
					if round == 0 || !isHeader(&m) {
						sent = append(sent, m)
					}
				}
			}
			if err := c.WriteMessages(sent...); err != nil {
				t.Fatal(err)
			}
			compare(t, view, sent)
		})
	}
}

// isHeader tells the messages that set up a decoder: they may come elsewhere among the others,
// and with the time of the frame behind them.
func isHeader(m *rtmp.Message) bool {
	b := m.Body
	switch {
	case m.Kind == 8 && b[0]>>4 == 10, m.Kind == 9 && b[0]&0x80 == 0 && (b[0]&15 == 7 || b[0]&15 == 12):
		return b[1] == 0
	case m.Kind == 8 && b[0]>>4 == 9, m.Kind == 9 && b[0]&0x80 != 0:
		kind := b[0] & 15
		if m.Kind == 9 && kind == 6 || m.Kind == 8 && kind == 5 {
			kind = b[1] & 15
		}
		return kind == 0
	}
	return false
}

// compare waits until the player has got all that was sent, and no more.
func compare(t *testing.T, v *clientViewer, sent []rtmp.Message) {
	t.Helper()
	split := func(list []rtmp.Message) (headers, frames []rtmp.Message) {
		for _, m := range list {
			if m.Kind == 18 {
				continue
			}
			if isHeader(&m) {
				headers = append(headers, m)
			} else {
				frames = append(frames, m)
			}
		}
		return headers, frames
	}
	wantHeaders, want := split(sent)
	if !poll(func() bool { _, got := split(v.messages()); return len(got) >= len(want) }) {
		t.Errorf("the player waits for %d frames in vain", len(want))
	}
	time.Sleep(50 * time.Millisecond) // for what should not come
	headers, got := split(v.messages())
	same := func(a, b rtmp.Message) bool {
		return a.Kind == b.Kind && bytes.Equal(a.Body, b.Body)
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) {
			t.Errorf("%d frames, want %d", len(got), len(want))
			break
		}
		if !same(got[i], want[i]) || got[i].Time != want[i].Time {
			t.Errorf("frame %d: %d at %d % x\nwant %d at %d % x", i, got[i].Kind, got[i].Time, got[i].Body, want[i].Kind, want[i].Time, want[i].Body)
		}
	}
	for _, w := range wantHeaders {
		if !slices.ContainsFunc(headers, func(g rtmp.Message) bool { return same(g, w) }) {
			t.Errorf("the header % x has not come", w.Body)
		}
	}
	if len(headers) != len(wantHeaders) {
		t.Errorf("%d headers, want %d:", len(headers), len(wantHeaders))
		for _, h := range headers {
			t.Errorf("% x", h.Body)
		}
	}
}

// TestAggregate checks that the parts of an aggregate message come one by one, at their times.
func TestAggregate(t *testing.T) {
	f := serve(t, conf{vhost: quick + "play { time_jitter off; }"})
	view := playClient(t, f.url("s"))
	c, err := dialPublish(t, f.url("s"), rtmp.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	parts := []rtmp.Message{
		{Kind: 9, Time: 1000, Body: unhex(t, "17 01 000000 00000002 65 88")},
		{Kind: 8, Time: 1023, Body: unhex(t, aacFrame)},
		{Kind: 9, Time: 1040, Body: unhex(t, "27 01 000000 00000002 41 9A")},
	}
	body := unhex(t, "09 00000B 000064 00 000000 17 01 000000 00000002 65 88 00000016"+
		"08 000008 00007B 00 000000"+aacFrame+"00000013"+"09 00000B 00008C 00 000000 27 01 000000 00000002 41 9A 00000016")
	if err := c.WriteMessage(rtmp.Message{Kind: 22, Chunk: 4, Stream: c.Stream(), Time: 1000, Body: body}); err != nil {
		t.Fatal(err)
	}
	compare(t, view, parts)
}

// TestMetadata checks what players hear of a publisher's description: its own words in their
// order, without the duration, and who serves it.
func TestMetadata(t *testing.T) {
	f := serve(t, conf{vhost: "min_latency on;"})
	view := playClient(t, f.url("s"))
	c, err := dialPublish(t, f.url("s"), rtmp.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, body := range [][]byte{
		amf0.Append(nil, "@setDataFrame", "onMetaData", amf0.ECMAArray{{Name: "duration", Value: 5}, {Name: "width", Value: 160}, {Name: "encoder", Value: "me"}}),
		amf0.Append(nil, "onCuePoint", amf0.Object{{Name: "name", Value: "here"}}),
	} {
		if err := c.WriteMessage(rtmp.Message{Kind: 18, Chunk: 4, Stream: c.Stream(), Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, "metadata and a cue", func() bool { return len(view.messages()) == 2 })
	want := []string{
		string(amf0.Append(nil, "onMetaData", amf0.Object{{Name: "width", Value: 160}, {Name: "encoder", Value: "me"},
			{Name: "server", Value: "SRS/7.0.18(Hang)"}, {Name: "server_version", Value: "7.0.18"}})),
		string(amf0.Append(nil, "onCuePoint", amf0.Object{{Name: "name", Value: "here"}})),
	}
	for i, m := range view.messages() {
		if string(m.Body) != want[i] {
			got, _ := amf0.ParseAll(m.Body)
			t.Errorf("message %d: %v", i, got)
		}
	}
}
