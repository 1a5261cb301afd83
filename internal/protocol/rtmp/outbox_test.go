package rtmp

import (
	"bufio"
	"bytes"
	"net"
	"sync"
	"testing"

	"weir/internal/fanout"
	"weir/internal/stream"
)

func newOutbox(conn net.Conn) *fanout.Outbox {
	return &fanout.Outbox{Conn: conn, Traffic: &stream.Traffic{}}
}

// vectors returns messages as a player sends them.
func vectors(chunkSize int, messages ...message) net.Buffers {
	var bufs net.Buffers
	var headers []byte
	for i := range messages {
		bufs = appendVectors(bufs, &headers, &messages[i], chunkSize)
	}
	return bufs
}

// TestOutboxWhole has many who reply beside one who sends media, and a peer who puts all of it
// together again.
func TestOutboxWhole(t *testing.T) {
	const replies, batches = 200, 50
	a, b := net.Pipe()
	defer a.Close()
	o := newOutbox(a)
	var writers sync.WaitGroup
	for n := range uint32(4) {
		writers.Go(func() {
			for i := range uint32(replies) {
				if err := o.Reply(joinMessages(128, controlMessage(ack, n<<16|i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	picture := message{kind: video, chunk: videoChunk, stream: streamID, body: noise(1000, 1)}
	writers.Go(func() {
		for range batches {
			if err := o.Send(vectors(128, picture, picture)); err != nil {
				t.Error(err)
			}
		}
	})
	next := map[uint32]uint32{}
	in := newChunkReader(bufio.NewReader(b), nil)
	for range 4*replies + 2*batches {
		m, err := in.readMessage()
		if err != nil {
			t.Fatal(err)
		}
		if m.kind == video {
			if !bytes.Equal(m.body, picture.body) {
				t.Fatal("media damaged")
			}
			continue
		}
		v, err := parseControl(&m)
		if err != nil || v&0xffff != next[v>>16] {
			t.Fatalf("reply %#x, %v; want number %d", v, err, next[v>>16])
		}
		next[v>>16]++
	}
	writers.Wait()
	if got := o.Traffic.Sent.Load(); got != in.consumed {
		t.Errorf("counted %d bytes of %d", got, in.consumed)
	}
}
