package rtmp

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"weir/internal/config"
	"weir/internal/format/amf0"
	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/testkit/logbook"
)

// sink is a connection that takes all and gives nothing.
type sink struct{ net.Conn }

func (sink) Write(b []byte) (int, error)      { return len(b), nil }
func (sink) SetWriteDeadline(time.Time) error { return nil }
func (sink) SetNoDelay(bool) error            { return nil }

func BenchmarkDemux(b *testing.B) {
	d := newDemux(&logbook.Book{})
	header := wired(video, 0, avcHeader)
	d.frames(nil, &header)
	m := message{kind: video, body: append(unhex("2701000028"), noise(5000, 1)...)}
	dst := make([]*media.Frame, 0, 8)
	b.SetBytes(int64(len(m.body)))
	b.ReportAllocs()
	for b.Loop() {
		m.time += 40
		dst = d.frames(dst[:0], &m)
	}
}

// BenchmarkPlayerWrite writes a batch of 128 frames, 5000 bytes each. A socket takes them in one
// call; the sink here gets each piece in a call of its own.
func BenchmarkPlayerWrite(b *testing.B) {
	for _, size := range []int{128, 4096, 60000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			d := newDemux(&logbook.Book{})
			header := wired(video, 0, avcHeader)
			frames := d.frames(nil, &header)
			for n := range uint32(media.MaxBatch) {
				m := message{kind: video, time: 40 * n, body: append(unhex("2701000028"), noise(5000, 1)...)}
				frames = d.frames(frames, &m)
			}
			c := config.Default()
			s := &session{server: &Server{}, conn: sink{}, chunk: size, rules: rules{get: func() *config.Config { return c }}}
			s.rules.find("")
			s.out.Conn, s.out.Traffic = s.conn, &stream.Traffic{}
			p := newPlayer(s, nil, wish{})
			b.SetBytes(128 * 5005)
			b.ReportAllocs()
			for b.Loop() {
				if err := p.WriteBatch(frames); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSession publishes over one socket and plays over another; an operation is a frame of
// 5000 bytes that has gone through both.
func BenchmarkSession(b *testing.B) {
	h := newHouse(b, nil)
	options := DialOptions{Dial: h.dial}
	from, err := Dial(b.Context(), "rtmp://a.com/live/s", options)
	if err != nil {
		b.Fatal(err)
	}
	defer from.Close()
	to, err := Dial(b.Context(), "rtmp://a.com/live/s", options)
	if err != nil {
		b.Fatal(err)
	}
	defer to.Close()
	if err := from.Publish(b.Context()); err != nil {
		b.Fatal(err)
	}
	if err := to.Play(b.Context()); err != nil {
		b.Fatal(err)
	}
	const ahead = 64 // frames on their way
	body := append(unhex("2701000028"), noise(5000, 1)...)
	arrived := make(chan error, ahead)
	go func() {
		defer close(arrived)
		for {
			m, err := to.ReadMessage()
			if err != nil {
				return
			}
			if m.Kind == video {
				arrived <- nil
			}
		}
	}()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		m := Message{Kind: video, Chunk: 6, Stream: 1, Time: uint32(n), Body: body}
		if err := from.WriteMessage(m); err != nil {
			b.Fatal(err)
		}
		if n++; n > ahead {
			if err := <-arrived; err != nil {
				b.Fatal(err)
			}
		}
	}
	_ = from.Close()
	to.Close()
	for range arrived {
	}
}

// BenchmarkIngest publishes over a socket to a stream whose one reader wants all at once, so that
// there are no rests; an operation is a second of media.
func BenchmarkIngest(b *testing.B) {
	h := newHouse(b, nil)
	from, err := Dial(b.Context(), "rtmp://a.com/live/s", DialOptions{Dial: h.dial})
	if err != nil {
		b.Fatal(err)
	}
	if err := from.Publish(b.Context()); err != nil {
		b.Fatal(err)
	}
	sub, err := h.registry.Subscribe(b.Context(), &stream.Request{Vhost: defaultVhost, App: "live", Stream: "s"})
	if err != nil {
		b.Fatal(err)
	}
	defer sub.Close()
	arrived := make(chan int, 1)
	go func() {
		batch := make([]*media.Frame, media.MaxBatch)
		all := 0
		for {
			n, err := sub.ReadBatch(batch)
			if all += n; err != nil {
				arrived <- all
				return
			}
		}
	}()
	var all []Message
	bytes := 0
	for _, m := range second() {
		all = append(all, Message{Kind: m.kind, Chunk: m.chunk, Stream: 1, Time: m.time, Body: m.body})
		bytes += len(m.body)
	}
	b.SetBytes(int64(bytes))
	b.ReportAllocs()
	sent := 0
	for b.Loop() {
		if err := from.WriteMessages(all...); err != nil {
			b.Fatal(err)
		}
		sent += len(all)
	}
	if err := closeWrite(from.conn); err != nil {
		b.Fatal(err)
	}
	if got := <-arrived; got != sent {
		b.Errorf("%d frames of %d", got, sent)
	}
	from.Close()
}

// BenchmarkConnect connects, shakes hands and asks to play.
func BenchmarkConnect(b *testing.B) {
	h := newHouse(b, nil)
	h.server.options.Log = slog.New(slog.DiscardHandler)
	connect := commandMessage(commandChunk, 0, "connect", 1, amf0.Object{{Name: "tcUrl", Value: "rtmp://a.com/live"}})
	play := commandMessage(commandChunk, 0, "play", 2, nil, "s")
	asks := appendMessage(appendMessage(nil, &connect, 128), &play, 128)
	b.ReportAllocs()
	for b.Loop() {
		conn, err := h.dial(context.Background(), "", "")
		if err != nil {
			b.Fatal(err)
		}
		src := bufio.NewReader(conn)
		if err := dialHandshake(struct {
			io.Reader
			io.Writer
		}{src, conn}); err != nil {
			b.Fatal(err)
		}
		if _, err := conn.Write(asks); err != nil {
			b.Fatal(err)
		}
		in := newChunkReader(src, nil)
		for {
			m, err := in.readMessage()
			if err != nil {
				b.Fatal(err)
			}
			if m.kind == amf0Data {
				break
			}
		}
		conn.Close()
	}
}
