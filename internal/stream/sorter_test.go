package stream

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/media"
)

// unsorted is a publisher whose frames are words: a letter and a time in ms. V and S are pictures
// and sound, D is data, and | begins another layout with the same tracks but new headers.
func unsorted(p *Publisher, words string) error {
	l := pictures()
	for w := range strings.FieldsSeq(words) {
		if w == "|" {
			l = pictures()
			l.Tracks[0].Config = []byte(words)
			continue
		}
		f := media.NewFrame(nil, []byte(w))
		f.Layout, f.Key = l, true
		f.Track = map[byte]uint8{'V': 0, 'S': 1, 'D': 2}[w[0]]
		var ms int64
		_, _ = fmt.Sscan(w[1:], &ms)
		f.DTS = ms * int64(time.Millisecond)
		f.PTS, f.At = f.DTS, 0
		if err := p.WriteFrame(f); err != nil {
			return err
		}
	}
	return nil
}

// inOrder returns the frames that are there for a reader.
func inOrder(s *Subscriber) string {
	var words []string
	buf := make([]*media.Frame, 100)
	for {
		n, _, err := s.next(buf)
		if n == 0 || err != nil {
			return strings.Join(words, " ")
		}
		for _, f := range buf[:n] {
			words = append(words, string(f.Data()))
		}
	}
}

func TestSorter(t *testing.T) {
	for name, c := range map[string]struct{ in, out, rest string }{
		"in order":        {"V0 S0 V40 S20 S40", "V0 S0 S20 V40", "S40"},
		"sound late":      {"V0 V40 V80 S0 S20 S40 S60 V120", "V0 S0 S20 V40 S40", "S60 V80 V120"},
		"within a track":  {"V0 V80 V40 S0 S40 S80 S120", "V0 S0 V40 S40", "V80 S80 S120"},
		"pictures alone":  {"V0 V2 V1 V3 V4 V5 V6 V7 V8 V9 V10", "V0 V1", "V2 V3 V4 V5 V6 V7 V8 V9 V10"},
		"data passes":     {"V0 D0 V40", "D0", "V0 V40"},
		"other clocks":    {"V0 S9000000 V40 S9000020 V80", "V0 S9000000 S9000020", "V40 V80"},
		"reset":           {"V60000 S60000 V60040 S60020 V0 S0 V40 S20", "V60000 S60000 S60020 V60040 V0 S0 S20", "V40"},
		"another headers": {"V0 V40 | V20 S0 S20", "V0 V40 S0 V20", "S20"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRegistry(Settings{MixCorrect: true, QueueLength: time.Hour})
			view := subscribe(t, g, request("s"))
			p := publish(t, g, request("s"))
			if err := unsorted(p.Publisher, c.in); err != nil {
				t.Fatal(err)
			}
			if got := inOrder(view); got != c.out {
				t.Errorf("out came %s, want %s", got, c.out)
			}
			if n := len(p.stream.sorter.held); n >= sorterHolds {
				t.Errorf("%d frames are held", n)
			}
			p.Close()
			if got := inOrder(view); got != c.rest {
				t.Errorf("at the end came %s, want %s", got, c.rest)
			}
		})
	}
}

// TestSorterSwitched checks that nothing is lost when sorting begins and ends under way, nor when
// another publisher takes over.
func TestSorterSwitched(t *testing.T) {
	rules := Settings{QueueLength: time.Hour, Takeover: true}
	g := NewRegistry(Options{Settings: func(string) Settings { return rules }})
	view := subscribe(t, g, request("s"))
	p := publish(t, g, request("s"))
	for _, step := range []struct {
		on       bool
		in, want string
	}{
		{false, "V80 V40", "V80 V40"}, {true, "V160 V120", ""}, {false, "S160", "V120 V160 S160"}, {true, "V240 V200", ""},
	} {
		rules.MixCorrect = step.on
		if err := unsorted(p.Publisher, step.in); err != nil {
			t.Fatal(err)
		}
		if got := inOrder(view); got != step.want {
			t.Errorf("%s gave %q, want %q", step.in, got, step.want)
		}
	}
	next := publish(t, g, request("s"))
	if err := unsorted(next.Publisher, "V0 S0"); err != nil {
		t.Fatal(err)
	}
	if got := inOrder(view); got != "V200 V240 V0" {
		t.Errorf("after the takeover came %q", got)
	}
}

// TestSorterRepeats checks that headers which come again part nobody.
func TestSorterRepeats(t *testing.T) {
	var s sorter
	var c media.Clock
	var out []*media.Frame
	var times []int64
	for n, ms := range []int64{0, 80, 40, 60, 120} {
		f := media.NewFrame(nil, nil)
		f.Layout, f.DTS, f.Track = pictures(), ms*int64(time.Millisecond), uint8(n%2)
		out = s.push(out, &c, f)
	}
	for _, f := range s.flush(out) {
		times = append(times, f.DTS/int64(time.Millisecond))
	}
	if want := []int64{0, 40, 60, 80, 120}; !slices.Equal(times, want) {
		t.Errorf("times %v, want %v", times, want)
	}
	for _, f := range out[1:] {
		if f.Layout.Since(out[0].Layout).Cut() {
			t.Error("the layouts fall apart")
		}
	}
}

// TestSorterOfLost checks that what is held of a publisher that drops out goes on before the next.
func TestSorterOfLost(t *testing.T) {
	g := newRegistry(Settings{MixCorrect: true, QueueLength: time.Hour, Resume: time.Hour})
	view := subscribe(t, g, request("s"))
	p := publish(t, g, request("s"))
	if err := unsorted(p.Publisher, "V80 V40"); err != nil {
		t.Fatal(err)
	}
	p.Lost(io.ErrUnexpectedEOF)
	if got := inOrder(view); got != "V40 V80" {
		t.Errorf("out came %q", got)
	}
	publish(t, g, request("s")).Close() // ends the waiting
}

// TestSorterData checks that data whose times hang on those of the others comes behind the first of these.
func TestSorterData(t *testing.T) {
	var s sorter
	var c media.Clock
	l := pictures()
	l.Tracks = append(l.Tracks, &media.Track{Kind: media.Data, Codec: media.SCTE35})
	var got []string
	for _, track := range []uint8{2, 0, 2, 3, 0} {
		f := media.NewFrame(nil, nil)
		f.Layout, f.Track = l, track
		for _, out := range s.push(nil, &c, f) {
			got = append(got, out.Source().Codec.String())
		}
	}
	if want := []string{"AMF", "AMF", "H264", "SCTE35"}; !slices.Equal(got, want) {
		t.Errorf("out came %v, want %v", got, want)
	}
}
