package flvpost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"weir/internal/stream"
)

const (
	// farewellTime is how long a client that is answered may take to hear it.
	farewellTime = time.Second
	// maxFarewell bounds what it may send meanwhile.
	maxFarewell = 16 << 20
)

// refusal is an answer to a client that may not publish, or not go on.
type refusal struct {
	status   int
	reason   string
	location string // with a status that leads elsewhere
	err      error  // for the log; nil is the reason
}

func (r *refusal) Error() string {
	if r.err != nil {
		return r.err.Error()
	}
	return r.reason
}

func (r *refusal) Unwrap() error { return r.err }

func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status: status, reason: fmt.Sprintf(format, args...)}
}

// refuseStream words what the registry or its gates said.
func refuseStream(err error, r *stream.Request) *refusal {
	if denied, ok := errors.AsType[*stream.Denied](err); ok {
		return &refusal{status: http.StatusForbidden, reason: fmt.Sprintf("You may not publish %s: %s", r.URL(), denied.Reason), err: err}
	}
	if moved, ok := errors.AsType[*stream.Moved](err); ok {
		return &refusal{status: http.StatusTemporaryRedirect, reason: "The stream is on another server.", location: moved.URL, err: err}
	}
	if errors.Is(err, stream.ErrBusy) {
		return &refusal{status: http.StatusConflict, reason: r.URL() + " is being published already by somebody else.", err: err}
	}
	return &refusal{status: http.StatusInternalServerError, reason: fmt.Sprintf("The server cannot let you publish %s now.", r.URL()), err: err}
}

// last is the answer at an end that is not the client's leaving.
func (s *session) last(err error) *refusal {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r
	}
	switch {
	case err == nil:
		return refuse(http.StatusOK, "The stream %s has been published to its end.", s.url)
	case errors.Is(err, stream.ErrKicked):
		return refuse(http.StatusForbidden, "The operator of the server has closed this connection.")
	case errors.Is(err, stream.ErrEnding):
		return refuse(http.StatusServiceUnavailable, "The server is about to end: connect again.")
	case errors.Is(err, stream.ErrReplaced):
		return refuse(http.StatusConflict, "Another publisher has taken over this stream.")
	case errors.Is(err, stream.ErrIdle):
		return refuse(http.StatusForbidden, "Nobody has been watching this stream for a while.")
	case errors.Is(err, stream.ErrMute):
		return refuse(http.StatusRequestTimeout, "The server has received nothing for too long, and ends the stream.")
	case errors.Is(err, context.Canceled):
		return refuse(http.StatusServiceUnavailable, "The server stops.")
	}
	return refuse(http.StatusInternalServerError, "The server has ended this stream; its log says why.")
}

// part answers, and waits until the client has heard it or has had time to: a connection that closes while something
// comes is reset, and then the answer is lost. If the server stops there is less time.
func (s *session) part(r *refusal, stops bool) {
	text, err := json.Marshal(struct {
		Code   int    `json:"code"`
		Reason string `json:"reason"`
	}{r.status, r.reason})
	if err != nil { // a number and a string always can
		text = nil
	}
	text = append(text, '\n')
	answer := http.Response{
		StatusCode: r.status, ProtoMajor: 1, ProtoMinor: 1, Close: true,
		Header: http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}},
		Body:   io.NopCloser(bytes.NewReader(text)), ContentLength: int64(len(text)),
	}
	if r.location != "" {
		answer.Header.Set("Location", r.location)
	}
	if s.server.o.Product != "" {
		answer.Header.Set("Server", s.server.o.Product)
	}
	var out bytes.Buffer
	_ = answer.Write(&out) // into memory
	if s.send(out.Bytes()) != nil {
		return // it has left
	}
	limit := farewellTime
	if stops {
		limit /= 2
	}
	if half, ok := s.conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_ = s.conn.SetReadDeadline(time.Now().Add(limit))
		_, _ = io.CopyN(io.Discard, s.conn, maxFarewell)
	}
}

// send sends a few bytes to the client.
func (s *session) send(b []byte) error {
	_ = s.conn.SetWriteDeadline(time.Now().Add(farewellTime))
	n, err := s.conn.Write(b)
	s.traffic.Sent.Add(uint64(n))
	return err
}
