package webrtc

import (
	"strconv"
	"strings"
	"sync"

	"github.com/pion/webrtc/v4"

	"weir/internal/media"
)

const (
	videoClock = 90_000
	opusClock  = 48_000
	tellClock  = 8_000 // of G.711
)

// offered is a codec that is understood, with the payload type by which we would offer it ourselves; answers keep that of
// the offer.
type offered struct {
	codec media.Codec
	kind  webrtc.RTPCodecType
	webrtc.RTPCodecParameters
}

// codecs are those that are passed on, the liked ones first. The resent form of each picture's codec (RTX, RFC 4588) is
// beside it. The list is everybody's: who changes one of them takes a copy.
var codecs = sync.OnceValue(func() []offered {
	feedback := []webrtc.RTCPFeedback{{Type: "goog-remb"}, {Type: "ccm", Parameter: "fir"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"}}
	var list []offered
	add := func(codec media.Codec, kind webrtc.RTPCodecType, mime string, clock uint32, channels uint16, fmtp string, pt uint8) {
		c := webrtc.RTPCodecCapability{MimeType: mime, ClockRate: clock, Channels: channels, SDPFmtpLine: fmtp}
		if kind == webrtc.RTPCodecTypeVideo && codec != media.Unknown {
			c.RTCPFeedback = feedback
		}
		list = append(list, offered{codec, kind, webrtc.RTPCodecParameters{RTPCodecCapability: c, PayloadType: webrtc.PayloadType(pt)}})
	}
	video := func(codec media.Codec, mime, fmtp string, pt, resent uint8) {
		add(codec, webrtc.RTPCodecTypeVideo, mime, videoClock, 0, fmtp, pt)
		add(media.Unknown, webrtc.RTPCodecTypeVideo, webrtc.MimeTypeRTX, videoClock, 0, "apt="+strconv.Itoa(int(pt)), resent)
	}
	const avc = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id="
	video(media.H264, webrtc.MimeTypeH264, avc+"42e01f", 102, 121)
	video(media.H264, webrtc.MimeTypeH264, avc+"42001f", 104, 122)
	video(media.H264, webrtc.MimeTypeH264, avc+"4d001f", 106, 123)
	video(media.H264, webrtc.MimeTypeH264, avc+"64001f", 108, 124)
	video(media.H265, webrtc.MimeTypeH265, "", 116, 117)
	video(media.AV1, webrtc.MimeTypeAV1, "", 45, 46)
	video(media.VP9, webrtc.MimeTypeVP9, "profile-id=0", 98, 99)
	video(media.VP8, webrtc.MimeTypeVP8, "", 96, 97)
	add(media.Opus, webrtc.RTPCodecTypeAudio, webrtc.MimeTypeOpus, opusClock, 2, "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1", 111)
	add(media.G711U, webrtc.RTPCodecTypeAudio, webrtc.MimeTypePCMU, tellClock, 0, "", 0)
	add(media.G711A, webrtc.RTPCodecTypeAudio, webrtc.MimeTypePCMA, tellClock, 0, "", 8)
	return list
})

// codecOf returns the codec of a track that has been agreed on.
func codecOf(mime string) media.Codec {
	for _, c := range codecs() {
		if c.codec != media.Unknown && strings.EqualFold(c.MimeType, mime) {
			return c.codec
		}
	}
	return media.Unknown
}

// offers reports whether an offer has a codec.
func offers(offer string, codec media.Codec) bool {
	for _, c := range codecs() {
		_, name, _ := strings.Cut(c.MimeType, "/")
		if c.codec == codec && strings.Contains(strings.ToLower(offer), " "+strings.ToLower(name)+"/") {
			return true
		}
	}
	return false
}

// publishable returns the codecs that a publisher may send: of pictures the one that it asks for by the parameter codec, or
// H.264 if it is offered, as that is what all players take; else any.
func publishable(offer, want string) (list []media.Codec) {
	picture := media.H264
	for _, c := range codecs() {
		_, name, _ := strings.Cut(c.MimeType, "/")
		if c.kind == webrtc.RTPCodecTypeVideo && c.codec != media.Unknown && (strings.EqualFold(name, want) || strings.EqualFold(c.codec.String(), want)) {
			picture = c.codec
		}
	}
	if !offers(offer, picture) {
		return nil
	}
	list = append(list, picture)
	for _, c := range codecs() {
		if c.kind == webrtc.RTPCodecTypeAudio {
			list = append(list, c.codec)
		}
	}
	return list
}
