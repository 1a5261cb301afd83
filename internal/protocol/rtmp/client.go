package rtmp

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"time"

	"weir/internal/format/amf0"
	"weir/internal/stream"
	"weir/internal/transport"
)

const (
	clientTimeout   = 30 * time.Second
	clientChunkSize = 60000
	clientBuffer    = 16 << 10
	clientWindow    = 2500000 // bytes between the server's acks
	keptOut         = 1 << 20 // a longer buffer is given back after its batch
)

// DialOptions are a Client's choices. The zero value is good.
type DialOptions struct {
	Properties amf0.Object // put into the command object of connect, over ours
	Args       amf0.Object // the value after the command object; nil for none
	TCURL      string      // instead of the URL's own, say to name a vhost

	// Dial makes the connection; nil is a net.Dialer's DialContext.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// TLS is for rtmps; nil trusts whom the system trusts. An empty ServerName is the URL's host.
	TLS *tls.Config

	DialTimeout  time.Duration // of Dial and of TLS's handshake; 0 is 30 s
	ReplyTimeout time.Duration // of the handshake and of every answer waited for; 0 is 30 s
	ReadTimeout  time.Duration // of ReadMessage; 0 is forever
	WriteTimeout time.Duration // of WriteMessages; 0 is forever

	ChunkSize int // of what we send; 0 is 60000

	// Server has the client speak as servers speak to each other, who need no leave to publish: no releaseStream and no
	// FCPublish.
	Server bool

	Keep bool // what arrives, for Release
}

// Message is an RTMP message. Its body must not be changed, by neither side.
type Message struct {
	Kind   uint8  // the message type: 8 audio, 9 video, 18 data
	Chunk  uint32 // chunk stream, from 2 to 65599
	Stream uint32 // message stream
	Time   uint32 // ms, wraps
	Body   []byte
}

// StatusError is a server's refusal.
type StatusError struct {
	Code        string // NetStream.Publish.BadName; empty where the server gave none
	Description string

	redirect destination // where to go instead; no address is nowhere
}

// Is has errors.Is know a refusal, and what it is for.
func (e *StatusError) Is(target error) bool {
	return target == transport.ErrRefused || target == stream.ErrBusy && e.Code == codeBadName
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("rtmp: server says %q: %s", e.Code, e.Description)
}

// Client is the dialling side of a connection, for one stream: Dial, then Publish or Play once,
// then messages. One goroutine may read while another writes; Close may be called twice and
// from anywhere, and ends what blocks. After an error there is nothing left to do but Close.
type Client struct {
	// Set at construction.
	options DialOptions

	// Guarded by mu; a redirect changes conn, no later than Publish or Play return.
	mu     sync.Mutex
	conn   net.Conn
	closed bool

	// Owned by Publish and Play.
	to     destination
	stream uint32
	kept   *keeper // nil unless the options say Keep

	// Owned by the reader.
	in     *chunkReader
	held   *message // came when something else was awaited
	window uint64   // the server wants an ack every so many bytes; 0 is none
	acked  uint64

	// Owned by the writer.
	out  []byte
	size int // our chunk size
}

// Dial connects to rtmp://host[:port]/app/stream[?query], or rtmps, and shakes hands. The query goes with
// the stream's name: a vhost parameter in it is for the server to see.
func Dial(ctx context.Context, rawURL string, o DialOptions) (*Client, error) {
	t, err := parseDestination(rawURL)
	if err != nil {
		return nil, err
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.DialTimeout == 0 {
		o.DialTimeout = clientTimeout
	}
	if o.ReplyTimeout == 0 {
		o.ReplyTimeout = clientTimeout
	}
	if o.ChunkSize == 0 {
		o.ChunkSize = clientChunkSize
	}
	if o.ChunkSize < minChunkSize || o.ChunkSize > maxChunkSize {
		return nil, fmt.Errorf("%w: %d", errChunkSize, o.ChunkSize)
	}
	c := &Client{options: o, to: t}
	if err := c.during(ctx, func() error { return c.dial(ctx) }); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// during runs f, and closes c should ctx end before it returns.
func (c *Client) during(ctx context.Context, f func() error) error {
	stop := context.AfterFunc(ctx, func() { c.Close() })
	err := f()
	if !stop() {
		return context.Cause(ctx)
	}
	return err
}

// dial makes the connection to the destination and shakes hands.
// Deadlines are set without a look: what fails there fails at the next read or write.
func (c *Client) dial(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.options.DialTimeout)
	defer cancel()
	conn, err := c.options.Dial(ctx, "tcp", c.to.address)
	if err != nil {
		return fmt.Errorf("rtmp: dial: %w", err)
	}
	if c.to.secure {
		conn = tls.Client(conn, c.tlsConfig())
	}
	if !c.use(conn) {
		conn.Close()
		return net.ErrClosed
	}
	if secure, ok := conn.(*tls.Conn); ok {
		if err := secure.HandshakeContext(ctx); err != nil {
			return fmt.Errorf("rtmp: dial: %w", err)
		}
	}
	src := bufio.NewReaderSize(conn, clientBuffer)
	if c.kept = nil; c.options.Keep {
		c.kept = &keeper{Conn: conn}
		src.Reset(c.kept)
	}
	c.in = newChunkReader(src, nil)
	c.in.trust()
	c.window, c.acked, c.size = 0, 0, defaultChunkSize
	_ = conn.SetDeadline(time.Now().Add(c.options.ReplyTimeout))
	err = dialHandshake(struct {
		io.Reader
		io.Writer
	}{src, conn})
	if c.kept != nil {
		c.kept.handshake = len(c.kept.bytes) - src.Buffered()
	}
	return err
}

// tlsConfig returns what the options say of TLS, with the host that has to prove itself.
func (c *Client) tlsConfig() *tls.Config {
	o := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.options.TLS != nil {
		o = c.options.TLS.Clone()
	}
	if o.ServerName == "" {
		u := url.URL{Host: c.to.address}
		o.ServerName = u.Hostname()
	}
	return o
}

// use makes conn the connection in place of the one before, unless c is closed.
func (c *Client) use(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	if c.conn != nil {
		c.conn.Close()
	}
	c.conn = conn
	return true
}

// Close ends the connection. Blocked reads and writes return net.ErrClosed.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.conn == nil {
		c.closed = true
		return nil
	}
	c.closed = true
	return c.conn.Close()
}

// Stream returns the number of the message stream that the server has given.
func (c *Client) Stream() uint32 { return c.stream }

// LocalAddr and RemoteAddr are the connection's.
func (c *Client) LocalAddr() net.Addr { return c.conn.LocalAddr() }

// RemoteAddr is the server's address, after Publish or Play the one that a redirect has led to.
func (c *Client) RemoteAddr() net.Addr { return c.conn.RemoteAddr() }

// ReadMessage returns the next message that is not about the connection itself: acks, pings
// and chunk sizes are dealt with. So a publisher too must have somebody reading. An onStatus of
// level error is a *StatusError; the end of the connection is io.EOF. The message is the
// caller's.
func (c *Client) ReadMessage() (Message, error) {
	m, err := c.readMessage()
	return Message{m.kind, m.chunk, m.stream, m.time, m.body}, err
}

func (c *Client) readMessage() (message, error) {
	if m := c.held; m != nil {
		c.held = nil
		return *m, nil
	}
	if d := c.options.ReadTimeout; d > 0 {
		_ = c.conn.SetReadDeadline(time.Now().Add(d))
	}
	return c.next()
}

// next is readMessage under the deadline in force.
func (c *Client) next() (message, error) {
	for {
		m, ok, err := c.come()
		if ok || err != nil {
			return m, err
		}
		if err := c.in.wait(); err != nil {
			return message{}, c.failed("read", err)
		}
	}
}

// come is next for a message that has come already; it is not ok if there is none.
func (c *Client) come() (message, bool, error) {
	for {
		m, ok, err := c.in.next()
		if err != nil {
			return message{}, false, c.failed("read", err)
		}
		if !ok {
			return message{}, false, nil
		}
		if err := c.acknowledge(); err != nil {
			return message{}, false, err
		}
		ours, err := c.handle(&m)
		if err != nil {
			return message{}, false, err
		}
		if !ours {
			return m, true, nil
		}
	}
}

// handle deals with a message that is about the connection itself, and reports whether it was one.
func (c *Client) handle(m *message) (ours bool, err error) {
	switch m.kind {
	case ack, setPeerBandwidth:
		return true, nil
	case windowAckSize:
		size, err := parseControl(m)
		c.window = uint64(size)
		return true, err
	case userControl:
		e, err := parseEvent(m)
		if err != nil || e.kind != eventPingRequest {
			return false, err
		}
		return true, c.reply(eventMessage(eventPingResponse, e.value))
	case amf0Command, amf3Command:
		if err := c.refusal(m); err != nil {
			return false, err
		}
	}
	return false, nil
}

// acknowledge tells the server how far we are, twice as often as it wants to know.
func (c *Client) acknowledge() error {
	if c.window == 0 || c.in.consumed-c.acked < (c.window+1)/2 {
		return nil
	}
	c.acked = c.in.consumed
	return c.reply(controlMessage(ack, uint32(c.acked)))
}

// reply sends a short message beside the writer: a connection's writes do not mix.
func (c *Client) reply(m message) error {
	return c.write(appendMessage(nil, &m, minChunkSize))
}

// WriteMessage is WriteMessages of one.
func (c *Client) WriteMessage(m Message) error { return c.WriteMessages(m) }

// WriteMessages sends messages in one write. It keeps nothing of them.
func (c *Client) WriteMessages(all ...Message) error {
	for i := range all {
		m := &all[i]
		if err := c.add(message{m.Kind, m.Chunk, m.Stream, m.Time, m.Body}); err != nil {
			c.out = c.out[:0]
			return err
		}
	}
	return c.flush()
}

// add puts a message into the next write.
func (c *Client) add(m message) error {
	if m.chunk < minChunk || m.chunk > maxChunk {
		return fmt.Errorf("rtmp: write: chunk stream %d is not in %d..%d", m.chunk, minChunk, maxChunk)
	}
	if len(m.body) > maxMessage {
		return fmt.Errorf("%w: %d bytes", errTooLong, len(m.body))
	}
	c.out = appendMessage(c.out, &m, c.size)
	return nil
}

// flush writes what has been added.
func (c *Client) flush() error {
	err := c.write(c.out)
	if c.out = c.out[:0]; cap(c.out) > keptOut {
		c.out = nil
	}
	return err
}

func (c *Client) write(b []byte) error {
	if d := c.options.WriteTimeout; d > 0 {
		_ = c.conn.SetWriteDeadline(time.Now().Add(d))
	}
	if _, err := c.conn.Write(b); err != nil {
		return c.failed("write", err)
	}
	return nil
}

// failed says what went wrong, and that it was us if it was.
func (c *Client) failed(what string, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed && !errors.Is(err, net.ErrClosed) {
		err = net.ErrClosed
	}
	return fmt.Errorf("rtmp: %s: %w", what, err)
}
