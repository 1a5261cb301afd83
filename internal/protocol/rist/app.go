package rist

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/pion/rtcp"
)

// An APP packet of RIST:
//
//	| version u2 = 2 | padding u1 | subtype u5 | type u8 = 204 | length u16, words - 1 | SSRC of the media source u32 | "RIST" | data |
//
// Subtype 0 is a range NACK: any number of
//
//	| first missing packet u16 | how many more are missing after it u16 |
//
// Subtypes 2 and 3 are an echo request and its response, which has the same stamp and as much padding:
//
//	| stamp u64, of who asks | delay u32, µs: from request to response | padding |
//
// Spec: VSF TR-06-1, range-based NACK and RTT echo; RFC 3550, 6.7. Subtype 1, which extends sequence numbers, is
// the main profile's.
const (
	appNACK         = 0
	appEchoRequest  = 2
	appEchoResponse = 3

	appHeader = 12 // bytes, up to the name
	echoSize  = appHeader + 12
	runSize   = 4
)

var appName = [4]byte{'R', 'I', 'S', 'T'}

var (
	errShort   = errors.New("rist: RTCP packet is too short")
	errNotRIST = errors.New("rist: APP packet of somebody else")
)

// app is one APP packet of RIST; which fields have a meaning depends on the subtype.
type app struct {
	subtype uint8
	ssrc    uint32
	runs    []run
	echo    echo
}

type echo struct {
	stamp   uint64
	delay   time.Duration // of a response; whole µs
	padding int           // bytes
}

// parseApp reads one whole APP packet without RTCP's own padding. One of another name is errNotRIST, one that is cut
// errShort. Unknown subtypes have no data.
func parseApp(b []byte) (a app, err error) {
	if len(b) < appHeader {
		return a, errShort
	}
	a.subtype, a.ssrc = b[0]&0x1f, binary.BigEndian.Uint32(b[4:])
	if [4]byte(b[8:appHeader]) != appName {
		return a, errNotRIST
	}
	switch data := b[appHeader:]; a.subtype {
	case appNACK:
		if len(data)%runSize != 0 {
			return a, errShort
		}
		for ; len(data) > 0; data = data[runSize:] {
			a.runs = append(a.runs, run{binary.BigEndian.Uint16(data), binary.BigEndian.Uint16(data[2:])})
		}
	case appEchoRequest, appEchoResponse:
		if len(b) < echoSize {
			return a, errShort
		}
		a.echo = echo{
			stamp:   binary.BigEndian.Uint64(data),
			delay:   time.Duration(binary.BigEndian.Uint32(data[8:])) * time.Microsecond,
			padding: len(b) - echoSize,
		}
	}
	return a, nil
}

// appendApp adds a whole APP packet of a known subtype. The padding of an echo is whole words.
func appendApp(b []byte, a app) []byte {
	at := len(b)
	b = append(b, 2<<6|a.subtype, byte(rtcp.TypeApplicationDefined), 0, 0)
	b = binary.BigEndian.AppendUint32(b, a.ssrc)
	b = append(b, appName[:]...)
	if a.subtype == appNACK {
		for _, r := range a.runs {
			b = binary.BigEndian.AppendUint16(b, r.first)
			b = binary.BigEndian.AppendUint16(b, r.more)
		}
	} else {
		b = binary.BigEndian.AppendUint64(b, a.echo.stamp)
		b = binary.BigEndian.AppendUint32(b, uint32(a.echo.delay/time.Microsecond))
		b = append(b, make([]byte, a.echo.padding)...)
	}
	binary.BigEndian.PutUint16(b[at+2:], uint16((len(b)-at)/4-1))
	return b
}
