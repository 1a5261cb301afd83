package web

import (
	"log/slog"
	"net/http"
	"time"
)

// The bounds of a connection. There is none on the whole of an answer: a stream has no end.
const (
	maxHeader      = 16 << 10 // bytes of a request's headers
	headerTimeout  = 10 * time.Second
	idleTimeout    = 15 * time.Second // between two requests
	maxStreams     = 100              // requests at once on a connection of HTTP/2
	receiveStream  = 64 << 10         // bytes of a body that wait to be read
	receiveConn    = 256 << 10        // the same, of all requests of a connection
	pingAfter      = 15 * time.Second // of silence, to find out who has vanished
	pingTimeout    = 15 * time.Second
	maxHeaderTable = 4 << 10 // bytes of headers that HTTP/2 refers back to
)

// HTTPServer returns an HTTP server for h, whose answers may be endless, with bounds for all else.
func HTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		HTTP2:             HTTP2(),
		ConnContext:       withConn,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // what clients do wrong
	}
}

// HTTP2 returns the bounds of a connection of HTTP/2.
func HTTP2() *http.HTTP2Config {
	return &http.HTTP2Config{
		MaxConcurrentStreams:          maxStreams,
		MaxReceiveBufferPerStream:     receiveStream,
		MaxReceiveBufferPerConnection: receiveConn,
		MaxDecoderHeaderTableSize:     maxHeaderTable,
		MaxEncoderHeaderTableSize:     maxHeaderTable,
		SendPingTimeout:               pingAfter,
		PingTimeout:                   pingTimeout,
		WriteByteTimeout:              writeTimeout,
	}
}
