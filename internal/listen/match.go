package listen

import (
	"encoding/binary"
	"strings"
)

// IsTLS recognises a ClientHello: a handshake record (22) of version 3.x whose message is 1.
// Spec: RFC 8446, 5.1 and 4.
func IsTLS(head []byte) Verdict {
	want := []struct{ at, low, high byte }{{0, 22, 22}, {1, 3, 3}, {2, 0, 4}, {5, 1, 1}}
	for _, w := range want {
		if int(w.at) >= len(head) {
			return More
		}
		if b := head[w.at]; b < w.low || b > w.high {
			return No
		}
	}
	return Yes
}

// IsHTTP recognises a request of HTTP/1 by its method, and the preface of HTTP/2.
func IsHTTP(head []byte) Verdict {
	const methods = "GET POST PUT DELETE HEAD OPTIONS PATCH CONNECT TRACE PRI "
	for method := range strings.SplitAfterSeq(methods, " ") {
		if method == "" {
			continue
		}
		n := min(len(head), len(method))
		if string(head[:n]) != method[:n] {
			continue
		}
		if n == len(method) {
			return Yes
		}
		return More
	}
	return No
}

// IsRTMP recognises the version byte C0: 3, or 0xf3, the mark of a proxy's prefix.
func IsRTMP(head []byte) Verdict {
	switch {
	case len(head) == 0:
		return More
	case head[0] == 0x03 || head[0] == 0xf3:
		return Yes
	}
	return No
}

// IsICE recognises ICE over TCP: a STUN message behind its length. Put it before IsRTMP, whose
// one byte may be a length.
//
//	| length u16 | 00 type u14 | STUN length u16 | cookie u32 = 0x2112a442 | ...
//
// Spec: RFC 4571, 2; RFC 8489, 5: the STUN length is a multiple of 4 and leaves out 20 bytes.
func IsICE(head []byte) Verdict {
	const cookie = "\x21\x12\xa4\x42"
	if len(head) > 2 && head[2]&0xc0 != 0 {
		return No
	}
	if len(head) < 6 {
		return More
	}
	size, body := binary.BigEndian.Uint16(head), binary.BigEndian.Uint16(head[4:])
	if body%4 != 0 || int(size) != int(body)+20 {
		return No
	}
	n := min(len(head)-6, len(cookie))
	switch {
	case string(head[6:6+n]) != cookie[:n]:
		return No
	case n < len(cookie):
		return More
	}
	return Yes
}
