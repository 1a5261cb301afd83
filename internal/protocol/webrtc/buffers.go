package webrtc

import (
	"errors"
	"io"
	"sync/atomic"

	"github.com/pion/transport/v4/packetio"
)

const (
	maxSources = 64        // SSRCs of a client that the library keeps something for, in each direction
	rtpBytes   = 1_000_000 // of packets that wait to be read, for one
	rtcpBytes  = 100_000   // the same of RTCP
)

var errSources = errors.New("the client has named more SSRCs than anybody needs")

// buffers hands the library the memory in which it keeps packets of a client for each SSRC that the client names, and never
// gives up: it takes any number of them.
type buffers struct {
	made atomic.Int32
	end  func(error)
}

// make makes the buffer of an SSRC. Those that are too many take nothing, and end the session.
func (b *buffers) make(kind packetio.BufferPacketType, _ uint32) io.ReadWriteCloser {
	buffer := packetio.NewBuffer()
	if kind == packetio.RTPBufferPacket {
		buffer.SetLimitSize(rtpBytes)
	} else {
		buffer.SetLimitSize(rtcpBytes)
	}
	if b.made.Add(1) > 2*maxSources {
		_ = buffer.Close() // never fails
		b.end(errSources)
	}
	return buffer
}
