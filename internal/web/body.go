package web

import (
	"io"
	"net/http"
	"time"
)

const (
	// maxBody bounds a body: nobody here wants one but the API, and its are small.
	maxBody = 1 << 20
	// bodyTimeout is how long a body may take.
	bodyTimeout = 15 * time.Second
)

// swallow reads the body of a request that should have none, so that the connection can go on with
// the next one. It is false, and the request is answered, if there is no end to it.
func swallow(w http.ResponseWriter, r *http.Request) bool {
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		return true
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTimeout)) // without one the limit has to do
	if r.ContentLength <= maxBody {
		n, err := io.Copy(io.Discard, io.LimitReader(r.Body, maxBody+1))
		if err == nil && n <= maxBody {
			_ = control.SetReadDeadline(time.Time{})
			return true
		}
	}
	w.Header().Set("Connection", "close")
	plain(w, http.StatusRequestEntityTooLarge)
	return false
}

// bound sets limits to the body of a request whose handler reads it.
func bound(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
}
