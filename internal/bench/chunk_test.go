package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"testing"

	"weir/internal/format/amf0"
	"weir/internal/protocol/rtmp"
)

// chunkCase is what a server sends, and what a player is told of it.
type chunkCase struct {
	wire []byte
	want []message
	bad  bool // it ends with an error
}

func body(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + n)
	}
	return b
}

// head returns what is kept of a body.
func head(kind uint8, b []byte) []byte {
	if kind == kindAudio {
		return b[:min(2, len(b))]
	}
	return b[:min(maxFirst, len(b))]
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// chunkCases are written by hand: what the client of this module never writes.
func chunkCases() map[string]chunkCase {
	v, a := body(300), body(130)
	long := []byte{0x01, 0x00, 0x00, 0x05}
	sized := []byte{2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0}
	video := func(time uint32, b []byte) message { return message{kindVideo, time, len(b), head(kindVideo, b)} }
	audio := func(time uint32, b []byte) message { return message{kindAudio, time, len(b), head(kindAudio, b)} }
	return map[string]chunkCase{
		"all types": {
			wire: join([]byte{6, 0, 0, 10, 0, 0, 9, 9, 1, 0, 0, 0}, v[:9],
				[]byte{0x46, 0, 0, 5, 0, 0, 8, 9}, v[:8], []byte{0x86, 0, 0, 7}, v[:8], []byte{0xc6}, v[:8]),
			want: []message{video(10, v[:9]), video(15, v[:8]), video(22, v[:8]), video(29, v[:8])},
		},
		"interleaved": {
			wire: join([]byte{6, 0, 0, 10, 0, 1, 44, 9, 1, 0, 0, 0}, v[:128], []byte{0x04, 0, 0, 12, 0, 0, 130, 8, 1, 0, 0, 0}, a[:128],
				[]byte{0xc6}, v[128:256], []byte{0xc4}, a[128:], []byte{0xc6}, v[256:]),
			want: []message{audio(12, a), video(10, v)},
		},
		"extended time repeated": {
			wire: join([]byte{6, 255, 255, 255, 0, 1, 44, 9, 1, 0, 0, 0}, long, v[:128], []byte{0xc6}, long, v[128:256], []byte{0xc6}, long, v[256:]),
			want: []message{video(0x01000005, v)},
		},
		"extended time left out": {
			wire: join([]byte{6, 255, 255, 255, 0, 1, 44, 9, 1, 0, 0, 0}, long, v[:128], []byte{0xc6}, v[128:256], []byte{0xc6}, v[256:]),
			want: []message{video(0x01000005, v)},
		},
		"extended time nearly there": { // the payload begins as the time does
			wire: join([]byte{6, 255, 255, 255, 0, 0, 131, 9, 1, 0, 0, 0}, long, v[:128], []byte{0xc6}, long[:3], []byte{6, 0, 0, 1, 0, 0, 1, 9, 1, 0, 0, 0, 9}),
			want: []message{video(0x01000005, join(v[:128], long[:3])), video(1, []byte{9})},
		},
		"chunk size": {
			wire: join(sized, []byte{0, 0, 1, 44}, []byte{6, 0, 0, 10, 0, 1, 44, 9, 1, 0, 0, 0}, v, sized, []byte{0, 0, 0, 200},
				[]byte{0xc6}, v[:200], []byte{0xc6}, v[200:]),
			want: []message{video(10, v), video(20, v)},
		},
		"far chunk streams": {
			wire: join([]byte{0, 1, 0, 0, 1, 0, 0, 2, 9, 1, 0, 0, 0}, v[:2], []byte{1, 1, 1, 0, 0, 2, 0, 0, 2, 8, 1, 0, 0, 0}, v[:2], []byte{0xc0, 1}, v[:2]),
			want: []message{video(1, v[:2]), audio(2, v[:2]), video(2, v[:2])},
		},
		"abort": {
			wire: join([]byte{6, 0, 0, 10, 0, 1, 44, 9, 1, 0, 0, 0}, v[:128], []byte{2, 0, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 0, 0, 0, 6},
				[]byte{6, 0, 0, 11, 0, 0, 1, 9, 1, 0, 0, 0}, v[:1]),
			want: []message{video(11, v[:1])},
		},
		"empty":           {wire: []byte{6, 0, 0, 10, 0, 0, 0, 9, 1, 0, 0, 0}, want: []message{{kindVideo, 10, 0, nil}}},
		"no first":        {wire: []byte{0xc6}, bad: true},
		"inside":          {wire: join([]byte{6, 0, 0, 10, 0, 1, 44, 9, 1, 0, 0, 0}, v[:128], []byte{6, 0, 0, 10, 0, 1, 44, 9, 1, 0, 0, 0}), bad: true},
		"chunk size of 0": {wire: join(sized, []byte{0, 0, 0, 0}), bad: true},
	}
}

// collect returns what a parser tells of pieces.
func collect(pieces ...[]byte) (got []message, out []byte, err error) {
	p := newChunkParser(func(m *message) {
		had := *m
		had.first = bytes.Clone(m.first)
		got = append(got, had)
	}, refusal)
	for _, b := range pieces {
		lent := bytes.Clone(b)
		err = p.feed(lent)
		clear(lent) // it was lent only
		out = append(out, p.replies()...)
		if err != nil {
			break
		}
	}
	return got, out, err
}

func same(a, b []message) bool {
	return len(a) == len(b) && fmt.Sprint(a) == fmt.Sprint(b)
}

// checkCuts feeds the same bytes cut anywhere, and one by one.
func checkCuts(t *testing.T, name string, c chunkCase) {
	t.Helper()
	check := func(how string, pieces ...[]byte) {
		if got, _, err := collect(pieces...); !same(got, c.want) || c.bad != (err != nil) {
			t.Errorf("%s, %s: %v, %v\nwant %v", name, how, got, err, c.want)
		}
	}
	check("whole", c.wire)
	for n := range c.wire {
		check(fmt.Sprintf("cut at %d", n), c.wire[:n], c.wire[n:])
	}
	for _, step := range []int{1, 2, 3, 7, 64} {
		var pieces [][]byte
		for b := c.wire; len(b) > 0; b = b[min(step, len(b)):] {
			pieces = append(pieces, b[:min(step, len(b))])
		}
		check(fmt.Sprintf("pieces of %d", step), pieces...)
	}
}

func TestChunks(t *testing.T) {
	for name, c := range chunkCases() {
		checkCuts(t, name, c)
	}
}

// TestChunksOfClient reads what the client of this module writes.
func TestChunksOfClient(t *testing.T) {
	c := chunkCase{}
	sent := []rtmp.Message{
		{Kind: kindData, Chunk: 4, Stream: 1, Body: body(500)},
		{Kind: kindVideo, Chunk: 6, Stream: 1, Time: 0, Body: body(128)},
		{Kind: kindAudio, Chunk: 7, Stream: 1, Time: 3, Body: body(1)},
		{Kind: kindVideo, Chunk: 300, Stream: 1, Time: 0xfffffe, Body: body(700)},
		{Kind: kindVideo, Chunk: 65000, Stream: 1, Time: 0xffffff, Body: body(700)},
		{Kind: kindVideo, Chunk: 6, Stream: 1, Time: 0xffffffff, Body: body(257)},
		{Kind: kindAudio, Chunk: 7, Stream: 1, Time: 4, Body: nil},
	}
	for _, m := range sent {
		if m.Kind != kindData {
			c.want = append(c.want, message{m.Kind, m.Time, len(m.Body), head(m.Kind, m.Body)})
		}
	}
	a, b := net.Pipe()
	wire := make(chan []byte, 1)
	go func() {
		hello := make([]byte, 1+1536)
		_, _ = io.ReadFull(b, hello) // an end here is one below
		_, _ = b.Write(join(hello, hello[1:]))
		_, _ = io.ReadFull(b, hello[1:])
		all, _ := io.ReadAll(b)
		wire <- all
	}()
	dial := func(context.Context, string, string) (net.Conn, error) { return a, nil }
	client, err := rtmp.Dial(t.Context(), "rtmp://a/live/s", rtmp.DialOptions{Dial: dial})
	if err == nil {
		err = client.WriteMessages(sent...)
	}
	if err != nil {
		t.Fatal(err)
	}
	client.Close()
	c.wire = <-wire
	checkCuts(t, "client", c)
}

func TestChunkReplies(t *testing.T) {
	control := func(kind byte, b ...byte) []byte {
		return join([]byte{2, 0, 0, 0, 0, 0, byte(len(b)), kind, 0, 0, 0, 0}, b)
	}
	ping, pong := control(kindUserControl, 0, 6, 1, 2, 3, 4), control(kindUserControl, 0, 7, 1, 2, 3, 4)
	if _, out, err := collect(ping); err != nil || !bytes.Equal(out, pong) {
		t.Errorf("to a ping: % x, %v", out, err)
	}
	window := control(kindWindow, binary.BigEndian.AppendUint32(nil, 100)...)
	media := join([]byte{6, 0, 0, 0, 0, 0, 60, 9, 1, 0, 0, 0}, body(60))
	want := control(kindAck, binary.BigEndian.AppendUint32(nil, uint32(len(window)+len(media)))...)
	if _, out, err := collect(window, media); err != nil || !bytes.Equal(out, want) {
		t.Errorf("after a window: % x, %v, want % x", out, err, want)
	}
	end := amf0.Append(nil, "onStatus", 0.0, nil, amf0.Object{{Name: "level", Value: "error"}, {Name: "code", Value: "No"}})
	refused := join([]byte{3, 0, 0, 0, 0, 0, byte(len(end)), kindAMF0, 0, 0, 0, 0}, end)
	var status *rtmp.StatusError
	if _, _, err := collect(refused); !errors.As(err, &status) || status.Code != "No" {
		t.Errorf("refused: %v", err)
	}
}

// FuzzChunks wants the same of all bytes, however they are cut.
func FuzzChunks(f *testing.F) {
	for _, c := range chunkCases() {
		f.Add(c.wire, 5)
	}
	f.Fuzz(func(t *testing.T, wire []byte, step int) {
		step = max(1, step%64)
		var pieces [][]byte
		for b := wire; len(b) > 0; b = b[min(step, len(b)):] {
			pieces = append(pieces, b[:min(step, len(b))])
		}
		whole, _, err := collect(wire)
		got, _, errCut := collect(pieces...)
		if !same(whole, got) || !reflect.DeepEqual(err, errCut) {
			t.Errorf("whole: %v, %v\nin pieces of %d: %v, %v", whole, err, step, got, errCut)
		}
	})
}

func BenchmarkChunks(b *testing.B) {
	v := body(4000)
	wire := join([]byte{2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0xea, 0x60}, []byte{6, 0, 0, 0, 0, 0x0f, 0xa0, 9, 1, 0, 0, 0}, v)
	p := newChunkParser(func(*message) {}, refusal)
	b.SetBytes(int64(len(wire)))
	b.ReportAllocs()
	for b.Loop() {
		if err := p.feed(wire); err != nil {
			b.Fatal(err)
		}
	}
}
