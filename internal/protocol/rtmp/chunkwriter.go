package rtmp

import (
	"encoding/binary"
	"net"
	"slices"
)

// maxChunk is the highest number of a chunk stream, minChunk the lowest.
const (
	minChunk = 2
	maxChunk = 64 + 1<<16 - 1
)

// We write a header of type 0 for every message, so that each stands for itself, and type 3
// for its other chunks. An extended time is in all of them.
const maxHeader = 3 + 11 + 4

// appendMessage appends m in chunks of at most chunkSize bytes of payload. M's chunk is between
// minChunk and maxChunk and its body at most maxMessage bytes.
func appendMessage(dst []byte, m *message, chunkSize int) []byte {
	body := m.body
	chunks := 1 + len(body)/chunkSize
	dst = slices.Grow(dst, maxHeader+len(body)+(chunks-1)*(3+4))
	dst = appendHeader(dst, m)
	for len(body) > chunkSize {
		dst = append(dst, body[:chunkSize]...)
		dst = appendContinuation(dst, m)
		body = body[chunkSize:]
	}
	return append(dst, body...)
}

// joinMessages returns one message after the other.
func joinMessages(chunkSize int, messages ...message) []byte {
	size := 0
	for i := range messages {
		size += maxHeader + len(messages[i].body) + len(messages[i].body)/chunkSize*(3+4)
	}
	dst := make([]byte, 0, size)
	for i := range messages {
		dst = appendMessage(dst, &messages[i], chunkSize)
	}
	return dst
}

// appendVectors is appendMessage without a copy of the body: bufs gets pieces of it, and
// between them headers, whose bytes are appended to headers. They stay untouched as long as
// nobody shortens headers and appends to it again; so one array serves batch after batch.
func appendVectors(bufs net.Buffers, headers *[]byte, m *message, chunkSize int) net.Buffers {
	h := *headers
	from := len(h)
	h = appendHeader(h, m)
	bufs = append(bufs, h[from:len(h):len(h)])
	body := m.body
	if len(body) > chunkSize {
		from = len(h)
		h = appendContinuation(h, m)
		again := h[from:len(h):len(h)] // the same before every other chunk
		for len(body) > chunkSize {
			bufs = append(bufs, body[:chunkSize:chunkSize], again)
			body = body[chunkSize:]
		}
	}
	*headers = h
	if len(body) > 0 {
		bufs = append(bufs, body[:len(body):len(body)])
	}
	return bufs
}

// appendFollowers is appendVectors for a message that follows another one by delta ms. It gives
// headers back, whose bytes stay untouched until somebody shortens it and appends to it again.
func appendFollowers(bufs net.Buffers, headers []byte, m *message, delta uint32, chunkSize int) (net.Buffers, []byte) {
	from := len(headers)
	headers = appendFollowing(headers, m, delta)
	bufs = append(bufs, headers[from:len(headers):len(headers)])
	body := m.body
	if len(body) > chunkSize {
		from = len(headers)
		headers = appendBasic(headers, 3, m.chunk)
		again := headers[from:len(headers):len(headers)]
		for ; len(body) > chunkSize; body = body[chunkSize:] {
			bufs = append(bufs, body[:chunkSize:chunkSize], again)
		}
	}
	return append(bufs, body), headers
}

// appendHeader appends the header of m's first chunk.
func appendHeader(dst []byte, m *message) []byte {
	dst = appendBasic(dst, 0, m.chunk)
	dst = appendU24(dst, min(m.time, extendedTime))
	dst = appendU24(dst, uint32(len(m.body)))
	dst = append(dst, m.kind)
	dst = binary.LittleEndian.AppendUint32(dst, m.stream)
	return appendExtended(dst, m.time)
}

// appendContinuation appends the header of m's other chunks.
func appendContinuation(dst []byte, m *message) []byte {
	return appendExtended(appendBasic(dst, 3, m.chunk), m.time)
}

// appendFollowing appends the header of a message that follows another on its chunk stream,
// by delta ms: of type 1, the same for all players whatever their time base. Delta is below
// extendedTime, and so the message's other chunks have no extended time.
func appendFollowing(dst []byte, m *message, delta uint32) []byte {
	dst = appendBasic(dst, 1, m.chunk)
	dst = appendU24(dst, delta)
	dst = appendU24(dst, uint32(len(m.body)))
	return append(dst, m.kind)
}

func appendBasic(dst []byte, format uint8, chunk uint32) []byte {
	format <<= 6
	switch {
	case chunk < 64:
		return append(dst, format|uint8(chunk))
	case chunk < 64+1<<8:
		return append(dst, format, uint8(chunk-64))
	default:
		return append(dst, format|1, uint8(chunk-64), uint8((chunk-64)>>8))
	}
}

func appendExtended(dst []byte, time uint32) []byte {
	if time < extendedTime {
		return dst
	}
	return binary.BigEndian.AppendUint32(dst, time)
}

func appendU24(dst []byte, v uint32) []byte {
	return append(dst, byte(v>>16), byte(v>>8), byte(v))
}
