package rtmp

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"testing"
)

// TestClientRelease reads a released connection from its first chunk.
func TestClientRelease(t *testing.T) {
	c := dialled(t, DialOptions{Keep: true}, func(p *peer) {
		p.playing()
		for n := range byte(3) {
			p.send(message{video, 6, 1, uint32(n), bytes.Repeat([]byte{n}, 300)})
		}
	})
	if err := c.Play(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn, kept := c.Release()
	defer conn.Close()
	c.Close() // closes nothing
	in := newChunkReader(bufio.NewReader(io.MultiReader(bytes.NewReader(kept), conn)), nil)
	var kinds []uint8
	for n := uint32(0); n < 3; {
		m, err := in.readMessage()
		if err != nil {
			t.Fatalf("%v after messages of types %d", err, kinds)
		}
		kinds = append(kinds, m.kind)
		if m.kind != video {
			continue
		}
		if m.time != n || len(m.body) != 300 || m.body[299] != byte(n) {
			t.Errorf("picture %d: %v", n, m)
		}
		n++
	}
	if kinds[0] != setPeerBandwidth || !slices.Contains(kinds, amf0Command) {
		t.Errorf("messages of types %d: some are missing", kinds)
	}
}

// TestClientConnectOnly asks for a message stream only.
func TestClientConnectOnly(t *testing.T) {
	c := dialled(t, DialOptions{Keep: true}, func(p *peer) {
		p.connected()
		p.expect("createStream", nil)
		p.command("_result", 4.0, nil, 5.0)
		drain(p.conn)
	})
	if err := c.Connect(t.Context()); err != nil || c.Stream() != 5 {
		t.Errorf("stream %d, %v", c.Stream(), err)
	}
}
