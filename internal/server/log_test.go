package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// moment is when the records of these tests were made.
func moment() time.Time {
	return time.Date(2026, 11, 5, 13, 37, 0, 42_900_000, time.FixedZone("", 2*3600))
}

// written gives the line that a handler writes for a record, without the newline.
func written(t testing.TB, colour bool, o LogOptions, level slog.Level, message string, wrap func(slog.Handler) slog.Handler, args ...any) string {
	t.Helper()
	var b bytes.Buffer
	o.ID = "serverid"
	l := newLog(&b, colour, o)
	l.handler.pid = 42
	h := l.Handler()
	if wrap != nil {
		h = wrap(h)
	}
	r := slog.NewRecord(moment(), level, message, 0)
	r.Add(args...)
	if err := h.Handle(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	line, ok := strings.CutSuffix(b.String(), "\n")
	if !ok || strings.Contains(line, "\n") {
		t.Errorf("not one line: %q", b.String())
	}
	return line
}

type nobody struct{ name string }

func (n *nobody) String() string { return n.name }

func TestLogAttributes(t *testing.T) {
	for want, args := range map[string][]any{
		"":                                      nil,
		" n=-1 u=2 f=0.5 b=true":                {"n", -1, "u", uint(2), "f", 0.5, "b", true},
		" d=1.5s t=2026-11-05T13:37:00+02:00":   {"d", 1500 * time.Millisecond, "t", moment().Truncate(time.Second)},
		` s=live/livestream`:                    {"s", "live/livestream"},
		` s="a b" q="a\"b" e="" k="a=b"`:        {"s", "a b", "q", `a"b`, "e", "", "k", "a=b"},
		` s="a\nb" x="\x1b[31m" z="\x00\xff"`:   {"s", "a\nb", "x", "\x1b[31m", "z", "\x00\xff"},
		` s=größe u=192.0.2.1 err=EOF`:          {"s", "größe", "u", netip.MustParseAddr("192.0.2.1"), "err", io.EOF},
		` list="[a b]" nothing=<nil> raw=abc`:   {"list", []string{"a", "b"}, "nothing", nil, "raw", []byte("abc")},
		` g.a=1 g.b.c=2`:                        {slog.Group("g", "a", 1, slog.Group("b", "c", 2))},
		` a=1`:                                  {slog.Group("", "a", 1), slog.Group("empty")},
		` k\ne\ty=1`:                            {"k\ne\ty", 1},
		` who="!PANIC in *server.nobody: runti`: {"who", (*nobody)(nil)},
	} {
		got := written(t, false, LogOptions{}, slog.LevelInfo, "hello", nil, args...)
		want = "[2026-11-05 13:37:00.042][INFO][42][serverid] hello" + want
		if got != want && (!strings.Contains(want, "PANIC") || !strings.HasPrefix(got, want)) {
			t.Errorf("%q\nwant %q", got, want)
		}
	}
}

func TestLogHead(t *testing.T) {
	for level, name := range map[slog.Level]string{
		LevelTrace: "TRACE", LevelTrace - 1: "TRACE", slog.LevelDebug: "DEBUG", slog.LevelInfo: "INFO",
		slog.LevelWarn: "WARN", slog.LevelError: "ERROR", slog.LevelError + 4: "ERROR",
	} {
		got := written(t, false, LogOptions{UTC: true}, level, "x", nil, "cid", "abcd1234", "a", 1)
		if want := "[2026-11-05 11:37:00.042][" + name + "][42][abcd1234] x a=1"; got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	message := "line\n[2026-11-05 13:37:00.042][ERROR][1][x] faked\r\x1b[2J\u2028\u202e\xff größe"
	want := `[2026-11-05 13:37:00.042][INFO][42][a\n] line\n[2026-11-05 13:37:00.042][ERROR][1][x] faked\r\x1b[2J\u2028\u202e\xff größe`
	if got := written(t, false, LogOptions{}, slog.LevelInfo, message, nil, "cid", "a\n"); got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
	if got := written(t, false, LogOptions{}, slog.LevelInfo, "x", nil, "cid", strings.Repeat("c", 99)); len(got) > 80 {
		t.Error("a long cid:", got)
	}
	got := written(t, true, LogOptions{}, slog.LevelWarn, "x", nil)
	if got != "\x1b[33m[2026-11-05 13:37:00.042][WARN][42][serverid] x\x1b[0m" {
		t.Errorf("coloured: %q", got)
	}
	if got := written(t, true, LogOptions{}, slog.LevelInfo, "x", nil); strings.Contains(got, "\x1b") {
		t.Errorf("coloured: %q", got)
	}
}

func TestLogWith(t *testing.T) {
	wrap := func(h slog.Handler) slog.Handler {
		h = h.WithAttrs([]slog.Attr{slog.String("cid", "session1"), slog.Int("a", 1)})
		_ = h.WithAttrs([]slog.Attr{slog.Int("sibling", 1)}) // does not write into ours
		h = h.WithGroup("g").WithGroup("").WithAttrs([]slog.Attr{slog.Int("b", 2)})
		return h.WithGroup("h")
	}
	got := written(t, false, LogOptions{}, slog.LevelInfo, "x", wrap, "c", 3, "cid", "inner")
	if want := "[2026-11-05 13:37:00.042][INFO][42][session1] x a=1 g.b=2 g.h.c=3 g.h.cid=inner"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestLogCutsLongLines(t *testing.T) {
	for name, args := range map[string][]any{
		"one value":   {"s", strings.Repeat("ö", 1<<20)},
		"needs quote": {"s", strings.Repeat("\n", 1<<20)},
		"bytes":       {"s", bytes.Repeat([]byte{0}, 1<<20)},
		"many":        {"a", strings.Repeat("x", 5000), "b", strings.Repeat("y", 5000), "c", 1},
	} {
		for _, colour := range []bool{false, true} {
			got := written(t, colour, LogOptions{}, slog.LevelWarn, "long", nil, args...) + "\n"
			if len(got) > maxLine || len(got) < maxLine-3 || !utf8.ValidString(got) || !strings.Contains(got, "...") {
				t.Errorf("%s: %d bytes, ends in %q", name, len(got), got[len(got)-10:])
			}
		}
	}
	deep := slog.Int("x", 1)
	for range 100 {
		deep = slog.Attr{Key: "g", Value: slog.GroupValue(deep)}
	}
	if got := written(t, false, LogOptions{}, slog.LevelInfo, "deep", nil, deep); !strings.HasSuffix(got, "deep") {
		t.Error(got)
	}
}

func FuzzLog(f *testing.F) {
	f.Add("message", "key", "value", "cid")
	f.Add("a\nb", "k k", "\xff\x00", "]\n[")
	f.Fuzz(func(t *testing.T, message, key, value, id string) {
		got := written(t, false, LogOptions{}, slog.LevelInfo, message, nil, key, value, "cid", id)
		if len(got) >= maxLine || !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("%q", got)
		}
	})
}

func TestLogLevel(t *testing.T) {
	for _, c := range []struct {
		v1, v2 string
		want   slog.Level
		bad    bool
	}{
		{"", "", slog.LevelInfo, false},
		{"verbose", "", LevelTrace, false},
		{"info", "", slog.LevelDebug, false},
		{"trace", "", slog.LevelInfo, false},
		{"WARN", "", slog.LevelWarn, false},
		{"error", "", slog.LevelError, false},
		{"error", "trace", LevelTrace, false},
		{"error", "debug", slog.LevelDebug, false},
		{"verbose", "info", slog.LevelInfo, false},
		{"trace", "warn", slog.LevelWarn, false},
		{"trace", "error", slog.LevelError, false},
		{"debug", "", slog.LevelInfo, true},
		{"error", "verbose", slog.LevelInfo, true},
	} {
		if got, err := LogLevel(c.v1, c.v2); got != c.want || (err != nil) != c.bad {
			t.Errorf("LogLevel(%q, %q) = %v, %v", c.v1, c.v2, got, err)
		}
	}
	l := newLog(io.Discard, false, LogOptions{Level: slog.LevelWarn})
	if l.Handler().Enabled(context.Background(), slog.LevelInfo) || !l.Handler().Enabled(context.Background(), slog.LevelWarn) {
		t.Error("the level is not kept")
	}
}

// TestLogFile rotates the file while many write: no line is lost or torn.
func TestLogFile(t *testing.T) {
	const writers, lines = 8, 200
	path := filepath.Join(t.TempDir(), "new", "dir", "srs.log")
	l, err := NewLog(LogOptions{File: path, ID: "serverid"})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(l.Handler())
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for n := range lines {
				log.Info("line", "w", w, "n", n)
			}
		})
	}
	for i := range 5 {
		if err := errors.Join(os.Rename(path, fmt.Sprint(path, ".", i)), l.Reopen()); err != nil {
			t.Error(err)
		}
	}
	all.Wait()
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Error(err)
	}
	log.Info("after the end")
	if err := l.Reopen(); !errors.Is(err, os.ErrClosed) {
		t.Error("Reopen after Close:", err)
	}
	names, err := filepath.Glob(path + "*")
	if err != nil || len(names) != 6 {
		t.Fatal(names, err)
	}
	whole := regexp.MustCompile(`^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}]\[INFO]\[\d+]\[serverid] line w=\d n=\d+$`)
	count := 0
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			count++
			if !whole.MatchString(strings.TrimSuffix(line, "\n")) {
				t.Errorf("%q", line)
			}
		}
	}
	if count != writers*lines {
		t.Errorf("%d lines of %d", count, writers*lines)
	}
}

func TestLogFileErrors(t *testing.T) {
	if _, err := NewLog(LogOptions{File: t.TempDir()}); err == nil {
		t.Error("a directory is opened as a log")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "a", "srs.log")
	l, err := NewLog(LogOptions{File: path})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := errors.Join(os.Rename(filepath.Dir(path), dir+"/b"), os.WriteFile(dir+"/a", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); err == nil {
		t.Error("Reopen in a directory that is a file")
	}
	slog.New(l.Handler()).Info("still here")
	if text, err := os.ReadFile(dir + "/b/srs.log"); err != nil || !strings.Contains(string(text), "still here") {
		t.Errorf("%s, %v", text, err)
	}
	console, err := NewLog(LogOptions{})
	if err != nil || console.Reopen() != nil || console.Close() != nil || len(console.handler.id) != 8 {
		t.Error("console:", console, err)
	}
}

func BenchmarkLog(b *testing.B) {
	l := newLog(io.Discard, false, LogOptions{})
	session := slog.New(l.Handler()).With("cid", "abcd1234", "url", "/live/livestream")
	ctx := context.Background()
	b.Run("line", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			session.LogAttrs(ctx, slog.LevelInfo, "play", slog.Int("msgs", 25), slog.String("type", "H.264 High"), slog.Duration("time", time.Second))
		}
	})
	b.Run("off", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			session.LogAttrs(ctx, slog.LevelDebug, "play", slog.Int("msgs", 25))
		}
	})
	b.Run("error", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			session.LogAttrs(ctx, slog.LevelWarn, "session ended", slog.Any("cause", io.ErrUnexpectedEOF))
		}
	})
}
