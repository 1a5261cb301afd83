package rtmp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"weir/internal/listen"
)

// maxHead is how many first bytes of a client are looked at to see that it speaks no RTMP.
const maxHead = 32

// errStranger is for a client that speaks another protocol than the port it has come to.
var errStranger = errors.New("wrong port")

// webAnswer is for browsers, and whoever else speaks HTTP.
const webAnswer = "HTTP/1.1 400 Bad Request\r\n" +
	"Content-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"

// recognize looks at a client's first bytes, as far as it takes to tell HTTP and TLS, and leaves
// them to be read. All else may be RTMP, whatever its first byte is, and gets nil.
func (s *session) recognize() error {
	for looked := 0; looked < maxHead; {
		for looked == len(s.input.unread) {
			if err := s.input.fill(); err != nil {
				return handshakeError(err)
			}
		}
		looked = min(len(s.input.unread), maxHead)
		head := s.input.unread[:looked]
		web, secure := listen.IsHTTP(head), listen.IsTLS(head)
		switch {
		case web == listen.Yes:
			return s.server.answerWeb(s.conn, inside(s.conn) != s.conn)
		case secure == listen.Yes:
			return fmt.Errorf("%w: TLS has come to the RTMP port: %s", errStranger, s.server.adviseTLS())
		case web != listen.More && secure != listen.More:
			return nil
		}
	}
	return nil
}

// answerWeb says to one who speaks HTTP where it has come to, and returns what the log is to say.
func (v *Server) answerWeb(conn net.Conn, secure bool) error {
	port, scheme := "RTMP", "rtmp"
	if secure {
		port, scheme = "RTMPS", "rtmps"
	}
	text := fmt.Sprintf("This is the %s port of a live streaming server. It does not speak HTTP.\n"+
		"Open %s://HOST:PORT/APP/STREAM with an encoder or a player.\n", port, scheme)
	_ = conn.SetWriteDeadline(time.Now().Add(farewellTime))
	if _, err := fmt.Fprintf(conn, webAnswer, len(text), text); err == nil {
		linger(conn)
	}
	return fmt.Errorf("%w: HTTP has come to the %s port: use %s:// here, and the HTTP ports for http://", errStranger, port, scheme)
}

// adviseTLS says where to go with TLS.
func (v *Server) adviseTLS() string {
	if c := v.options.Config().RTMPS; c.Enabled {
		return "use rtmp:// here, and rtmps:// with port " + strings.Join(c.Listen, " or ")
	}
	return "use rtmp:// here; rtmps:// needs the block rtmps in the configuration"
}

// strayWeb takes care of a client that speaks HTTP without TLS to the RTMPS port.
func (v *Server) strayWeb(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	v.stray(conn, v.answerWeb(conn, true))
}

// strayPlain takes care of a client that speaks something else without TLS to the RTMPS port.
func (v *Server) strayPlain(_ context.Context, conn net.Conn) {
	defer conn.Close()
	v.stray(conn, fmt.Errorf("%w: the RTMPS port is not for plain RTMP: use rtmps:// here, and rtmp:// with port %s",
		errStranger, strings.Join(v.options.Config().Listen, " or ")))
}

func (v *Server) stray(conn net.Conn, cause error) {
	v.options.Log.Info("connection ended", "ip", addrOf(conn.RemoteAddr()), "cause", cause)
}
