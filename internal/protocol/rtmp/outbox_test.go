package rtmp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/stream"
)

func newOutbox(conn net.Conn) *outbox {
	return &outbox{conn: conn, traffic: &stream.Traffic{}}
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
				if err := o.reply(128, controlMessage(ack, n<<16|i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	picture := message{kind: video, chunk: videoChunk, stream: streamID, body: noise(1000, 1)}
	writers.Go(func() {
		for range batches {
			if err := o.send(vectors(128, picture, picture)); err != nil {
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
	if got := o.traffic.Sent.Load(); got != in.consumed {
		t.Errorf("counted %d bytes of %d", got, in.consumed)
	}
}

// TestOutboxSlow has a peer who reads nothing: replies beside media do not wait, and are bounded.
func TestOutboxSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer b.Close()
		o := newOutbox(a)
		sent := make(chan error, 1)
		start := time.Now()
		go func() { sent <- o.send(vectors(128, message{kind: video, chunk: videoChunk, body: noise(10, 1)})) }()
		synctest.Wait()
		var err error
		n := 0
		for ; err == nil && n < maxReplies; n++ {
			err = o.reply(128, controlMessage(ack, 1))
		}
		if !errors.Is(err, errReplies) || n < maxReplies/16-1 || time.Since(start) > 0 {
			t.Errorf("after %d replies and %v: %v", n, time.Since(start), err)
		}
		if err := <-sent; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != ioTimeout {
			t.Errorf("media after %v: %v", time.Since(start), err)
		}
	})
}

// TestOutboxFinish ends what a peer who reads nothing keeps waiting, and does not write behind
// half a message.
func TestOutboxFinish(t *testing.T) {
	a, b := net.Pipe()
	o := newOutbox(a)
	sent := make(chan error, 1)
	go func() {
		var err error
		for err == nil { // one write after the other, each with a new deadline
			err = o.send(vectors(128, message{kind: video, chunk: videoChunk, body: noise(10, 1)}))
		}
		sent <- err
	}()
	_, _ = io.ReadFull(b, make([]byte, 100)) // and no more
	o.finish(50*time.Millisecond, 128, controlMessage(ack, 1))
	if err := <-sent; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	a.Close()
	if rest, _ := io.ReadAll(b); len(rest) > 0 {
		t.Errorf("% x behind half a message", rest)
	}
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		o := newOutbox(a)
		o.queue(128, controlMessage(ack, 1))
		go func() {
			o.finish(time.Second, 128, controlMessage(ack, 2))
			a.Close()
		}()
		in := newChunkReader(bufio.NewReader(b), nil)
		for want := range uint32(2) {
			m, err := in.readMessage()
			if v, _ := parseControl(&m); err != nil || v != want+1 {
				t.Errorf("%v, %v", m, err)
			}
		}
	})
}
