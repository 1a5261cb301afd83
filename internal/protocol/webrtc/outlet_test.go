package webrtc

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
	pionrtp "github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"weir/internal/config"
	"weir/internal/format/rtp"
	"weir/internal/media"
)

// agreed is what a library tells a track of: codecs that were agreed on, and a writer.
type agreement struct {
	webrtc.TrackLocalContext
	writer *noted
}

func (a agreement) CodecParameters() []webrtc.RTPCodecParameters {
	of := func(mime, fmtp string, kind uint8) webrtc.RTPCodecParameters {
		return webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: mime, SDPFmtpLine: fmtp}, PayloadType: webrtc.PayloadType(kind)}
	}
	return []webrtc.RTPCodecParameters{
		of(webrtc.MimeTypeH264, "packetization-mode=0;profile-level-id=42e01f", 100),
		of(webrtc.MimeTypeH264, "packetization-mode=1;profile-level-id=42e01f", 102),
		of(webrtc.MimeTypeRTX, "apt=102", 103),
		of(webrtc.MimeTypeH264, "packetization-mode=1;profile-level-id=64001f", 104),
		of(webrtc.MimeTypeVP8, "", 96),
	}
}
func (a agreement) SSRC() webrtc.SSRC                    { return 7 }
func (a agreement) SSRCRetransmission() webrtc.SSRC      { return 8 }
func (a agreement) WriteStream() webrtc.TrackLocalWriter { return a.writer }

// noted keeps the headers of what is written.
type noted struct {
	headers []pionrtp.Header
	sizes   []int
}

func (n *noted) WriteRTP(h *pionrtp.Header, payload []byte) (int, error) {
	n.headers, n.sizes = append(n.headers, *h), append(n.sizes, len(payload))
	return len(payload), nil
}
func (n *noted) Write(b []byte) (int, error) { return len(b), nil }

func bound(t testing.TB) (*outlet, *noted) {
	t.Helper()
	o, n := newOutlet(media.Video, "x", &config.RTC{Nack: true}), &noted{}
	if _, err := o.Bind(agreement{writer: n}); err != nil {
		t.Fatal(err)
	}
	return o, n
}

// TestOutlet sends packets of several codecs, and some again.
func TestOutlet(t *testing.T) {
	o, n := bound(t)
	o.mu.Lock()
	for _, c := range []struct {
		codec   media.Codec
		profile byte
		want    uint8 // payload type; 0: it is not taken
	}{{media.H264, 0, 102}, {media.H264, 0x64, 104}, {media.H264, 0x4d, 102}, {media.VP8, 0, 96}, {media.AV1, 0, 0}, {media.H264, 0x42, 102}} {
		took := o.use(c.codec, c.profile)
		if took != (c.want != 0) || took && o.header.PayloadType != c.want {
			t.Errorf("%s %x: %t, payload type %d", c.codec, c.profile, took, o.header.PayloadType)
		}
	}
	first := o.next
	for i := range 3 {
		o.send(media.Now(), o.next, rtp.Payload{Data: []byte("hello"), Time: uint32(i), Marker: i == 2})
	}
	o.mu.Unlock()
	if got := o.resend([]rtcp.NackPair{{PacketID: first + 1}, {PacketID: first + 100}}); got != headLen+5 {
		t.Errorf("%d bytes are sent again", got)
	}
	if len(n.headers) != 4 {
		t.Fatalf("%d packets", len(n.headers))
	}
	for i, h := range n.headers[:3] {
		if h.SequenceNumber != first+uint16(i) || h.SSRC != 7 || h.PayloadType != 102 || h.Timestamp != uint32(i) || h.Marker != (i == 2) {
			t.Errorf("packet %d: %+v", i, h)
		}
	}
	if h := n.headers[3]; h.SSRC != 8 || h.PayloadType != 103 || n.sizes[3] != 7 || h.Timestamp != 1 {
		t.Errorf("sent again: %+v, %d bytes", h, n.sizes[3])
	}
}

// TestOutletGoesOn has another source begin where one has ended.
func TestOutletGoesOn(t *testing.T) {
	o, n := bound(t)
	o.clock = videoClock
	o.mu.Lock()
	at := media.Now()
	o.send(at, o.next, rtp.Payload{Data: []byte("x"), Time: 1000})
	o.send(at, o.next-1, rtp.Payload{Data: []byte("y"), Time: 1001}) // a number that is used up
	o.mu.Unlock()
	if len(n.headers) != 1 {
		t.Errorf("%d packets of one number", len(n.headers))
	}
	if got := o.goOn(at + int64(2*time.Second)); got != 1000+2*videoClock {
		t.Errorf("it goes on at %d", got)
	}
	if got := o.goOn(at); got != 1001 {
		t.Errorf("in the same moment it goes on at %d", got)
	}
}

// BenchmarkOutlet sends a packet, up to the library.
func BenchmarkOutlet(b *testing.B) {
	o, _ := bound(b)
	o.writer = nothing{}
	p := rtp.Payload{Data: make([]byte, 1200)}
	b.ReportAllocs()
	for b.Loop() {
		o.mu.Lock()
		o.use(media.H264, 0)
		o.send(1, o.next, p)
		o.mu.Unlock()
	}
}

type nothing struct{}

func (nothing) WriteRTP(_ *pionrtp.Header, payload []byte) (int, error) { return len(payload), nil }
func (nothing) Write(b []byte) (int, error)                             { return len(b), nil }
