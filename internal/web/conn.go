package web

import (
	"context"
	"net"
	"net/http"
)

type connKey struct{}

// withConn is for http.Server.ConnContext.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// Conn is the connection that a request came over, for who wants to know about it: it is the HTTP
// server's to read and write. It is nil for a request that came over none, or to a server that is not
// of HTTPServer.
func Conn(r *http.Request) net.Conn {
	c, _ := r.Context().Value(connKey{}).(net.Conn)
	return c
}
