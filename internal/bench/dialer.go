package bench

import (
	"context"
	"fmt"
	"net"
	"strings"

	"weir/internal/format/flv"
)

// dialer opens the connections of one protocol. Its methods return when the server has agreed,
// and what they return is the caller's to close.
type dialer interface {
	// publish asks for the right to write a stream.
	publish(ctx context.Context, url string) (publication, error)
	// play asks for a stream, whose messages sink will get.
	play(ctx context.Context, url string, sink func(*message)) (line, error)
	// rest connects, and asks for nothing.
	rest(ctx context.Context, url string) (line, error)
}

// publication is a stream that is being written. One goroutine sends while another watches.
type publication interface {
	// send writes a message, and blocks as long as the server does not take it.
	send(flv.Tag) error
	// watch returns when the server has ended it, with the reason.
	watch() error
	// finish tells the server that it is over.
	finish()
	// close ends the connection, and what blocks.
	close()
}

// line is a connection that is read.
type line struct {
	conn net.Conn
	rest []byte // what has been read already
	in   parser
}

// dialers are the protocols by the scheme of their URLs.
func dialers(o *options) map[string]dialer {
	rtmp := rtmpDialer{insecure: o.insecure}
	return map[string]dialer{"rtmp": rtmp, "rtmps": rtmp}
}

// dialerOf returns the dialer for a URL.
func dialerOf(o *options) (dialer, error) {
	scheme, _, _ := strings.Cut(o.url, "://")
	if d := dialers(o)[scheme]; d != nil {
		return d, nil
	}
	return nil, fmt.Errorf("%w: -u %q: it must begin with rtmp:// or rtmps://", errUsage, o.url)
}
