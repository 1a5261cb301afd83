package remux

import (
	"errors"
	"fmt"
	"net/http"

	"weir/internal/stream"
	"weir/internal/web"
)

// refusal is an answer without a stream, and an http.Handler that gives it.
type refusal struct {
	status   int
	reason   string
	location string // with status 302
	err      error  // for the log; nil is the reason
}

func (r *refusal) Error() string {
	if r.err != nil {
		return r.err.Error()
	}
	return r.reason
}

func (r *refusal) Unwrap() error { return r.err }

// ServeHTTP answers.
func (r *refusal) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if r.location != "" {
		w.Header().Set("Location", r.location)
	}
	web.Fail(w, r.status, r.reason)
}

func refuse(status int, reason string) *refusal { return &refusal{status: status, reason: reason} }

// The ends of those who have waited in vain.
var (
	errAbsent = refuse(http.StatusNotFound, "Nobody publishes this stream.")
	errSilent = refuse(http.StatusNotFound, "The publisher has sent nothing yet that could be played.")
	errEnded  = refuse(http.StatusNotFound, "The publisher has ended before anything came.")
	errEnding = &refusal{status: http.StatusServiceUnavailable, reason: "The server is about to end: ask again.", err: stream.ErrEnding}
	errKicked = &refusal{status: http.StatusForbidden, reason: "The operator of the server has closed this connection.", err: stream.ErrKicked}
)

// refuseStream words what the registry or its gates said.
func refuseStream(err error, r *stream.Request) *refusal {
	if denied, ok := errors.AsType[*stream.Denied](err); ok {
		return &refusal{status: http.StatusForbidden, reason: fmt.Sprintf("You may not play %s: %s", r.URL(), denied.Reason), err: err}
	}
	if moved, ok := errors.AsType[*stream.Moved](err); ok {
		return &refusal{status: http.StatusFound, reason: "The stream is on another server.", location: moved.URL, err: err}
	}
	return &refusal{status: http.StatusInternalServerError, reason: fmt.Sprintf("The server cannot let you play %s now.", r.URL()), err: err}
}
