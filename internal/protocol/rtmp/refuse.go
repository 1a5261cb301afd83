package rtmp

import (
	"errors"
	"fmt"

	"weir/internal/format/amf0"
	"weir/internal/stream"
)

// refusal is why a client is turned away: a code that players and encoders know, and a
// sentence that they show.
type refusal struct {
	code string
	text string
	err  error // for the log; nil is text
}

func (r *refusal) Error() string {
	if r.err != nil {
		return r.err.Error()
	}
	return r.text
}

func (r *refusal) Unwrap() error { return r.err }

// The codes of refusals. Spec: Adobe Flash Media Server, client onStatus codes.
const (
	codeRejected      = "NetConnection.Connect.Rejected"
	codeInvalidApp    = "NetConnection.Connect.InvalidApp"
	codeClosed        = "NetConnection.Connect.Closed"
	codeBadName       = "NetStream.Publish.BadName"
	codePublishDenied = "NetStream.Publish.Denied"
	codePlayFailed    = "NetStream.Play.Failed"
	codeUnpublish     = "NetStream.Unpublish.Success"
	codeReconnect     = "NetConnection.Connect.ReconnectRequest" // Enhanced RTMP v2, "Reconnect Request"
)

func refuse(code, format string, args ...any) *refusal {
	return &refusal{code: code, text: fmt.Sprintf(format, args...)}
}

// refuseStream words what the registry or its gates said.
func refuseStream(err error, publish bool, r *stream.Request) *refusal {
	code, verb := codePlayFailed, "play"
	if publish {
		code, verb = codePublishDenied, "publish"
	}
	var denied *stream.Denied
	switch {
	case errors.Is(err, stream.ErrBusy):
		return &refusal{codeBadName, fmt.Sprintf("%s is being published already by somebody else.", r.URL()), err}
	case errors.As(err, &denied):
		return &refusal{code, fmt.Sprintf("You may not %s %s: %s", verb, r.URL(), denied.Reason), err}
	}
	return &refusal{code, fmt.Sprintf("The server cannot let you %s %s now.", verb, r.URL()), err}
}

// message tells the client.
func (r *refusal) message() message {
	return statusMessage("error", r.code, r.text, asClient())
}

// movedMessage sends a client elsewhere, in both forms that clients know: some put the stream's name behind the first.
func movedMessage(to string) message {
	whole, _ := cutAny(to, "?#")
	app, _ := splitLast(whole)
	ex := amf0.Object{
		{Name: "code", Value: 302},
		{Name: "redirect", Value: app},
		{Name: "redirect2", Value: to},
	}
	m := statusMessage("error", codeRejected, "RTMP 302 Redirect", amf0.Property{Name: "ex", Value: ex})
	m.stream = 0
	return m
}
