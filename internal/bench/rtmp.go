package bench

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"weir/internal/format/amf0"
	"weir/internal/format/flv"
	"weir/internal/protocol/rtmp"
)

// replyTime is how long a server may take to connect, and for each answer.
const replyTime = 10 * time.Second

// rtmpDialer is the dialer of rtmp and rtmps.
type rtmpDialer struct {
	insecure bool // any certificate will do
}

func (d rtmpDialer) dial(ctx context.Context, url string, keep bool) (*rtmp.Client, error) {
	o := rtmp.DialOptions{DialTimeout: replyTime, ReplyTimeout: replyTime, Keep: keep}
	if d.insecure {
		o.TLS = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true} //nolint:gosec // asked for
	}
	return rtmp.Dial(ctx, url, o)
}

func (d rtmpDialer) publish(ctx context.Context, url string) (publication, error) {
	client, err := d.dial(ctx, url, false)
	if err != nil {
		return nil, err
	}
	if err := client.Publish(ctx); err != nil {
		client.Close()
		return nil, err
	}
	return &rtmpPublication{client}, nil
}

func (d rtmpDialer) play(ctx context.Context, url string, sink func(*message)) (line, error) {
	return d.listen(ctx, url, sink, (*rtmp.Client).Play)
}

func (d rtmpDialer) rest(ctx context.Context, url string) (line, error) {
	return d.listen(ctx, url, func(*message) {}, (*rtmp.Client).Connect)
}

// listen asks for something, and takes the connection over to read it.
func (d rtmpDialer) listen(ctx context.Context, url string, sink func(*message), ask func(*rtmp.Client, context.Context) error) (line, error) {
	client, err := d.dial(ctx, url, true)
	if err != nil {
		return line{}, err
	}
	if err := ask(client, ctx); err != nil {
		client.Close()
		return line{}, err
	}
	conn, rest := client.Release()
	return line{conn, rest, newChunkParser(sink, refusal)}, nil
}

// refusal returns an error if a command says that the stream cannot be had.
func refusal(body []byte) error {
	values, _ := amf0.ParseAll(body) // what there is of a broken one
	if len(values) < 4 || values[0] != "onStatus" {
		return nil
	}
	info, _ := values[3].(amf0.Object)
	if info.String("level") != "error" {
		return nil
	}
	return &rtmp.StatusError{Code: info.String("code"), Description: info.String("description")}
}

// rtmpPublication is a client that publishes.
type rtmpPublication struct {
	client *rtmp.Client
}

// The chunk streams that we send on; any will do.
const (
	commandChunkStream = 3
	dataChunkStream    = 4
	videoChunkStream   = 6
	audioChunkStream   = 7
)

func (p *rtmpPublication) send(tag flv.Tag) error {
	m := rtmp.Message{Kind: uint8(tag.Type), Chunk: dataChunkStream, Stream: p.client.Stream(), Body: tag.Body}
	m.Time = uint32(tag.Time.Milliseconds())
	switch tag.Type {
	case flv.TagVideo:
		m.Chunk = videoChunkStream
	case flv.TagAudio:
		m.Chunk = audioChunkStream
	}
	return p.client.WriteMessage(m)
}

func (p *rtmpPublication) watch() error {
	for {
		if _, err := p.client.ReadMessage(); err != nil {
			return fmt.Errorf("publishing: %w", err)
		}
	}
}

func (p *rtmpPublication) finish() {
	_ = p.client.WriteMessage(rtmp.Message{ // it is over either way
		Kind: kindAMF0, Chunk: commandChunkStream,
		Body: amf0.Append(nil, "deleteStream", 6.0, nil, float64(p.client.Stream())),
	})
}

func (p *rtmpPublication) close() { p.client.Close() }
