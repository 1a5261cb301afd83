package rtmp

import (
	"bytes"
	"errors"
	"testing"
)

func TestControl(t *testing.T) {
	for want, m := range map[string]message{
		"\x00\x00\xea\x60":                         controlMessage(setChunkSize, 60000),
		"\x00\x26\x25\xa0":                         controlMessage(windowAckSize, 2500000),
		"\xff\xff\xff\xff":                         controlMessage(ack, 1<<32-1),
		"\x00\x26\x25\xa0\x02":                     bandwidthMessage(2500000, limitDynamic),
		"\x00\x00\x10\x00\x01":                     bandwidthMessage(4096, 1),
		"\x00\x00\x00\x00\x00\x01":                 eventMessage(eventStreamBegin, 1),
		"\x00\x03\x00\x00\x00\x01\x00\x00\x03\xe8": eventMessage(eventSetBufferLength, 1, 1000),
	} {
		if string(m.body) != want || m.chunk != 2 || m.stream != 0 || m.time != 0 {
			t.Errorf("%+v, want the body %x", m, want)
		}
	}
	m := bandwidthMessage(2500000, limitDynamic)
	if v, err := parseControl(&m); err != nil || v != 2500000 {
		t.Errorf("window %d, %v", v, err)
	}
	for n := range 4 {
		m := message{kind: ack, body: make([]byte, n)}
		if _, err := parseControl(&m); !errors.Is(err, errControl) {
			t.Errorf("ack of %d bytes: %v", n, err)
		}
	}
}

// events are user control messages and what they mean; need is how much of them must be there.
var events = []struct {
	body string
	want event
	need int
}{
	{"\x00\x00\x00\x00\x00\x01", event{eventStreamBegin, 1, 0}, 6},
	{"\x00\x01\x00\x00\x00\x01", event{eventStreamEOF, 1, 0}, 6},
	{"\x00\x03\x00\x00\x00\x01\x00\x00\x0b\xb8", event{eventSetBufferLength, 1, 3000}, 10},
	{"\x00\x06\xff\xff\xff\xff", event{eventPingRequest, 1<<32 - 1, 0}, 6},
	{"\x00\x07\x00\x00\x00\x09", event{eventPingResponse, 9, 0}, 6},
	{"\x00\x1a\x01", event{0x1a, 0, 0}, 2}, // Flash Media Server sends it with one byte
	{"\x00\x20\x00\x00\x00\x01", event{0x20, 1, 0}, 2},
}

func TestParseEvent(t *testing.T) {
	for _, e := range events {
		for n := range len(e.body) + 1 {
			got, err := parseEvent(&message{kind: userControl, body: []byte(e.body[:n])})
			if n < e.need != (err != nil) || err != nil && !errors.Is(err, errControl) {
				t.Errorf("%x: %v, %v", e.body[:n], got, err)
			}
			if n == len(e.body) && got != e.want {
				t.Errorf("%x: %v, want %v", e.body, got, e.want)
			}
		}
	}
}

func FuzzParseEvent(f *testing.F) {
	for _, e := range events {
		f.Add([]byte(e.body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := parseEvent(&message{kind: userControl, body: body})
		if err != nil || len(body) < 10 {
			return
		}
		if again := eventMessage(e.kind, e.value, e.second).body; !bytes.Equal(again, body[:10]) {
			t.Errorf("%x became %x", body, again)
		}
	})
}
