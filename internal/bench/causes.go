package bench

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"

	"weir/internal/protocol/rtmp"
)

// maxCauses bounds how many different ones are told apart.
const maxCauses = 50

// causes counts why connections failed or were dropped.
type causes struct {
	mu    sync.Mutex
	count map[string]int
}

// cause is one of a report.
type cause struct {
	Count int    `json:"count"`
	Text  string `json:"text"`
}

// add counts an error.
func (c *causes) add(what string, err error) {
	text := what + ": " + reason(err)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count == nil {
		c.count = map[string]int{}
	}
	if _, known := c.count[text]; !known && len(c.count) >= maxCauses {
		text = what + ": other reasons"
	}
	c.count[text]++
}

// list returns all, the most frequent first.
func (c *causes) list() []cause {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []cause
	for text, n := range c.count {
		all = append(all, cause{n, text})
	}
	slices.SortFunc(all, func(a, b cause) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Text, b.Text))
	})
	return all
}

// reason returns an error's text without what differs from one connection to the next, such as
// ports.
func reason(err error) string {
	var refused *rtmp.StatusError
	var timeout net.Error
	var number syscall.Errno
	switch {
	case errors.As(err, &refused):
		return fmt.Sprintf("the server says %s %q", refused.Code, refused.Description)
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, os.ErrDeadlineExceeded):
		return "no answer in time"
	case errors.As(err, &number):
		return number.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the server closed the connection"
	}
	return err.Error()
}
