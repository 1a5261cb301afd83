package rtmp

import (
	"io"
	"log/slog"

	"weir/internal/format/amf0"
	"weir/internal/format/flv"
	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/transport"
)

// Frames returns the stream that the client plays as frames, on the publisher's own time. Use
// it after Play, instead of ReadMessage. Oddities of the stream are logged once each; a nil log
// is slog's default.
func (c *Client) Frames(log *slog.Logger) media.Reader {
	if log == nil {
		log = slog.Default()
	}
	r := &clientReader{client: c}
	c.in.alloc = r.arena.Bytes
	r.demux = flv.Demux{Arena: &r.arena, Log: log}
	return r
}

// Feed is Frames for who stays when the publisher ends, and may be asked to go: see transport.Feed.
func (c *Client) Feed(log *slog.Logger) transport.Feed {
	r := c.Frames(log).(*clientReader)
	r.stays = true
	return r
}

type clientReader struct {
	client *Client
	stays  bool
	arena  media.Arena
	demux  flv.Demux
	ready  media.Backlog
	end    error // comes behind the frames that are ready
}

// ReadFrame returns the next frame. The error is io.EOF when the server has closed, or says that the publisher has gone.
func (r *clientReader) ReadFrame() (*media.Frame, error) {
	var one [1]*media.Frame
	_, err := r.ReadBatch(one[:])
	return one[0], err
}

// ReadBatch returns the frames of all messages that have come, and waits until there are some.
func (r *clientReader) ReadBatch(dst []*media.Frame) (int, error) {
	for len(r.ready) == 0 {
		if err := r.end; err != nil {
			r.end = nil
			return 0, err
		}
		m, err := r.client.readMessage()
		for ok := err == nil; ok; {
			if err = r.take(&m); err != nil || len(r.ready) >= len(dst) {
				break
			}
			m, ok, err = r.client.come()
		}
		r.end = err
	}
	return r.ready.Give(dst), nil
}

// take makes frames of a message. The error is what it says of the stream.
func (r *clientReader) take(m *message) error {
	switch m.kind {
	case audio, video, amf0Data, amf3Data, aggregate:
		if len(m.body) > 0 {
			r.ready = r.demux.Frames(r.ready, flv.TagType(m.kind), m.time, m.body)
		}
	case amf0Command, amf3Command:
		a := answer(m)
		switch {
		case a.says("NetStream.Play.UnpublishNotify") && r.stays:
			return stream.ErrUnpublished
		case a.says("NetStream.Play.UnpublishNotify"):
			return io.EOF
		case a.says(codeReconnect) && r.stays:
			return transport.ErrMove
		}
	}
	return nil
}

// Close ends the connection.
func (r *clientReader) Close() error { return r.client.Close() }

// Writer returns a media.Writer and media.BatchWriter that publishes frames, with the time
// stamps that their first publisher gave them. Use it after Publish, instead of WriteMessages.
func (c *Client) Writer() media.Writer {
	return &clientWriter{client: c, mux: mux{describe: dataFrame}}
}

type clientWriter struct {
	client   *Client
	clock    playClock
	mux      mux
	messages []message
}

func (w *clientWriter) WriteFrame(f *media.Frame) error {
	one := [1]*media.Frame{f}
	return w.WriteBatch(one[:])
}

func (w *clientWriter) WriteBatch(frames []*media.Frame) error {
	w.messages = w.messages[:0]
	for _, f := range frames {
		w.messages = w.mux.append(w.messages, f, w.clock.stamp(f, "off", false), false)
	}
	for i := range w.messages {
		m := &w.messages[i]
		m.stream = w.client.stream
		if err := w.client.add(*m); err != nil {
			w.client.out = w.client.out[:0]
			return err
		}
	}
	clear(w.messages)
	return w.client.flush()
}

// dataFrame describes the stream as publishers do: wrapped, so that it is kept for late
// joiners.
func dataFrame(meta *media.Meta) message {
	body := amf0.Append(nil, "@setDataFrame")
	return message{kind: amf0Data, chunk: dataChunk, stream: streamID, body: append(body, flv.Script(meta)...)}
}
