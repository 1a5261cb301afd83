package webrtc

import (
	"encoding/binary"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtcp"
	pionrtp "github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"weir/internal/config"
	"weir/internal/format/rtp"
	"weir/internal/media"
)

const (
	// How many packets of a track are kept, to be sent again.
	historyVideo = 1024
	historyAudio = 128

	reportEvery = int64(time.Second) // between two reports of a track's clock
)

// way is how a codec is sent to a player.
type way struct {
	kind    uint8 // payload type
	resent  uint8 // that of packets that are sent again (RTX); 0: they are sent again as they were
	profile byte  // of H.264
}

// outlet is a track that a player is sent: a webrtc.TrackLocal. Its numbers go on from one publisher to the next.
type outlet struct {
	// Set at construction.
	kind   media.Kind
	stream string // which its tracks belong to
	clock  int64
	sender *webrtc.RTPSender
	again  bool // what is lost is sent again

	mu      sync.Mutex // guards what follows
	bound   bool
	writer  webrtc.TrackLocalWriter
	ways    map[media.Codec][]way
	codec   media.Codec // of what was sent last
	way     way
	header  pionrtp.Header
	next    uint16 // sequence number of the next packet
	stamp   uint32 // time of the newest packet, or what it begins with
	stampAt int64  // when that was sent; 0: none was
	rtx     pionrtp.Header
	history *rtp.History
	room    []byte
	count   sendCount
	rtt     time.Duration
}

// sendCount is what has been sent.
type sendCount struct {
	packets, bytes uint32
	reportAt       int64
}

func newOutlet(kind media.Kind, id string, rules *config.RTC) *outlet {
	o := &outlet{kind: kind, stream: id, clock: videoClock, again: rules.Nack}
	o.header.Version, o.rtx.Version = 2, 2
	o.next = uint16(rand.Uint32N(1 << 15)) // far from its end: RFC 3711, 3.3.1
	o.stamp = rand.Uint32()
	if kind == media.Audio {
		o.clock = opusClock
	}
	return o
}

// ID, RID, StreamID and Kind are what the library asks of a track.
func (o *outlet) ID() string       { return o.kind.String() }
func (o *outlet) RID() string      { return "" }
func (o *outlet) StreamID() string { return o.stream }
func (o *outlet) Kind() webrtc.RTPCodecType {
	if o.kind == media.Video {
		return webrtc.RTPCodecTypeVideo
	}
	return webrtc.RTPCodecTypeAudio
}

// Bind takes what has been agreed on: all of these codecs may be sent.
func (o *outlet) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := c.CodecParameters()
	first := -1
	o.ways = map[media.Codec][]way{}
	for i, p := range list {
		codec := codecOf(p.MimeType)
		if codec == media.Unknown || codec == media.H264 && !strings.Contains(p.SDPFmtpLine, "packetization-mode=1") {
			continue
		}
		if first < 0 {
			first = i
		}
		o.ways[codec] = append(o.ways[codec], way{uint8(p.PayloadType), resentBy(list, p.PayloadType), profileOf(p.SDPFmtpLine)})
	}
	if first < 0 {
		return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
	}
	o.header.SSRC, o.rtx.SSRC = uint32(c.SSRC()), uint32(c.SSRCRetransmission())
	o.forget()
	o.writer, o.bound = c.WriteStream(), true
	return list[first], nil
}

// forget begins with a history of nothing. mu is held.
func (o *outlet) forget() {
	size := historyVideo
	if o.kind == media.Audio {
		size = historyAudio
	}
	if o.again {
		o.history = rtp.NewHistory(size)
	}
}

// Unbind has nothing more sent.
func (o *outlet) Unbind(webrtc.TrackLocalContext) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bound = false
	return nil
}

// resentBy returns the payload type by which packets of another are sent again; 0 is none.
func resentBy(list []webrtc.RTPCodecParameters, of webrtc.PayloadType) uint8 {
	for _, p := range list {
		if strings.EqualFold(p.MimeType, webrtc.MimeTypeRTX) && p.SDPFmtpLine == "apt="+strconv.Itoa(int(of)) {
			return uint8(p.PayloadType)
		}
	}
	return 0
}

// profileOf returns the profile of H.264 that an offer names.
func profileOf(fmtp string) byte {
	_, id, ok := strings.Cut(fmtp, "profile-level-id=")
	if !ok || len(id) < 2 {
		return 0
	}
	n, _ := strconv.ParseUint(id[:2], 16, 8) // what is none is 0
	return byte(n)
}

// use has the packets that follow be of a codec, and of a profile of H.264 if that is known. It is false for one that has not
// been agreed on. mu is held.
func (o *outlet) use(c media.Codec, profile byte) bool {
	if o.codec == c && (profile == 0 || o.way.profile == profile) {
		return true
	}
	ways := o.ways[c]
	if len(ways) == 0 {
		return false
	}
	w := ways[0]
	for _, other := range ways {
		if other.profile == profile {
			w = other
			break
		}
	}
	if profile != 0 {
		w.profile = profile // that is the best there is
	}
	if o.header.PayloadType != w.kind && o.count.packets > 0 {
		o.forget() // what was sent would be sent again as something else
	}
	o.codec, o.way = c, w
	o.header.PayloadType, o.rtx.PayloadType = w.kind, w.resent
	return true
}

// send sends a packet with a sequence number of the player's, once; mu is held. What the library does not send is lost: that
// the connection has ended is heard elsewhere.
func (o *outlet) send(now int64, sequence uint16, p rtp.Payload) {
	if !o.bound || o.history != nil && o.history.Has(sequence) {
		return
	}
	h := &o.header
	h.SequenceNumber, h.Timestamp, h.Marker = sequence, p.Time, p.Marker
	if o.history != nil {
		o.history.Put(time.Duration(now), sequence, p)
	}
	if int16(sequence-o.next) >= 0 {
		o.next, o.stamp, o.stampAt = sequence+1, p.Time, now
	}
	o.count.packets++
	o.count.bytes += uint32(len(p.Data))
	_, _ = o.writer.WriteRTP(h, p.Data)
}

// resend sends those of the packets again that a player asks for, and returns how many bytes these were.
func (o *outlet) resend(list []rtcp.NackPair) (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.history == nil || !o.bound {
		return 0
	}
	now := time.Duration(media.Now())
	for _, pair := range list {
		for _, sequence := range pair.PacketList() {
			p, send, _ := o.history.Again(now, o.rtt, sequence)
			if send {
				n += headLen + len(p.Data)
				o.repeat(sequence, p)
			}
		}
	}
	return n
}

// repeat sends a packet again; mu is held. Spec: RFC 4588, 4.
func (o *outlet) repeat(sequence uint16, p rtp.Payload) {
	if o.way.resent == 0 || o.rtx.SSRC == 0 {
		h := o.header
		h.SequenceNumber, h.Timestamp, h.Marker = sequence, p.Time, p.Marker
		_, _ = o.writer.WriteRTP(&h, p.Data) // who has left is noticed elsewhere
		return
	}
	o.room = append(binary.BigEndian.AppendUint16(o.room[:0], sequence), p.Data...)
	o.rtx.Timestamp, o.rtx.Marker = p.Time, p.Marker
	_, _ = o.writer.WriteRTP(&o.rtx, o.room)
	o.rtx.SequenceNumber++
}

// goOn returns the time of a packet of another source that is sent now: it goes on behind what was sent.
func (o *outlet) goOn(now int64) uint32 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stampAt == 0 {
		return o.stamp
	}
	return o.stamp + max(1, rtp.Ticks(now-o.stampAt, o.clock))
}

// report returns a report of the track's clock, by which a player brings sound and pictures together; nil while none is due. Stamp
// is the track's time now. mu is held.
func (o *outlet) report(now int64, stamp uint32) *rtcp.SenderReport {
	if !o.bound || o.count.packets == 0 || o.count.reportAt != 0 && now-o.count.reportAt < reportEvery {
		return nil
	}
	o.count.reportAt = now
	return &rtcp.SenderReport{
		SSRC: o.header.SSRC, NTPTime: rtp.NTP(time.Now()), RTPTime: stamp, PacketCount: o.count.packets, OctetCount: o.count.bytes,
	}
}

// heard notes what a player says of what it has received.
func (o *outlet) heard(r *rtcp.ReceptionReport) {
	if r.LastSenderReport == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	took := uint32(rtp.NTP(time.Now())>>16) - r.LastSenderReport - r.Delay // in 1/65536 s
	if took < 1<<20 {
		o.rtt = time.Duration(took) * time.Second >> 16
	}
}
