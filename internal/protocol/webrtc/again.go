package webrtc

import (
	"bytes"
	"encoding/binary"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"weir/internal/media"
)

const (
	history   = 1024 // packets of a track that a player can have again
	maxAgains = 10   // times that it can have one

	// Between two times is most of the time in which the player hears of the first, within these, or its impatience would
	// multiply what it is sent.
	againLeast = 20 * time.Millisecond
	againMost  = 500 * time.Millisecond
)

// again sends players again what they lost, as RTX (RFC 4588) where that is agreed on. It keeps the packets that were sent
// without a copy, so that all players share them: who writes a packet must not change its payload afterwards. The library's own
// keeps one and a half megabytes for each.
type again struct {
	interceptor.NoOp
	copies bool // it keeps copies all the same

	mu     sync.Mutex // guards what follows
	tracks map[uint32]*past
}

// past is what was sent of a track.
type past struct {
	writer interceptor.RTPWriter
	again  uint32 // the source of RTX; zero where there is none
	kind   uint8  // its payload type

	mu      sync.Mutex // guards what follows
	packets []gone     // a ring, by number
	number  uint16     // of the last one of RTX
	rest    time.Duration
}

// gone is a packet that was sent.
type gone struct {
	payload []byte
	time    uint32
	number  uint16
	kind    uint8
	marker  bool
	there   bool
	times   uint8 // that it was sent again
	last    int64 // when, as media.Now
}

// NewInterceptor is part of interceptor.Factory: each connection has its own, which it is.
func (a *again) NewInterceptor(string) (interceptor.Interceptor, error) { return a, nil }

// BindLocalStream is part of interceptor.Interceptor.
func (a *again) BindLocalStream(info *interceptor.StreamInfo, writer interceptor.RTPWriter) interceptor.RTPWriter {
	nack := false
	for _, f := range info.RTCPFeedback {
		nack = nack || f.Type == webrtc.TypeRTCPFBNACK && f.Parameter == ""
	}
	if !nack {
		return writer
	}
	p := &past{writer: writer, packets: make([]gone, history), rest: againLeast}
	if info.PayloadTypeRetransmission != 0 {
		p.again, p.kind = info.SSRCRetransmission, info.PayloadTypeRetransmission
	}
	a.mu.Lock()
	a.tracks[info.SSRC] = p
	a.mu.Unlock()
	return interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, attributes interceptor.Attributes) (int, error) {
		if h.SSRC == info.SSRC {
			p.keep(h, payload, a.copies)
		}
		return writer.Write(h, payload, attributes)
	})
}

// UnbindLocalStream is part of interceptor.Interceptor.
func (a *again) UnbindLocalStream(info *interceptor.StreamInfo) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.tracks, info.SSRC)
}

// BindRTCPReader is part of interceptor.Interceptor.
func (a *again) BindRTCPReader(reader interceptor.RTCPReader) interceptor.RTCPReader {
	return interceptor.RTCPReaderFunc(func(b []byte, attributes interceptor.Attributes) (int, interceptor.Attributes, error) {
		n, attributes, err := reader.Read(b, attributes)
		if err != nil {
			return 0, nil, err
		}
		if attributes == nil {
			attributes = interceptor.Attributes{}
		}
		list, err := attributes.GetRTCPPackets(b[:n])
		if err != nil {
			return 0, nil, err
		}
		for _, said := range list {
			switch k := said.(type) {
			case *rtcp.TransportLayerNack:
				a.answer(k)
			case *rtcp.ReceiverReport:
				a.learn(k, time.Now())
			}
		}
		return n, attributes, nil
	})
}

// learn takes from a player's report how long the way to it and back takes.
//
// Spec: RFC 3550, 6.4.1: the middle of the time in our last report, and how long after it this was sent, in 1/65536 s.
func (a *again) learn(k *rtcp.ReceiverReport, now time.Time) {
	const since1900 = 2_208_988_800
	middle := uint32((now.Unix()+since1900)<<16) + uint32(int64(now.Nanosecond())<<16/int64(time.Second))
	for _, r := range k.Reports {
		a.mu.Lock()
		p := a.tracks[r.SSRC]
		a.mu.Unlock()
		took := int32(middle - r.LastSenderReport - r.Delay)
		if p == nil || r.LastSenderReport == 0 || took < 0 {
			continue
		}
		p.mu.Lock()
		p.rest = min(max(time.Duration(took)*time.Second>>16*3/4, againLeast), againMost)
		p.mu.Unlock()
	}
}

// answer sends again what a player asks for, as far as it is there.
func (a *again) answer(k *rtcp.TransportLayerNack) {
	a.mu.Lock()
	p := a.tracks[k.MediaSSRC]
	a.mu.Unlock()
	if p == nil {
		return
	}
	for _, pair := range k.Nacks {
		pair.Range(func(number uint16) bool {
			if h, payload := p.take(number, k.MediaSSRC, media.Now()); h != nil {
				_, _ = p.writer.Write(h, payload, interceptor.Attributes{}) // if it is lost, the player asks again
			}
			return true
		})
	}
}

func (p *past) keep(h *rtp.Header, payload []byte, copies bool) {
	if copies {
		payload = bytes.Clone(payload)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.packets[h.SequenceNumber%history] = gone{
		payload: payload, time: h.Timestamp, number: h.SequenceNumber, kind: h.PayloadType, marker: h.Marker, there: true,
	}
}

// take returns a packet in the form in which it is sent again, or nil if it is not there or was sent just now, or too often.
func (p *past) take(number uint16, source uint32, now int64) (*rtp.Header, []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := &p.packets[number%history]
	if !g.there || g.number != number || g.times == maxAgains || g.times > 0 && time.Duration(now-g.last) < p.rest {
		return nil, nil
	}
	g.times++
	g.last = now
	h := &rtp.Header{Version: 2, Marker: g.marker, PayloadType: g.kind, SequenceNumber: number, Timestamp: g.time, SSRC: source}
	if p.again == 0 {
		return h, g.payload
	}
	p.number++
	h.SSRC, h.PayloadType, h.SequenceNumber = p.again, p.kind, p.number
	return h, append(binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(g.payload)), number), g.payload...)
}
