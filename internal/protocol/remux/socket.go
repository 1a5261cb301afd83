package remux

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/coder/websocket"

	"weir/internal/fanout"
)

const (
	maxSaid     = 64 << 10 // bytes of a message from a viewer, which nobody reads
	keptMessage = 1 << 20  // bytes of a message whose memory is kept for the next
)

// socket is a WebSocket: one message for a batch, the first with the header.
type socket struct {
	*answer
	cancel context.CancelCauseFunc // of the viewer
	shared bool                    // pages of other sites may connect

	conn    *websocket.Conn
	message []byte
	ended   chan struct{} // closed when its reading has ended
}

// wantsSocket reports whether a request asks for a WebSocket.
func wantsSocket(r *http.Request) bool {
	return r.ProtoMajor == 1 && lists(r.Header, "Connection", "upgrade") && lists(r.Header, "Upgrade", "websocket")
}

// lists reports whether a header names a token.
func lists(h http.Header, name, token string) bool {
	for _, line := range h.Values(name) {
		for word := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(word), token) {
				return true
			}
		}
	}
	return false
}

// begin upgrades the connection. Of the subprotocols that a viewer offers it gets the first: it
// would leave without one, and there is nothing to choose.
func (s *socket) begin() error {
	var offered []string
	for _, line := range s.r.Header.Values("Sec-WebSocket-Protocol") {
		for name := range strings.SplitSeq(line, ",") {
			offered = append(offered, strings.TrimSpace(name))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.began = true // it answers itself if it fails
	conn, err := websocket.Accept(s.w, s.r, &websocket.AcceptOptions{
		Subprotocols: offered, InsecureSkipVerify: s.shared, CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		return &refusal{status: http.StatusBadRequest, reason: "This is no proper WebSocket.", err: err}
	}
	conn.SetReadLimit(maxSaid)
	s.conn, s.ended = conn, make(chan struct{})
	go s.listen()
	return nil
}

// listen takes what the viewer says: pings are answered in it, and messages mean nothing.
func (s *socket) listen() {
	defer close(s.ended)
	for {
		_, said, err := s.conn.Reader(context.Background()) // ends with the connection
		if err == nil {
			var n int64
			n, err = io.Copy(io.Discard, said)
			s.traffic.Received.Add(uint64(n))
		}
		if err != nil {
			s.cancel(errLeft)
			return
		}
	}
}

func (s *socket) write(bufs net.Buffers) error {
	s.message = s.message[:0]
	for _, p := range bufs {
		s.message = append(s.message, p...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), fanout.WriteTimeout)
	defer cancel()
	err := s.conn.Write(ctx, websocket.MessageBinary, s.message)
	s.traffic.Sent.Add(uint64(len(s.message)))
	if cap(s.message) > keptMessage {
		s.message = nil
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fanout.ErrSlow
	}
	return err
}

func (s *socket) abort() {
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn != nil {
		_ = conn.CloseNow() // it is over anyway
	}
}

// end closes the connection, and waits until its reading has ended.
func (s *socket) end(cause error) {
	if s.conn == nil {
		return
	}
	if errors.Is(cause, io.EOF) {
		_ = s.conn.Close(websocket.StatusNormalClosure, "The publisher has ended.") // the viewer may have gone
	}
	_ = s.conn.CloseNow() // the same
	<-s.ended
}
