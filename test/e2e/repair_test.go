package e2e

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/internal/format/amf0"
	"weir/internal/format/flv"
	"weir/internal/media"
	"weir/internal/protocol/rtmp"
)

// ailment is a way in which a stream is broken, and what players get in spite of it.
type ailment struct {
	name    string
	hurt    func(t *testing.T, healthy []shot) []shot
	repairs media.Repairs // that the log tells of; Order only whether there are some
	shift   time.Duration // how far the broken clock moves the rest of the stream
	apart   time.Duration // sound minus picture, where both clocks are believed
	noisy   bool          // decoders have reason to complain
	deaf    bool          // ffmpeg does not play it live
}

var ailments = []ailment{
	{name: "none", hurt: func(_ *testing.T, l []shot) []shot { return l }},
	{name: "starts hours into its clock", hurt: func(_ *testing.T, l []shot) []shot { return whole(l, every, shift(30*time.Hour)) }},
	{name: "sound ahead by 1 s", apart: second,
		hurt: func(_ *testing.T, l []shot) []shot { return whole(l, (*shot).audio, shift(second)) }},
	{name: "sound behind by 1 s", apart: -second, repairs: media.Repairs{Order: 1}, // stands still for the second
		hurt: func(_ *testing.T, l []shot) []shot { return whole(l, (*shot).video, shift(second)) }},
	{name: "sound ahead by hours", repairs: media.Repairs{Skew: 1},
		hurt: func(_ *testing.T, l []shot) []shot { return whole(l, (*shot).audio, shift(3*time.Hour)) }},
	{name: "sound behind by hours", repairs: media.Repairs{Skew: 1},
		hurt: func(_ *testing.T, l []shot) []shot { return whole(l, (*shot).video, shift(3*time.Hour)) }},
	{name: "back by 200 ms", repairs: media.Repairs{Order: 1}, shift: -200 * time.Millisecond,
		hurt: func(_ *testing.T, l []shot) []shot { return retime(l, every, shift(-200*time.Millisecond)) }},
	{name: "back by 3 s", repairs: media.Repairs{Jump: 2},
		hurt: func(_ *testing.T, l []shot) []shot { return retime(l, every, shift(-3*second)) }},
	{name: "back by an hour", repairs: media.Repairs{Jump: 2}, hurt: func(_ *testing.T, l []shot) []shot {
		return retime(whole(l, every, shift(2*time.Hour)), every, shift(-time.Hour))
	}},
	{name: "forward by hours", repairs: media.Repairs{Jump: 2},
		hurt: func(_ *testing.T, l []shot) []shot { return retime(l, every, shift(5*time.Hour)) }},
	{name: "forward by hours and back", repairs: media.Repairs{Jump: 4}, hurt: func(_ *testing.T, l []shot) []shot {
		return retime(l, every, func(at time.Duration) time.Duration {
			if at < sickAt+2*second {
				at += 5 * time.Hour
			}
			return at
		})
	}},
	{name: "reset to 0", repairs: media.Repairs{Jump: 2},
		hurt: func(_ *testing.T, l []shot) []shot { return retime(l, every, shift(-sickAt)) }},
	{name: "reset to 0 of the sound", repairs: media.Repairs{Jump: 1},
		hurt: func(_ *testing.T, l []shot) []shot { return retime(l, (*shot).audio, shift(-sickAt)) }},
	{name: "reset to 0 of the picture", repairs: media.Repairs{Jump: 1},
		hurt: func(_ *testing.T, l []shot) []shot { return retime(l, (*shot).video, shift(-sickAt)) }},
	{name: "24 bits", hurt: func(_ *testing.T, l []shot) []shot { return whole(l, every, counter(24)) }},
	{name: "31 bits", hurt: func(_ *testing.T, l []shot) []shot { return whole(l, every, counter(31)) }},
	{name: "32 bits", hurt: func(_ *testing.T, l []shot) []shot { return whole(l, every, counter(32)) }},
	{name: "empty messages", hurt: func(_ *testing.T, l []shot) []shot {
		return among(l, 5, func(s *shot) []shot { return []shot{{Tag: flv.Tag{Type: s.Type, Time: s.Time}, junk: true}} })
	}},
	{name: "sound twice", hurt: func(_ *testing.T, l []shot) []shot {
		return among(l, 1, func(s *shot) []shot {
			if !s.audio() || s.header() {
				return nil
			}
			return []shot{*s}
		})
	}},
	{name: "pictures twice", noisy: true, hurt: func(_ *testing.T, l []shot) []shot {
		return among(l, 1, func(s *shot) []shot {
			if !s.video() || s.header() {
				return nil
			}
			return []shot{*s}
		})
	}},
	{name: "shown before it is decoded", hurt: func(_ *testing.T, l []shot) []shot { return earlier(l, 200*time.Millisecond) }},
	{name: "no sound", hurt: func(_ *testing.T, l []shot) []shot { return without(l, (*shot).audio) }},
	{name: "sound alone", hurt: func(_ *testing.T, l []shot) []shot { return without(l, (*shot).video) }},
	{name: "no key frame for two minutes", hurt: func(t *testing.T, _ []shot) []shot { return shots(t, endless(t), 120*second) }},
	{name: "headers every second", hurt: func(_ *testing.T, l []shot) []shot {
		heads := headers(l)
		return among(l, 60, func(before *shot) []shot {
			again := slices.Clone(heads)
			for i := range again {
				again[i].due = before.due
			}
			return again
		})
	}},
	{name: "description every second", hurt: func(_ *testing.T, l []shot) []shot {
		return among(l, 60, func(s *shot) []shot {
			body := amf0.Append(nil, "@setDataFrame", "onMetaData", amf0.Object{{Name: "title", Value: s.due.String()}})
			return []shot{{Tag: flv.Tag{Type: flv.TagScript, Time: s.Time, Body: body}, due: s.due}}
		})
	}},
	{name: "another picture size", hurt: func(t *testing.T, l []shot) []shot { return join(l, shots(t, newClip(t, "h264", "large"), sickEnd)) }},
	{name: "H.264, then HEVC", deaf: true, hurt: func(t *testing.T, l []shot) []shot { return join(l, shots(t, newClip(t, "hevc", "small"), sickEnd)) }},
	{name: "pictures before any header", noisy: true, deaf: true, hurt: func(_ *testing.T, l []shot) []shot {
		at := slices.IndexFunc(l, func(s shot) bool { return s.video() && s.header() })
		head := l[at]
		l = slices.Delete(l, at, at+1)
		at = slices.IndexFunc(l, func(s shot) bool { return s.due >= second })
		return slices.Insert(l, at, head)
	}},
	{name: "garbage", hurt: func(t *testing.T, l []shot) []shot { return among(l, 7, garbage(t)) }},
}

// garbage makes messages that mean nothing, one after another.
func garbage(t *testing.T) func(*shot) []shot {
	n := 0
	list := []flv.Tag{
		{Type: flv.TagVideo, Body: unhex(t, "17")},
		{Type: flv.TagVideo, Body: unhex(t, "1F 01 02 03 04 05 06")},
		{Type: flv.TagVideo, Body: unhex(t, "90 'zz99' 01 02")},
		{Type: flv.TagVideo, Body: unhex(t, "96")},
		{Type: flv.TagVideo, Body: unhex(t, "17 00 000000")},
		{Type: flv.TagAudio, Body: unhex(t, "AF 00")},
		{Type: flv.TagAudio, Body: unhex(t, "DF 05 06")},
		{Type: flv.TagAudio, Body: unhex(t, "95")},
		{Type: flv.TagScript, Body: unhex(t, "FF FF 00")},
		{Type: 99, Body: unhex(t, "00 01")},
	}
	return func(*shot) []shot {
		n++
		tag := list[n%len(list)]
		tag.Time = time.Duration(n%3) * time.Hour
		return []shot{{Tag: tag, junk: true}}
	}
}

// endless is a clip with one key frame.
func endless(t *testing.T) clip {
	t.Helper()
	c := clip{codec: "h264", file: t.TempDir() + "/endless.flv"}
	run(t, "ffmpeg", append(strings.Fields("-hide_banner -loglevel error -f lavfi -i testsrc2=size=64x48:rate=5 "+
		"-f lavfi -i sine=sample_rate=8000 -t 125 -c:v libx264 -preset ultrafast -g 100000 -sc_threshold 0 -c:a aac -b:a 16k"), c.file)...)
	return c
}

// TestRepair publishes broken streams and holds what players get against what they should.
func TestRepair(t *testing.T) {
	t.Parallel()
	for _, a := range ailments {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			list := a.hurt(t, shots(t, newClip(t, "h264", "small"), sickEnd))
			f := serve(t, conf{vhost: quick + "play { queue_length 600; notify_unpublish on; }"})
			view := playClient(t, f.url("s"))
			var live *process
			players := 1
			if !a.deaf {
				live = decodeLive(t, f.url("s"))
				players++
			}
			waitFor(t, "the players", func() bool { return len(f.players()) == players })
			pub := openFeed(t, f.url("s"))
			pub.play(list)
			got := a.arrived(t, view, list)
			pub.client.Close() // so ffmpeg ends
			if live != nil {
				a.decoded(t, live, list)
			} else {
				a.recorded(t, view)
			}
			a.checkTimes(t, list, got)
			a.checkRepairs(t, f)
		})
	}
}

// play sends messages, ten times as fast as they should be.
func (f *feed) play(list []shot) {
	f.t.Helper()
	start, length := time.Now(), list[len(list)-1].due
	speed := max(10, length/second)
	for _, s := range list {
		time.Sleep(time.Until(start.Add(s.due / speed)))
		f.send(uint8(s.Type), uint32(s.Time.Milliseconds()), s.Body...)
	}
}

// arrived waits for the frames of a list and checks that they are the ones that were sent.
func (a *ailment) arrived(t *testing.T, v *clientViewer, list []shot) []rtmp.Message {
	t.Helper()
	want := without(slices.Clone(list), func(s *shot) bool { return s.junk || s.header() })
	frames := func() []rtmp.Message {
		return slices.DeleteFunc(v.messages(), func(m rtmp.Message) bool { return m.Kind == 18 || isHeader(&m) })
	}
	poll(func() bool { return len(frames()) >= len(want) })
	got := frames()
	if len(got) != len(want) {
		t.Fatalf("%d frames came, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i].Kind != uint8(want[i].Type) || !bytes.Equal(got[i].Body, want[i].Body) {
			t.Fatalf("frame %d is not the one that was sent", i)
		}
	}
	return got
}

// checkTimes checks that each track's time flows as it truly does, and both together.
func (a *ailment) checkTimes(t *testing.T, list []shot, got []rtmp.Message) {
	t.Helper()
	const ms = time.Millisecond
	sent := without(slices.Clone(list), func(s *shot) bool { return s.junk || s.header() })
	type track struct{ at, due, off, begun time.Duration }
	tracks := map[uint8]*track{}
	for i, m := range got {
		at, due := time.Duration(m.Time)*ms, sent[i].due
		tr := tracks[m.Kind]
		if tr == nil {
			tracks[m.Kind] = &track{at, due, at - due, at - due}
			continue
		}
		if step := at - tr.at; step < 0 || step > max(second, due-tr.due+40*ms) {
			t.Errorf("frame %d of kind %d: time goes from %s to %s", i, m.Kind, tr.at, at)
		}
		*tr = track{at, due, at - due, tr.begun}
		video, audio := tracks[9], tracks[8]
		if due < sickAt+second || video == nil || audio == nil {
			continue
		}
		if d := audio.off - video.off - a.apart; d > 40*ms || d < -40*ms {
			t.Fatalf("at %s sound is %s before the picture", due, d)
		}
	}
	for kind, tr := range tracks {
		if kind == 8 && a.apart < 0 {
			continue // it began by standing still
		}
		if d := tr.off - tr.begun - a.shift; d > 80*ms || d < -80*ms {
			t.Errorf("kind %d is %s late in the end", kind, d)
		}
	}
}

// checkRepairs checks what the log tells of the repairs.
func (a *ailment) checkRepairs(t *testing.T, f *fixture) {
	t.Helper()
	ended := func() []string { return f.log.Lines("publish ended") }
	waitFor(t, "the publisher's end in the log", func() bool { return len(ended()) == 1 })
	var got media.Repairs
	for name, n := range map[string]*uint64{"held": &got.Order, "jumps": &got.Jump, "skews": &got.Skew} {
		if m := regexp.MustCompile(name + `=(\d+)`).FindStringSubmatch(ended()[0]); m != nil {
			*n, _ = strconv.ParseUint(m[1], 10, 64)
		}
	}
	t.Logf("repairs: %+v", got)
	if a.repairs.Order > 0 && got.Order > 0 || a.repairs.Jump > 0 && got.Order < 10 {
		got.Order = a.repairs.Order
	}
	if got != a.repairs {
		t.Errorf("repairs %+v, want %+v", got, a.repairs)
	}
}

// decodeLive starts an ffmpeg that decodes what it plays, and tells how far it is.
func decodeLive(t *testing.T, url string) *process {
	t.Helper()
	args := append(strings.Fields("-hide_banner -loglevel repeat+error -nostdin -threads 1 -analyzeduration 500000 -i"), url)
	args = append(args, strings.Fields("-map 0:v? -map 0:a? -fps_mode passthrough -progress pipe:1 -stats_period 0.1 -f null -")...)
	return launch(t, "ffmpeg", args...)
}

var progress = regexp.MustCompile(`^\w+=.*\n$`)

// decoded waits until ffmpeg has ended, and checks that it has decoded a list without complaint.
func (a *ailment) decoded(t *testing.T, p *process, list []shot) {
	t.Helper()
	var pictures, until int
	for _, s := range list {
		if s.video() && !s.junk && !s.header() {
			pictures++
		}
		until = max(until, int(s.due.Milliseconds()))
	}
	if err := p.wait(); err != nil {
		t.Error(err)
	}
	var frames, us int
	for line := range strings.Lines(p.out.String()) {
		_, _ = fmt.Sscanf(line, "frame=%d", &frames)
		_, _ = fmt.Sscanf(line, "out_time_us=%d", &us)
	}
	if frames < pictures || us/1000 < until+int(min(0, a.shift).Milliseconds())-150 {
		t.Errorf("ffmpeg has decoded %d pictures and %d ms, want %d and %d", frames, us/1000, pictures, until)
	}
	for line := range strings.Lines(p.out.String()) {
		muxing := strings.Contains(line, " to muxer ") // nobody decodes there
		if !progress.MatchString(line) && !muxing && !a.noisy {
			t.Errorf("ffmpeg complains: %s", line)
			break
		}
	}
}

// recorded decodes what a player has got: from the headers on, codec by codec.
func (a *ailment) recorded(t *testing.T, v *clientViewer) {
	t.Helper()
	list := v.messages()
	head := func(enhanced byte) int {
		return slices.IndexFunc(list, func(m rtmp.Message) bool { return m.Kind == 9 && isHeader(&m) && m.Body[0]&0x80 == enhanced })
	}
	parts := [][]rtmp.Message{list[max(0, head(0)):]}
	if at := head(0x80); at >= 0 {
		parts = [][]rtmp.Message{list[:at], list[at:]}
	}
	for n, part := range parts {
		out, complaints := run(t, modern("ffmpeg", "hevc"), "-hide_banner", "-loglevel", "error", "-i", saveMessages(t, part), "-map", "0:v", "-f", "framemd5", "-")
		if pictures := strings.Count(string(out), "\n0,"); complaints != "" && !a.noisy || pictures < 90 {
			t.Errorf("part %d: %d pictures of %d messages; ffmpeg complains: %s", n, pictures, len(part), complaints)
		}
	}
}
