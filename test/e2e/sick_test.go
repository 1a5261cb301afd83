package e2e

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"weir/internal/format/flv"
	"weir/internal/protocol/rtmp"
)

// shot is a message of a publisher whose clock may be wrong.
type shot struct {
	flv.Tag               // its time is what the publisher says
	due     time.Duration // when it truly is
	junk    bool          // players do not get it
}

func (s *shot) audio() bool { return s.Type == flv.TagAudio }
func (s *shot) video() bool { return s.Type == flv.TagVideo }

// header reports whether it says how to decode, or what the stream is.
func (s *shot) header() bool {
	m := rtmp.Message{Kind: uint8(s.Type), Body: s.Body}
	return !s.audio() && !s.video() || isHeader(&m)
}

const (
	second  = time.Second
	sickAt  = 4 * second // when the damage comes
	sickEnd = 8 * second // the length of a stream
)

// shots returns the first seconds of a clip, as a healthy publisher sends them.
func shots(t *testing.T, c clip, length time.Duration) []shot {
	t.Helper()
	if filepath.Ext(c.file) != ".flv" {
		file := filepath.Join(t.TempDir(), "clip.flv")
		run(t, modern("ffmpeg", c.codec), "-hide_banner", "-loglevel", "error", "-i", c.file, "-c", "copy", "-f", "flv", file)
		c.file = file
	}
	var list []shot
	for _, tag := range readClip(t, c) {
		if tag.Time < length {
			list = append(list, shot{Tag: tag, due: tag.Time})
		}
	}
	return list
}

// retime changes the times that the publisher says, of frames from the damage on.
func retime(list []shot, which func(*shot) bool, clock func(time.Duration) time.Duration) []shot {
	for i := range list {
		if s := &list[i]; s.due >= sickAt && which(s) && !s.header() {
			s.Time = clock(s.Time)
		}
	}
	return list
}

// shift returns a clock that is set, by so much.
func shift(d time.Duration) func(time.Duration) time.Duration {
	return func(at time.Duration) time.Duration { return at + d }
}

// whole is retime from the start.
func whole(list []shot, which func(*shot) bool, clock func(time.Duration) time.Duration) []shot {
	for i := range list {
		if s := &list[i]; which(s) && !s.header() {
			s.Time = clock(s.Time)
		}
	}
	return list
}

func every(*shot) bool { return true }

// counter returns a clock of so many bits that starts again at the damage.
func counter(bits uint) func(time.Duration) time.Duration {
	return func(at time.Duration) time.Duration {
		ms := (at - sickAt).Milliseconds() + 1<<bits
		return time.Duration(ms&(1<<bits-1)) * time.Millisecond
	}
}

func without(list []shot, which func(*shot) bool) []shot {
	return slices.DeleteFunc(list, func(s shot) bool { return which(&s) })
}

// among puts messages behind every so many of a list.
func among(list []shot, every int, more func(before *shot) []shot) (out []shot) {
	for i := range list {
		out = append(out, list[i])
		if i%every == every-1 {
			out = append(out, more(&list[i])...)
		}
	}
	return out
}

// join puts one stream behind another, which ends at the damage.
func join(first, then []shot) []shot {
	first = without(first, func(s *shot) bool { return s.due >= sickAt })
	for _, s := range then {
		s.due += sickAt
		s.Time += sickAt
		if s.due < sickEnd {
			first = append(first, s)
		}
	}
	return first
}

// headers returns the messages of a list that say how to decode.
func headers(list []shot) (out []shot) {
	for _, s := range list {
		if s.header() && s.Type != flv.TagScript {
			out = append(out, s)
		}
	}
	return out
}

// earlier shows every picture so much earlier, which may be before it is decoded.
func earlier(list []shot, d time.Duration) []shot {
	for i := range list {
		if s := &list[i]; s.video() && !s.header() {
			s.Body = bytes.Clone(s.Body)
			at := int32(binary.BigEndian.Uint32(s.Body[1:])<<8)>>8 - int32(d.Milliseconds())
			s.Body[2], s.Body[3], s.Body[4] = byte(at>>16), byte(at>>8), byte(at)
		}
	}
	return list
}
