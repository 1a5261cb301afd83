package rtmp

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The control messages go on chunk stream 2 and message stream 0. Spec: Adobe RTMP 1.0, 5.4
// and 7.1.7.
//
//	set chunk size, abort, ack, window ack size | value u32 |
//	set peer bandwidth                          | window u32 | limit u8 |
//	user control                                | event u16 | value u32 | second u32 |

// The user control events, and what their values are.
const (
	eventStreamBegin     = 0 // stream
	eventStreamEOF       = 1 // stream
	eventSetBufferLength = 3 // stream, ms
	eventPingRequest     = 6 // anything; comes back in the response
	eventPingResponse    = 7
)

// limitDynamic is the limit type of set peer bandwidth that everybody sends.
const limitDynamic = 2

var errControl = errors.New("rtmp: bad control message")

// controlMessage returns a message of type set chunk size, abort, ack or window ack size.
func controlMessage(kind uint8, value uint32) message {
	return message{
		kind:  kind,
		chunk: controlChunk,
		body:  binary.BigEndian.AppendUint32(nil, value),
	}
}

// bandwidthMessage returns a set peer bandwidth message.
func bandwidthMessage(window uint32, limit uint8) message {
	m := controlMessage(setPeerBandwidth, window)
	m.body = append(m.body, limit)
	return m
}

// eventMessage returns a user control message.
func eventMessage(event uint16, values ...uint32) message {
	body := binary.BigEndian.AppendUint16(make([]byte, 0, 10), event)
	for _, v := range values {
		body = binary.BigEndian.AppendUint32(body, v)
	}
	return message{kind: userControl, chunk: controlChunk, body: body}
}

// parseControl returns the value of a control message that is no user control: of set peer
// bandwidth, the window.
func parseControl(m *message) (uint32, error) {
	if len(m.body) < 4 {
		return 0, fmt.Errorf("%w: type %d of %d bytes", errControl, m.kind, len(m.body))
	}
	return binary.BigEndian.Uint32(m.body), nil
}

// event is a user control message. Values that it has not are 0.
type event struct {
	kind          uint16
	value, second uint32
}

// parseEvent reads a user control message. An event that is not one of ours needs no value.
func parseEvent(m *message) (event, error) {
	b := m.body
	if len(b) < 2 {
		return event{}, fmt.Errorf("%w: user control of %d bytes", errControl, len(b))
	}
	e := event{kind: binary.BigEndian.Uint16(b)}
	need := 0
	switch e.kind {
	case eventSetBufferLength:
		need = 8
	case eventStreamBegin, eventStreamEOF, eventPingRequest, eventPingResponse:
		need = 4
	}
	if b = b[2:]; len(b) < need {
		return event{}, fmt.Errorf("%w: event %d of %d bytes", errControl, e.kind, len(m.body))
	}
	if len(b) >= 4 {
		e.value = binary.BigEndian.Uint32(b)
	}
	if len(b) >= 8 {
		e.second = binary.BigEndian.Uint32(b[4:])
	}
	return e, nil
}
