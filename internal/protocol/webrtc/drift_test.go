package webrtc

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"weir/internal/config"
	"weir/internal/media"
)

const (
	driftMillis = 40 // that may be seen
	soundEvery  = 60 * time.Millisecond
	sightEvery  = 200 * time.Millisecond
)

// sender is a publisher whose tracks have clocks of their own.
type sender struct {
	maker   *maker
	reports bool
	tracks  [2]struct {
		sequence uint16
		ahead    float64 // parts by which its clock is too fast
		rate     float64
		count    int
		told     time.Duration
	}
}

// stamp is what a track's clock says at a time.
func (s *sender) stamp(track int, at time.Duration) uint32 {
	t := &s.tracks[track]
	return uint32(uint64(at.Seconds() * (1 + t.ahead) * t.rate))
}

// send has a packet arrive at the time at which it was made, and before it a report if one is due.
func (s *sender) send(track int, codec media.Codec, at time.Duration, marker bool, payload ...byte) {
	t := &s.tracks[track]
	arrives := int64(time.Hour + at)
	if s.reports && (t.told == 0 || at-t.told > 5*time.Second) {
		t.told = at
		wall := uint64(4_000_000_000)<<32 + uint64(at.Seconds()*(1<<32))
		b, _ := (&rtcp.SenderReport{SSRC: 1, NTPTime: wall, RTPTime: s.stamp(track, at)}).Marshal()
		s.maker.take(&media.Packet{Track: uint8(track), At: arrives, Data: b})
	}
	b := append(make([]byte, headLen), payload...)
	b[0], b[1] = 2<<6, byte(codec)
	if marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], t.sequence)
	binary.BigEndian.PutUint32(b[4:], s.stamp(track, at))
	t.sequence++
	s.maker.take(&media.Packet{Track: uint8(track), At: arrives, Data: b})
}

// TestClockDrift has a sender whose clocks of sound and pictures differ, and sees that what was made at the same time is played
// at the same time, with the sender's reports and without. In the end they would be further apart than may be seen.
func TestClockDrift(t *testing.T) {
	driftFor(t, 2*time.Minute, 500e-6)
}

func driftFor(t *testing.T, length time.Duration, by float64) {
	t.Helper()
	for _, reports := range []bool{false, true} {
		for _, ahead := range []float64{-by, by} {
			t.Run(fmt.Sprintf("reports %t, sound ahead by %.0f ppm", reports, ahead*1e6), func(t *testing.T) {
				t.Parallel()
				drift(t, length, reports, ahead)
			})
		}
	}
}

func drift(t *testing.T, length time.Duration, reports bool, ahead float64) {
	t.Helper()
	in := &intake{session: &session{log: slog.New(slog.DiscardHandler)}, due: 2}
	in.layout = &media.Layout{Tracks: []*media.Track{{Kind: media.Video, Codec: media.H264}, {Kind: media.Audio, Codec: media.Opus}}}
	s := &sender{maker: &maker{intake: in, rules: &config.RTC{AacBitrate: 32000}}, reports: reports}
	defer s.maker.close()
	s.tracks[0].rate, s.tracks[1].rate, s.tracks[1].ahead = videoClock, opusClock, ahead
	var late [2]time.Duration // how much later than it was made something is played
	var last [2]int64
	var worst time.Duration
	look := func() {
		if !s.maker.finish() {
			return
		}
		for _, f := range s.maker.ready {
			if last[f.Track] != 0 && f.DTS <= last[f.Track] {
				t.Fatalf("time of track %d goes from %v to %v", f.Track, time.Duration(last[f.Track]), time.Duration(f.DTS))
			}
			last[f.Track] = f.DTS
			late[f.Track] = time.Duration(f.PTS - f.At)
			s.tracks[f.Track].count++
		}
		clear(s.maker.ready)
		s.maker.ready = s.maker.ready[:0]
	}
	nextSound, nextSight := soundEvery, sightEvery
	for nextSight < length {
		if nextSound < nextSight {
			// Three frames of silence. The sender's clock counts samples: a packet is made whenever there are enough.
			s.send(1, media.Opus, nextSound, true, 0xfb, 3, 0xff, 0xfe, 0xff, 0xfe, 0xff, 0xfe)
			nextSound += time.Duration(float64(soundEvery) / (1 + ahead))
			look()
			continue
		}
		s.send(0, media.H264, nextSight, false, 0x67, 0x42, 0xc0, 0x28, 0xd9, 0, 0x78, 2, 0x27, 0xe5, 0x84, 0, 0, 3, 0, 4, 0, 0, 3, 0, 0xf0, 0x3c, 0x60, 0xc9, 0x20)
		s.send(0, media.H264, nextSight, false, 0x68, 0xcb, 0x8c, 0xb2)
		s.send(0, media.H264, nextSight, true, 0x65, 0x88, 0x84, 0, 0x10)
		nextSight += sightEvery
		look()
		if s.tracks[0].count > 0 && s.tracks[1].count > 0 {
			worst = max(worst, (late[1] - late[0]).Abs())
		}
	}
	if least := int(length / sightEvery * 9 / 10); s.tracks[0].count < least || s.tracks[1].count < least {
		t.Fatalf("%d pictures and %d frames of sound", s.tracks[0].count, s.tracks[1].count)
	}
	t.Logf("up to %v apart", worst)
	if worst > driftMillis*time.Millisecond {
		t.Errorf("sound and pictures come up to %v apart", worst)
	}
}
