package transport

import (
	"context"
	"errors"
	"log/slog"
	"net"

	"weir/internal/media"
	"weir/internal/stream"
)

// Visit is how this server goes to another one for a stream that is at an address.
type Visit struct {
	Request *stream.Request // of the session here that it is for
	TCURL   string          // for RTMP, instead of the address's own; empty is that
	Signed  bool            // it says who comes
	Via     []string        // the servers that the stream comes by, this one with them
	Laps    []string        // the servers that have sent on what is published there, this one with them
	Traffic *stream.Traffic // is counted
	Dial    Dial            // the way there, instead of the address's own; nil is that
	Log     *slog.Logger
}

// Dial makes a connection to an address, as net.Dialer's DialContext does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Feed is a stream that another server sends here. ReadBatch gives frames on the publisher's own time, stream.ErrUnpublished
// when its publisher has ended, which is no end, ErrMove when the server wants to be left, which is none either, and else
// why it has ended: io.EOF where the server has closed. It is for one goroutine, but for Close.
type Feed interface {
	media.BatchReader
	Close() error
}

// ErrMove says that a server is about to end, and that its clients are to go elsewhere while it still sends.
var ErrMove = errors.New("the server asks its clients to go elsewhere")

// ErrRefused is what a server's refusal is, as opposed to one that cannot be reached.
var ErrRefused = errors.New("refused by the server")
