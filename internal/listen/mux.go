package listen

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"
)

const (
	// headWait is how long a peer may take until its protocol is known.
	headWait = 10 * time.Second
	// maxHead bounds the bytes that matchers look at.
	maxHead = 32
)

// The errors of connections that no matcher gets; they go to the log.
var (
	// ErrSilent is for a peer that ends, or waits, before its first byte.
	ErrSilent = errors.New("listen: not one byte from the peer")
	// ErrUnknown is for first bytes that nobody recognises, when there is no default.
	ErrUnknown = errors.New("listen: unknown protocol")
)

// Verdict is what a matcher thinks of the first bytes.
type Verdict int

// The verdicts.
const (
	No   Verdict = iota
	Yes          // this is the protocol
	More         // it may be: more bytes will tell
)

// Match is a protocol that can be told by its first bytes.
type Match struct {
	Is     func(head []byte) Verdict // called again as head grows, up to maxHead bytes
	Handle Handler
}

// Mux gives each connection to the first match that says Yes, with no byte lost. While an
// earlier match wants More, later ones wait. Bytes that nobody recognises go to Default; a nil
// Default closes the connection. So does silence.
type Mux struct {
	Matches []Match
	Default Handler
	Log     *slog.Logger // nil: slog.Default()
}

// Handle is a Handler, to be used with Serve.
func (m *Mux) Handle(ctx context.Context, c net.Conn) {
	head, handle, err := m.choose(ctx, c)
	if err != nil {
		log := m.Log
		if log == nil {
			log = slog.Default()
		}
		log.Debug("connection closed", "remote", c.RemoteAddr(), "err", err)
		_ = c.Close()
		return
	}
	handle(ctx, unread(c, head))
}

func (m *Mux) choose(ctx context.Context, c net.Conn) ([]byte, Handler, error) {
	if err := c.SetReadDeadline(time.Now().Add(headWait)); err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	head, handle, err := m.read(c)
	if !stop() {
		return nil, nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, nil, err
	}
	_ = c.SetReadDeadline(time.Time{}) // a connection that is gone tells so when it is read
	return head, handle, nil
}

func (m *Mux) read(c net.Conn) ([]byte, Handler, error) {
	head := make([]byte, 0, maxHead)
	for {
		n, err := c.Read(head[len(head):maxHead])
		head = head[:len(head)+n]
		if len(head) == 0 {
			if err != nil {
				return nil, nil, fmt.Errorf("%w: %w", ErrSilent, err)
			}
			continue
		}
		handle, more := m.match(head, err != nil || len(head) == maxHead)
		switch {
		case more:
			continue
		case handle == nil:
			return nil, nil, fmt.Errorf("%w: it starts with % x", ErrUnknown, head)
		}
		return head, handle, nil
	}
}

// match finds the handler for head; last says that there will be no more of it.
func (m *Mux) match(head []byte, last bool) (handle Handler, more bool) {
	for _, p := range m.Matches {
		switch v := p.Is(head); {
		case v == Yes:
			return p.Handle, false
		case v == More && !last:
			return nil, true
		}
	}
	return m.Default, false
}
