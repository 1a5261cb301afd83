package bench

import (
	"bytes"

	"weir/internal/format/amf0"
)

// look is what the first bytes of a video message tell.
type look struct {
	header bool // no picture: headers, ends, commands
	key    bool
	units  int // where its NAL units begin, if it is H.264 with an original header; else 0
}

// videoOf looks at the first bytes of a video message. Spec: E.4.3.1, and Enhanced RTMP.
func videoOf(b []byte) look {
	const (
		codecAVC = 7
		command  = 5
		enhanced = 0x80
		frames   = 1 // enhanced packet types: with composition times
		framesX  = 3 // and without
		several  = 6 // tracks in one message
	)
	if len(b) < 2 {
		return look{header: true}
	}
	kind := b[0] >> 4 & 7
	l := look{key: kind == 1, header: kind == command}
	if b[0]&enhanced != 0 {
		packet := b[0] & 0xf
		l.header = l.header || packet != frames && packet != framesX && packet != several
		if string(b[1:min(5, len(b))]) == "avc1" {
			switch packet {
			case frames:
				l.units = 8
			case framesX:
				l.units = 5
			}
		}
		return l
	}
	if b[0]&0xf == codecAVC {
		l.header, l.units = l.header || b[1] != packetFrame, videoHead
	}
	return l
}

// audioHeader reports whether an audio message has no sound, but tells of it.
func audioHeader(b []byte) bool {
	const (
		codecAAC = 10
		enhanced = 9
		frames   = 1
		several  = 5
	)
	if len(b) < 2 {
		return true
	}
	switch b[0] >> 4 {
	case codecAAC:
		return b[1] == packetHeader
	case enhanced:
		return b[0]&0xf != frames && b[0]&0xf != several
	}
	return false
}

// keepForAll wraps a data message as encoders do, so that a server keeps it for late joiners.
func keepForAll(body []byte) []byte {
	mark := amf0.Append(nil, "@setDataFrame")
	if bytes.HasPrefix(body, mark) {
		return body
	}
	return append(mark, body...)
}
