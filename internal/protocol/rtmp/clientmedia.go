package rtmp

import (
	"io"
	"log/slog"

	"weir/internal/format/amf0"
	"weir/internal/format/flv"
	"weir/internal/media"
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

type clientReader struct {
	client *Client
	arena  media.Arena
	demux  flv.Demux
	ready  []*media.Frame
	next   int // of ready
}

// ReadFrame returns the next frame. The error is io.EOF when the server has closed, or says that the publisher has gone.
func (r *clientReader) ReadFrame() (*media.Frame, error) {
	for r.next == len(r.ready) {
		m, err := r.client.readMessage()
		if err != nil {
			return nil, err
		}
		switch m.kind {
		case audio, video, amf0Data, amf3Data, aggregate:
			clear(r.ready)
			r.ready, r.next = r.demux.Frames(r.ready[:0], flv.TagType(m.kind), m.time, m.body), 0
		case amf0Command, amf3Command:
			if a := answer(&m); a.says("NetStream.Play.UnpublishNotify") {
				return nil, io.EOF
			}
		}
	}
	f := r.ready[r.next]
	r.next++
	return f, nil
}

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
