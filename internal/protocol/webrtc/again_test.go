package webrtc

import (
	"bytes"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// TestAgain takes what was sent, with RTX and without, with copies and without.
func TestAgain(t *testing.T) {
	const source, other = 7, 8
	for _, rtx := range []bool{true, false} {
		for _, copies := range []bool{true, false} {
			a := &again{copies: copies, tracks: map[uint32]*past{}}
			info := &interceptor.StreamInfo{SSRC: source, RTCPFeedback: []interceptor.RTCPFeedback{{Type: webrtc.TypeRTCPFBNACK}}}
			if rtx {
				info.SSRCRetransmission, info.PayloadTypeRetransmission = other, 97
			}
			sent := 0
			w := a.BindLocalStream(info, interceptor.RTPWriterFunc(func(*rtp.Header, []byte, interceptor.Attributes) (int, error) { sent++; return 0, nil }))
			payload := []byte("payload")
			for n := range uint16(history + 1) {
				h := &rtp.Header{Version: 2, Marker: true, PayloadType: 96, SequenceNumber: 65000 + n, Timestamp: uint32(n), SSRC: source}
				if _, err := w.Write(h, payload, nil); err != nil {
					t.Fatal(err)
				}
			}
			payload[0] = 'P'
			p := a.tracks[source]
			if h, _ := p.take(65000, source, 0); h != nil {
				t.Error("what is too old is there")
			}
			if h, _ := p.take(64999, source, 0); h != nil {
				t.Error("what was not sent is there")
			}
			h, got := p.take(65001, source, 0)
			want := rtp.Header{Version: 2, Marker: true, PayloadType: 96, SequenceNumber: 65001, Timestamp: 1, SSRC: source}
			if rtx {
				want.PayloadType, want.SequenceNumber, want.SSRC = 97, 1, other
				if !bytes.Equal(got[:2], []byte{65001 >> 8, 65001 & 0xff}) {
					t.Errorf("RTX begins with %x", got[:2])
				}
				got = got[2:]
			}
			if h == nil || h.SSRC != want.SSRC || h.SequenceNumber != want.SequenceNumber || h.PayloadType != want.PayloadType || h.Timestamp != 1 || !h.Marker {
				t.Errorf("%+v; want %+v", h, want)
			}
			if kept := string(got) == "payload"; kept != copies { // what was changed after it was written
				t.Errorf("copies %t: %q", copies, got)
			}
			times := 1
			for at := range int64(1000) {
				if h, _ := p.take(65001, source, at*int64(time.Millisecond)); h != nil {
					times++
				}
			}
			if times != maxAgains {
				t.Errorf("sent %d times", times)
			}
			if h, _ := p.take(65002, source, 0); h == nil {
				t.Error("another is not there")
			}
			if h, _ := p.take(65002, source, int64(againLeast)-1); h != nil {
				t.Error("it is sent again at once")
			}
			now := time.Unix(1_800_000_000, 500_000_000)
			for delay, want := range map[uint32]time.Duration{1 << 15: 250 * time.Millisecond * 3 / 4, 3 << 14: againLeast, 1 << 20: time.Second, 0: againMost} {
				a.tracks[source].rest = time.Second // our report was 0.75 s ago
				a.learn(&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: source, LastSenderReport: uint32((1_800_000_000+2_208_988_800-1)<<16&0xffffffff) + 3<<14, Delay: delay}, {SSRC: 99, LastSenderReport: 1}}}, now)
				if got := a.tracks[source].rest; got != want {
					t.Errorf("%d later: %s; want %s", delay, got, want)
				}
			}
			a.UnbindLocalStream(info)
			if len(a.tracks) != 0 || sent != history+1 {
				t.Errorf("%d tracks stay, %d packets went", len(a.tracks), sent)
			}
		}
	}
}
