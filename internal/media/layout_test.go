package media

import (
	"testing"
	"time"
)

func TestLayoutSince(t *testing.T) {
	video := &Track{Kind: Video, Codec: H264, Config: []byte{1, 2, 3}}
	audio := &Track{Kind: Audio, Codec: AAC, Config: []byte{0x12, 0x10}}
	again := *video
	again.Header = []byte("sent in another form")
	larger := *video
	larger.Config = []byte{1, 2, 4}
	renumbered := *video
	renumbered.ID = 1
	recoded := *video
	recoded.Codec = H265
	meta := &Meta{}
	wall := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	base := Layout{Tracks: []*Track{video, audio}, Meta: meta, Publisher: 1, Offset: 5, Wall: wall}

	edit := func(f func(*Layout)) *Layout {
		l := base
		l.Tracks = append([]*Track(nil), base.Tracks...)
		f(&l)
		return &l
	}
	for name, c := range map[string]struct {
		prev, next *Layout
		want       Change
		cut        bool
	}{
		"itself":          {&base, &base, 0, false},
		"an equal one":    {&base, edit(func(*Layout) {}), 0, false},
		"no previous":     {nil, &base, ChangeConfig | ChangePublisher | ChangeMeta | ChangeClock, true},
		"nothing at all":  {nil, &Layout{}, 0, false},
		"headers again":   {&base, edit(func(l *Layout) { l.Tracks[0] = &again }), ChangeRepeat, false},
		"another config":  {&base, edit(func(l *Layout) { l.Tracks[0] = &larger }), ChangeConfig, true},
		"another number":  {&base, edit(func(l *Layout) { l.Tracks[0] = &renumbered }), ChangeConfig, true},
		"another codec":   {&base, edit(func(l *Layout) { l.Tracks[0] = &recoded }), ChangeConfig, true},
		"other order":     {&base, edit(func(l *Layout) { l.Tracks[0], l.Tracks[1] = audio, video }), ChangeConfig, true},
		"a track came":    {&base, edit(func(l *Layout) { l.Tracks = append(l.Tracks, &Track{Kind: Audio}) }), ChangeConfig, true},
		"data came":       {&base, edit(func(l *Layout) { l.Tracks = append(l.Tracks, &Track{Kind: Data}) }), 0, false},
		"data in place":   {&base, edit(func(l *Layout) { l.Tracks[1] = &Track{Kind: Data} }), ChangeConfig, true},
		"a track went":    {&base, edit(func(l *Layout) { l.Tracks = l.Tracks[:1] }), ChangeConfig, true},
		"another meta":    {&base, edit(func(l *Layout) { l.Meta = &Meta{} }), ChangeMeta, false},
		"no meta":         {&base, edit(func(l *Layout) { l.Meta = nil }), ChangeMeta, false},
		"publisher":       {&base, edit(func(l *Layout) { l.Publisher++ }), ChangePublisher, true},
		"offset":          {&base, edit(func(l *Layout) { l.Offset++ }), ChangeClock, false},
		"wall":            {&base, edit(func(l *Layout) { l.Wall = wall.Add(1) }), ChangeClock, false},
		"wall, same time": {&base, edit(func(l *Layout) { l.Wall = wall.In(time.FixedZone("", 3600)) }), 0, false},
		"one repeat, one config": {&base, edit(func(l *Layout) {
			l.Tracks = []*Track{&again, {Kind: Audio, Codec: Opus}}
		}), ChangeRepeat | ChangeConfig, true},
	} {
		if got := c.next.Since(c.prev); got != c.want || got.Cut() != c.cut {
			t.Errorf("%s: Since = %05b, Cut %v; want %05b, %v", name, got, got.Cut(), c.want, c.cut)
		}
	}
}

func TestLayoutFirst(t *testing.T) {
	l := &Layout{Tracks: []*Track{{Kind: Data}, {Kind: Audio}, {Kind: Video}, {Kind: Video}}}
	for kind, want := range map[Kind]int{Data: 0, Audio: 1, Video: 2, Kind(9): -1} {
		if got := l.First(kind); got != want {
			t.Errorf("First(%s) = %d, want %d", kind, got, want)
		}
	}
}

func TestMetaGet(t *testing.T) {
	m := &Meta{Fields: []Field{{"width", 1280.0}, {"width", 640.0}, {"title", "x"}}}
	var none *Meta
	if m.Get("width") != 1280.0 || m.Get("title") != "x" || m.Get("height") != nil || none.Get("width") != nil {
		t.Error("Get does not return the first field of that name, or nil")
	}
}

func TestNames(t *testing.T) {
	for c := Unknown; c <= KLV; c++ {
		if c.String() == "" || c != Unknown && c.String() == Unknown.String() {
			t.Errorf("codec %d has no name", c)
		}
	}
	if got := Codec(200).String(); got != "Other" {
		t.Errorf("Codec(200) = %q", got)
	}
	for k, want := range map[Kind]string{Video: "video", Audio: "audio", Data: "data", 0: "unknown"} {
		if k.String() != want {
			t.Errorf("Kind(%d) = %q, want %q", k, k, want)
		}
	}
}
