package srt

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/datarhei/gosrt"

	"weir/internal/config"
)

// cell is the bytes of a packet of a transport stream, and headers what SRT and UDP over IPv4 put before the payload.
const (
	cell    = 188
	headers = 44
)

// options are what the library is to do by the settings.
func options(c *config.SRTServer) srt.Config {
	o := srt.DefaultConfig()
	o.ConnectionTimeout, o.PeerIdleTimeout = c.ConnectTimeout, c.PeerIdleTimeout
	o.ReceiverLatency, o.PeerLatency = c.Recvlatency, c.Peerlatency
	o.MSS = uint32(c.Mss)
	o.PayloadSize = uint32(payload(c))
	o.ListenerControl = buffers(c.Recvbuf, c.Sendbuf)
	return o
}

// payload is how many bytes go into a packet: as many as are set and fit.
func payload(c *config.SRTServer) int {
	return max(cell, min(cmp.Or(c.Payloadsize, c.Mss-headers), c.Mss-headers))
}

// addressOf gives an address to listen on as the library wants it.
func addressOf(listen string) string {
	if _, err := strconv.Atoi(listen); err == nil && !strings.Contains(listen, ":") {
		return ":" + listen
	}
	return listen
}
