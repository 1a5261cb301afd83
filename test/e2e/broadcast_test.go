package e2e

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"weir/internal/format/flv"
	"weir/internal/protocol/rtmp"
)

// broadcast is a stream that goes on while a test changes settings: an ffmpeg and our client watch
// it, and miss nothing.
type broadcast struct {
	t      *testing.T
	f      *fixture
	source *clientPublisher
	views  map[string]viewing
	seats  []string // the API's names of all that take part
}

func openBroadcast(t *testing.T, f *fixture) *broadcast {
	t.Helper()
	s := &broadcast{t: t, f: f, views: map[string]viewing{}}
	s.views["client"] = playClient(t, f.url("show"))
	s.views["ffmpeg"] = ffmpegPlayer(t, f.url("show"), "h264")
	waitFor(t, "the players to be there", func() bool { return len(f.players()) == 2 })
	s.source = publishTags(t, f.url("show"), readClip(t, newClip(t, "h264", "small")), 5*time.Second)
	published(t, f)
	watched(t, s.views, 5)
	s.seats = s.taken()
	return s
}

func (s *broadcast) taken() (ids []string) {
	for _, c := range s.f.sessions() {
		if c.URL == "/live/show" {
			ids = append(ids, c.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// check goes on for a moment, and then checks that both have what was sent, byte for byte and
// without a gap.
func (s *broadcast) check() {
	s.t.Helper()
	watched(s.t, s.views, 25)
	if now := s.taken(); len(now) != 3 || !slices.Equal(now, s.seats) {
		s.t.Errorf("sessions %v of the show were %v", now, s.seats)
	}
	client := s.views["client"].stop().messages
	var recorded []rtmp.Message
	for _, tag := range readClip(s.t, clip{file: s.views["ffmpeg"].stop().file}) {
		recorded = append(recorded, rtmp.Message{Kind: uint8(tag.Type), Body: tag.Body})
	}
	sent := s.source.messages()
	for _, kind := range []flv.TagType{flv.TagVideo, flv.TagAudio} {
		want := payloads(sent, kind)
		unbroken(s.t, "our client", payloads(client, kind), want)
		unbroken(s.t, "ffmpeg", payloads(recorded, kind), want)
	}
}

// payloads returns what pictures or sounds are made of, without what says when to show them.
func payloads(list []rtmp.Message, kind flv.TagType) (out [][]byte) {
	head := 5
	if kind == flv.TagAudio {
		head = 2
	}
	for _, m := range list {
		if m.Kind == uint8(kind) && len(m.Body) > head && !isHeader(&m) {
			out = append(out, m.Body[head:])
		}
	}
	return out
}

// unbroken checks that what has come is a stretch of what was sent.
func unbroken(t *testing.T, who string, got, sent [][]byte) {
	t.Helper()
	if len(got) < 20 {
		t.Errorf("%s has got %d frames", who, len(got))
		return
	}
	first := slices.IndexFunc(sent, func(b []byte) bool { return bytes.Equal(b, got[0]) })
	for i := range got {
		if first < 0 || first+i >= len(sent) || !bytes.Equal(got[i], sent[first+i]) {
			t.Errorf("%s: frame %d of %d is not number %d of %d that were sent", who, i, len(got), first+i, len(sent))
			return
		}
	}
}
