package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"weir/internal/stream"
)

// words says for people why something has ended; nil is no word.
func words(cause error) string {
	switch {
	case cause == nil:
		return ""
	case errors.Is(cause, syscall.ECONNRESET), errors.Is(cause, syscall.EPIPE):
		return "the client has broken the connection off"
	case errors.Is(cause, syscall.ETIMEDOUT), errors.Is(cause, os.ErrDeadlineExceeded):
		return "the client does not answer any more"
	case errors.Is(cause, io.EOF), errors.Is(cause, io.ErrUnexpectedEOF):
		return "the connection was closed without a word"
	case errors.Is(cause, net.ErrClosed):
		return "the connection was closed"
	case cause == context.Canceled: //nolint:errorlint // what wraps it has words of its own
		return "the server stops"
	}
	return cause.Error()
}

// repairWords says what was wrong with a publisher's times, and what became of it; empty if nothing.
func repairWords(h *stream.Health) string {
	var list []string
	say := func(n uint64, one, many string) {
		switch n {
		case 0:
		case 1:
			list = append(list, one)
		default:
			list = append(list, fmt.Sprintf(many, n))
		}
	}
	r := h.Repairs
	say(r.Order, "1 time was a little before the one before it, and was held", "%d times were a little before the one before them, and were held")
	say(r.Jump, "a clock was set once, which viewers do not see", "clocks were set %d times, which viewers do not see")
	say(r.Skew, "a track with a clock of its own was brought to the others once", "tracks with clocks of their own were brought to the others %d times")
	return strings.Join(list, "; ")
}
