package mpegts

import (
	"weir/internal/codec"
	"weir/internal/codec/aac"
	"weir/internal/media"
)

const maxFrame = 16 << 10 // bytes of a frame of sound that a PES packet leaves to the next

// frameHead is what a frame of sound says of itself.
type frameHead struct {
	size    int // bytes, head and all; 0: no frame begins here
	skip    int // bytes of it that Data does not have
	samples int64
	rate    int64
	voice   voice
}

// voice is what a decoder must know. Frames that say the same have the same track.
type voice struct {
	codec media.Codec
	aac   aac.Config
	info  media.Info // of codecs without a configuration
}

// framing is how the frames of a codec stand behind each other.
type framing interface {
	// look reads the head of a frame. Where b is too short to tell, the size is more than b has.
	look(b []byte) frameHead
	// open appends what a whole frame holds, and may complete its head.
	open(dst [][]byte, h *frameHead, frame []byte) [][]byte
}

// sound is a decoder of any codec of sound. A PES packet holds several frames, and may begin
// inside one.
type sound struct {
	// Set at construction.
	id      int
	framing framing
	config  []byte // the track's, where it is known beforehand
	arena   *media.Arena
	health  *Health

	track *media.Track
	voice voice
	head  frameHead
	units [][]byte
	rest  []byte // the beginning of a frame whose end comes with the next PES packet

	timed   bool
	base    int64 // ns
	samples int64 // since then
	rate    int64
}

func (s *sound) tear() { s.rest = s.rest[:0] }

func (s *sound) take(dst []access, u *pes) []access {
	b, before := s.join(u.data)
	all := len(b)
	for fresh := u.timed; len(b) > 0; {
		if fresh && all-len(b) >= before { // the time is that of the first frame that begins in the PES packet
			fresh = false
			s.timed, s.base, s.samples = true, nanos(u.pts), 0
		}
		s.head = s.framing.look(b)
		h := &s.head
		if h.size == 0 {
			s.health.Damaged++
			n := s.resume(b)
			if b = b[n:]; len(b) == 0 {
				break
			}
			continue
		}
		if h.size > len(b) {
			break
		}
		dst = s.frame(dst, h, b[:h.size])
		b = b[h.size:]
	}
	s.rest = append(s.rest[:0], b[:min(len(b), maxFrame)]...)
	return dst
}

// join puts what is left of the PES packet before in front of the next one's bytes, if these go
// on with it, and returns how much that is.
func (s *sound) join(b []byte) (all []byte, before int) {
	before = len(s.rest)
	if before == 0 {
		return b, 0
	}
	s.rest = append(s.rest, b...)
	h := s.framing.look(s.rest)
	if h.size == 0 || h.size < len(s.rest) && s.framing.look(s.rest[h.size:]).size == 0 {
		s.health.Damaged++
		return b, 0
	}
	return s.rest, before
}

// resume returns where in b, behind its first byte, frames begin again: at least two of them, or
// one that ends where b does.
func (s *sound) resume(b []byte) int {
	for n := 1; n < len(b); n++ {
		h := s.framing.look(b[n:])
		end := n + h.size
		if h.size == 0 || end > len(b) {
			continue
		}
		if end == len(b) {
			return n
		}
		if next := s.framing.look(b[end:]); next.size > 0 && end+next.size <= len(b) {
			return n
		}
	}
	return len(b)
}

// frame makes access units of a whole frame.
func (s *sound) frame(dst []access, h *frameHead, b []byte) []access {
	s.units = s.framing.open(s.units[:0], h, b)
	if h.samples == 0 { // what it holds cannot be told, nor how long that lasts
		s.timed = false
		return dst
	}
	for _, data := range s.units {
		if s.track == nil || h.voice != s.voice {
			s.voice = h.voice
			s.track = s.describe()
		}
		if !s.timed {
			continue // no time has come: it cannot be told when to play this
		}
		own := s.arena.Bytes(len(data))
		copy(own, data)
		at := s.now(h)
		dst = append(dst, access{track: s.track, data: own, dts: at, pts: at, key: true})
	}
	return dst
}

// now returns when a frame begins, and goes on to the next. Samples are counted, so that nothing
// is lost by rounding.
func (s *sound) now(h *frameHead) int64 {
	const second = 1_000_000_000
	if s.rate != h.rate {
		if s.rate > 0 {
			s.base += s.samples * second / s.rate
		}
		s.rate, s.samples = h.rate, 0
	}
	if s.rate <= 0 {
		return s.base
	}
	whole := s.samples / s.rate
	s.base += whole * second
	s.samples -= whole * s.rate
	at := s.base + s.samples*second/s.rate
	s.samples += h.samples
	return at
}

func (s *sound) describe() *media.Track {
	t := &media.Track{ID: s.id, Kind: media.Audio, Codec: s.voice.codec, Config: s.config, Info: s.voice.info}
	if t.Codec == media.AAC {
		t.Config = aac.AppendConfig(nil, s.voice.aac)
	}
	if info, err := codec.Info(t.Codec, t.Config); err == nil {
		t.Info = info
	}
	return t
}
