package rtmp

import (
	"crypto/tls"
	"net"

	"weir/internal/listen"
)

// Secure returns the handler of a port for RTMP over TLS, otherwise as Serve. Whoever speaks
// without TLS there is sent away at its first bytes.
func (v *Server) Secure(c *tls.Config) listen.Handler {
	m := listen.Mux{
		Matches: []listen.Match{
			{Is: listen.IsTLS, Handle: listen.TLS(c, v.options.Log, v.Serve)},
			{Is: listen.IsHTTP, Handle: v.strayWeb},
		},
		Default: v.strayPlain,
		Log:     v.options.Log,
	}
	return m.Handle
}

// inside returns the socket that a connection is wrapped around, or the connection.
func inside(conn net.Conn) net.Conn {
	for {
		outer, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return conn
		}
		conn = outer.NetConn()
	}
}

// closeWrite says to the peer that nothing more will come. TLS says so by itself, and many a
// client hears it from the socket alone.
func closeWrite(conn net.Conn) error {
	type closer interface{ CloseWrite() error }
	if secure, ok := conn.(*tls.Conn); ok {
		if err := secure.CloseWrite(); err != nil {
			return err
		}
	}
	if c, ok := inside(conn).(closer); ok {
		return c.CloseWrite()
	}
	return net.ErrClosed
}

// shut closes conn. Broken is one whose writes have failed: TLS would wait for some seconds
// there, to say goodbye to a peer who does not read.
func shut(conn net.Conn, broken bool) {
	if broken {
		conn = inside(conn)
	}
	conn.Close()
}
