package webrtc

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	pionrtp "github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"weir/internal/format/rtp"
	"weir/internal/media"
	"weir/internal/stream"
)

const (
	maxCounts  = 16                    // tracks of a session that are counted
	ratePeriod = int64(time.Second)    // over which a rate is told
	rateEvery  = 16                    // packets between two looks at the clock
	echo       = 50 * time.Millisecond // within which one packet of RTCP comes to several readers
)

// tally counts what the tracks of a session meet on their way. It is an interceptor.Interceptor, the one next to the
// network, so that it sees what others send again.
type tally struct {
	interceptor.NoOp
	seed maphash.Seed
	drop func() int // the payload type of packets that are taken for lost; 0 is none

	mu      sync.Mutex                          // guards what follows
	counts  map[uint32]*counted                 // by SSRC; maxCounts at most
	list    []*counted                          // the same, in order
	meaning map[uint8]webrtc.RTPCodecParameters // of payload types
	last    uint64                              // hash of the newest packet of RTCP
	lastAt  time.Time
}

// counted is a track. Its mu guards what is below: tracks do not wait for each other.
type counted struct {
	pt atomic.Uint32 // the payload type by which its codec is known

	mu     sync.Mutex
	info   stream.Transit
	clock  uint32
	begun  bool
	first  uint32 // numbers of packets, unwrapped
	high   uint32
	came   uint32
	late   int64 // ns by which the newest packet took longer than its clock says
	jitter float64
	mark   int64 // ns, when the rate was reckoned
	marked uint64
}

func newTally(drop func() int) *tally {
	return &tally{seed: maphash.MakeSeed(), drop: drop, counts: map[uint32]*counted{}}
}

// NewInterceptor gives the tally itself: each is of one connection.
func (t *tally) NewInterceptor(string) (interceptor.Interceptor, error) { return t, nil }

// add begins to count a track; nil if that is not one of media, or too many.
func (t *tally) add(info *interceptor.StreamInfo, sent bool) *counted {
	if strings.EqualFold(info.MimeType, webrtc.MimeTypeRTX) {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.counts[info.SSRC]; c != nil || len(t.list) >= maxCounts {
		return c
	}
	kind := media.Audio
	if strings.HasPrefix(strings.ToLower(info.MimeType), "video/") {
		kind = media.Video
	}
	c := &counted{clock: max(1, info.ClockRate), info: stream.Transit{Kind: kind, Codec: codecOf(info.MimeType), Sent: sent}}
	t.counts[info.SSRC], t.list = c, append(t.list, c)
	return c
}

// BindLocalStream counts a track that is sent.
func (t *tally) BindLocalStream(info *interceptor.StreamInfo, next interceptor.RTPWriter) interceptor.RTPWriter {
	c := t.add(info, true)
	if c == nil {
		return next
	}
	own := info.SSRC
	return interceptor.RTPWriterFunc(func(h *pionrtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
		if h.SSRC == own {
			t.learn(c, h.PayloadType)
		}
		c.sent(h, len(payload), h.SSRC != own)
		return next.Write(h, payload, a)
	})
}

// BindRemoteStream counts a track that comes.
func (t *tally) BindRemoteStream(info *interceptor.StreamInfo, next interceptor.RTPReader) interceptor.RTPReader {
	c := t.add(info, false)
	return interceptor.RTPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		n, a, err := next.Read(b, a)
		for err == nil && n > 1 && t.drops(b[1]&0x7f) {
			n, a, err = next.Read(b, a)
		}
		if err != nil || c == nil {
			return n, a, err
		}
		if a == nil {
			a = interceptor.Attributes{}
		}
		if h, err := a.GetRTPHeader(b[:n]); err == nil {
			t.learn(c, h.PayloadType)
			c.received(h, n)
		}
		return n, a, nil
	})
}

// agreed tells what payload types mean, once that is known: a track is bound before, and its codec may change.
func (t *tally) agreed(pc *webrtc.PeerConnection) {
	meaning := map[uint8]webrtc.RTPCodecParameters{}
	for _, r := range pc.GetReceivers() {
		for _, c := range r.GetParameters().Codecs {
			meaning[uint8(c.PayloadType)] = c
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.meaning = meaning
}

// learn has a track know its codec.
func (t *tally) learn(c *counted, pt uint8) {
	if c.pt.Swap(uint32(pt)) == uint32(pt) {
		return
	}
	t.mu.Lock()
	codec, ok := t.meaning[pt]
	t.mu.Unlock()
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.info.Codec, c.clock = codecOf(codec.MimeType), max(1, codec.ClockRate)
}

// drops reports whether a packet with that payload type is to be lost.
func (t *tally) drops(pt byte) bool {
	lose := t.drop()
	return lose != 0 && int(pt) == lose
}

// BindRTCPReader hears what the client tells and asks for.
func (t *tally) BindRTCPReader(next interceptor.RTCPReader) interceptor.RTCPReader {
	return interceptor.RTCPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		n, a, err := next.Read(b, a)
		if err != nil || t.heard(b[:n]) {
			return n, a, err
		}
		if a == nil {
			a = interceptor.Attributes{}
		}
		if list, err := a.GetRTCPPackets(b[:n]); err == nil {
			t.hear(list, true)
		}
		return n, a, nil
	})
}

// BindRTCPWriter hears what the client is asked for.
func (t *tally) BindRTCPWriter(next interceptor.RTCPWriter) interceptor.RTCPWriter {
	return interceptor.RTCPWriterFunc(func(list []rtcp.Packet, a interceptor.Attributes) (int, error) {
		t.hear(list, false)
		return next.Write(list, a)
	})
}

// heard reports whether a packet has just come by another reader: there is one for each track that it is about.
func (t *tally) heard(b []byte) bool {
	sum, now := maphash.Bytes(t.seed, b), time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	again := sum == t.last && now.Sub(t.lastAt) < echo
	t.last, t.lastAt = sum, now
	return again
}

// hear counts what packets of RTCP are about: told of what is sent, or asked of what comes.
func (t *tally) hear(list []rtcp.Packet, told bool) {
	for _, p := range list {
		switch p := p.(type) {
		case *rtcp.ReceiverReport:
			t.reports(p.Reports, told)
		case *rtcp.SenderReport:
			t.reports(p.Reports, told)
		case *rtcp.TransportLayerNack:
			n := 0
			for i := range p.Nacks {
				n += len(p.Nacks[i].PacketList())
			}
			t.each(p.MediaSSRC, told, func(c *counted) { c.info.NACKs += uint64(n) })
		case *rtcp.PictureLossIndication:
			t.each(p.MediaSSRC, told, func(c *counted) { c.info.PLIs++ })
		case *rtcp.FullIntraRequest:
			for _, e := range p.FIR {
				t.each(e.SSRC, told, func(c *counted) { c.info.PLIs++ })
			}
		}
	}
}

// reports takes what the client says of tracks that it is sent.
func (t *tally) reports(list []rtcp.ReceptionReport, told bool) {
	if !told {
		return
	}
	now := uint32(rtp.NTP(time.Now()) >> 16)
	for _, r := range list {
		t.each(r.SSRC, true, func(c *counted) {
			c.info.Lost = uint64(max(0, int32(r.TotalLost<<8)>>8)) // 24 bits with a sign
			c.info.Jitter = time.Duration(uint64(r.Jitter) * uint64(time.Second) / uint64(c.clock))
			if trip := now - r.LastSenderReport - r.Delay; r.LastSenderReport != 0 && int32(trip) >= 0 {
				c.info.Trip = time.Duration(uint64(trip) * uint64(time.Second) >> 16)
			}
		})
	}
}

// each has a track that goes that way changed.
func (t *tally) each(ssrc uint32, sent bool, change func(*counted)) {
	t.mu.Lock()
	c := t.counts[ssrc]
	t.mu.Unlock()
	if c == nil || c.info.Sent != sent {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

// sent counts a packet that goes out.
func (c *counted) sent(h *pionrtp.Header, payload int, again bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := uint32(h.SequenceNumber)
	if !again {
		again = c.begun && int16(h.SequenceNumber-uint16(c.high)) <= 0
		if !again {
			c.begun, c.high = true, n
		}
	}
	if again {
		c.info.Again++
	}
	c.count(h.MarshalSize() + payload)
}

// received counts a packet that comes. Spec: RFC 3550, A.3 and A.8.
func (c *counted) received(h *pionrtp.Header, size int) {
	now := media.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.begun {
		c.begun, c.first, c.high = true, uint32(h.SequenceNumber), uint32(h.SequenceNumber)
	}
	if step := int16(h.SequenceNumber - uint16(c.high)); step > 0 {
		c.high += uint32(step)
	}
	c.came++
	if expected := c.high - c.first + 1; expected > c.came {
		c.info.Lost = uint64(expected - c.came)
	} else {
		c.info.Lost = 0
	}
	late := now - int64(uint64(h.Timestamp)*uint64(time.Second)/uint64(c.clock))
	if wrap := int64(uint64(1)<<32*uint64(time.Second)/uint64(c.clock)) / 2; c.came > 1 && abs(late-c.late) < wrap {
		c.jitter += (float64(abs(late-c.late)) - c.jitter) / 16
		c.info.Jitter = time.Duration(c.jitter)
	}
	c.late = late
	c.count(size)
}

// count counts a packet's bytes; c.mu is held.
func (c *counted) count(size int) {
	c.info.Packets++
	c.info.Bytes += uint64(size)
	if c.info.Packets%rateEvery != 0 {
		return
	}
	now := media.Now()
	if c.mark == 0 {
		c.mark, c.marked = now, c.info.Bytes
	} else if passed := now - c.mark; passed >= ratePeriod {
		c.info.Rate = float64(c.info.Bytes-c.marked) * 8 * float64(time.Second) / float64(passed)
		c.mark, c.marked = now, c.info.Bytes
	}
}

func abs(n int64) int64 { return max(n, -n) }

// transit tells how the tracks fare; it is of stream.Request.
func (s *session) transit() []stream.Transit {
	s.tally.mu.Lock()
	tracks := append([]*counted(nil), s.tally.list...)
	s.tally.mu.Unlock()
	var list []stream.Transit
	for _, c := range tracks {
		c.mu.Lock()
		list = append(list, c.info)
		c.mu.Unlock()
	}
	return list
}

// link tells of the network; it is of stream.Request. Only who is sent something tells of a round trip.
func (s *session) link() (l stream.Link, ok bool) {
	for _, t := range s.transit() {
		l.RoundTrip = max(l.RoundTrip, t.Trip)
	}
	return l, l.RoundTrip > 0
}
