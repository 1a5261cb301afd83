package api

import (
	"net/http"
	"time"
)

const (
	maxHeader   = 16 << 10 // bytes of a request's headers
	maxBody     = 1 << 20  // bytes of its body: a session description fits many times
	readTimeout = 15 * time.Second
	sendTimeout = 30 * time.Second
	idleTimeout = time.Minute
)

// Server returns an HTTP server for h with bounds that suit an API: small requests, short
// answers. It is not for handlers that send media.
func Server(h http.Handler) *http.Server {
	return &http.Server{
		Handler:        http.MaxBytesHandler(h, maxBody),
		ReadTimeout:    readTimeout,
		WriteTimeout:   sendTimeout,
		IdleTimeout:    idleTimeout,
		MaxHeaderBytes: maxHeader,
	}
}
