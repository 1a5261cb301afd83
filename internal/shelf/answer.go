package shelf

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"weir/internal/stream"
	"weir/internal/web"
)

// Refuse answers a player whom a gate has not let in.
func Refuse(w http.ResponseWriter, r *http.Request, err error) {
	var denied *stream.Denied
	var moved *stream.Moved
	switch {
	case errors.As(err, &moved) && strings.HasPrefix(moved.URL, "http"):
		http.Redirect(w, r, moved.URL, http.StatusFound)
	case errors.As(err, &denied):
		web.Fail(w, http.StatusForbidden, denied.Error())
	case errors.Is(err, ErrCrowded):
		w.Header().Set("Retry-After", "1")
		web.Fail(w, http.StatusServiceUnavailable, err.Error())
	case errors.Is(err, ErrFull), errors.Is(err, ErrStopped):
		web.Fail(w, http.StatusServiceUnavailable, err.Error())
	default:
		web.Fail(w, http.StatusForbidden, err.Error())
	}
}

// Send answers with some bytes.
func Send(w http.ResponseWriter, r *http.Request, kind, cache string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", cache)
	if r.Method != http.MethodHead {
		h.Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) // the client has gone: nobody is left to tell
	}
}

// Fetched reports whether a request asks for what is there; if not, it is answered.
func Fetched(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	web.Fail(w, http.StatusMethodNotAllowed, "a list of segments, or a segment, can only be fetched")
	return false
}

// counter counts the bytes of an answer.
type counter struct {
	http.ResponseWriter
	n int64
}

// Unwrap is for http.ResponseController.
func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.n += int64(n)
	return n, err
}

// ReadFrom keeps the way from a file to a socket short.
func (c *counter) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(c.ResponseWriter, r)
	c.n += n
	return n, err
}
