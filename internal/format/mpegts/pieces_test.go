package mpegts

import "io"

// messages gives a stream as SRT does: a message of seven packets with each read.
func messages(b []byte) io.Reader { return &pieces{b: b, next: func() int { return 7 * packetSize }} }

// pieces gives a stream in pieces of any size.
type pieces struct {
	b    []byte
	next func() int
}

func (p *pieces) Read(dst []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := copy(dst, p.b[:min(len(p.b), max(1, p.next()))])
	p.b = p.b[n:]
	return n, nil
}

// endless gives a stream again and again, in messages.
type endless struct {
	b  []byte
	at int
}

func (e *endless) Read(dst []byte) (int, error) {
	n := copy(dst, e.b[e.at:min(len(e.b), e.at+7*packetSize)])
	e.at = (e.at + n) % len(e.b)
	return n, nil
}
