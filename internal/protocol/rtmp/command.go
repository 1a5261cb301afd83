package rtmp

import (
	"errors"
	"fmt"

	"weir/internal/format/amf0"
)

// A command is AMF values one after the other, in a message of type 20, or of type 17 behind a
// byte of zero:
//
//	| name string | transaction number | command object or null | arguments … |
//
// Spec: Adobe RTMP 1.0, 7.2.
type command struct {
	name string
	tid  float64
	args []any // the command object first
}

var errCommand = errors.New("rtmp: bad command")

// parseCommand reads a command message. Values that are cut short behind the name are left
// out: some clients send less than they announce.
func parseCommand(m *message) (command, error) {
	body := m.body
	if m.kind == amf3Command && len(body) > 0 && body[0] == 0 {
		body = body[1:]
	}
	values, err := amf0.ParseAll(body)
	switch {
	case len(values) == 0 && err == nil:
		return command{}, fmt.Errorf("%w: it is empty", errCommand)
	case len(values) == 0:
		return command{}, fmt.Errorf("%w: %w", errCommand, err)
	}
	name, ok := values[0].(string)
	if !ok {
		return command{}, fmt.Errorf("%w: its name is a %T", errCommand, values[0])
	}
	c := command{name: name}
	if len(values) > 1 {
		c.tid, _ = values[1].(float64)
		c.args = values[2:]
	}
	return c, nil
}

// object returns argument n if it is an object.
func (c *command) object(n int) (amf0.Object, bool) {
	if n >= len(c.args) {
		return nil, false
	}
	switch v := c.args[n].(type) {
	case amf0.Object:
		return v, true
	case amf0.ECMAArray:
		return amf0.Object(v), true
	}
	return nil, false
}

// text returns argument n if it is a string.
func (c *command) text(n int) string {
	if n >= len(c.args) {
		return ""
	}
	s, _ := c.args[n].(string)
	return s
}

// number returns argument n if it is a number.
func (c *command) number(n int) float64 {
	if n >= len(c.args) {
		return 0
	}
	v, _ := c.args[n].(float64)
	return v
}

// The number of the one message stream that a connection has.
const streamID = 1

// clientID is what players have been told they are since the first servers.
const clientID = "ASAICiss"

// commandMessage returns a command on a chunk and a message stream.
func commandMessage(chunk, stream uint32, values ...any) message {
	return message{kind: amf0Command, chunk: chunk, stream: stream, body: amf0.Append(nil, values...)}
}

// resultMessage answers a command.
func resultMessage(stream uint32, tid float64, values ...any) message {
	return commandMessage(commandChunk, stream, append([]any{"_result", tid}, values...)...)
}

// statusInfo is what an onStatus, or an _error, says; more are properties beside.
func statusInfo(level, code, description string, more ...amf0.Property) amf0.Object {
	info := amf0.Object{
		{Name: "level", Value: level},
		{Name: "code", Value: code},
		{Name: "description", Value: description},
	}
	return append(info, more...)
}

// statusMessage is an onStatus of the stream.
func statusMessage(level, code, description string, more ...amf0.Property) message {
	return commandMessage(statusChunk, streamID, "onStatus", 0, nil, statusInfo(level, code, description, more...))
}

// asClient is the property that says which client a status is for.
func asClient() amf0.Property { return amf0.Property{Name: "clientid", Value: clientID} }

// argument returns argument n, or nil.
func (c *command) argument(n int) any {
	if n >= len(c.args) {
		return nil
	}
	return c.args[n]
}
