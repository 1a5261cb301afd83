package server

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

// writtenJSON gives the values of a line in the form of JSON.
func writtenJSON(t testing.TB, o LogOptions, level slog.Level, message string, wrap func(slog.Handler) slog.Handler, args ...any) map[string]any {
	t.Helper()
	o.JSON = true
	got := written(t, true, o, level, message, wrap, args...)
	if len(got) >= maxLine || !utf8.ValidString(got) {
		t.Errorf("%d bytes, ends in %q", len(got), got[len(got)-10:])
	}
	var values map[string]any
	if err := json.Unmarshal([]byte(got), &values); err != nil {
		t.Errorf("%q: %v", got, err)
	}
	return values
}

func TestLogJSON(t *testing.T) {
	head := map[string]any{"time": "2026-11-05T13:37:00.042+02:00", "level": "INFO", "msg": "hello", "pid": 42.0, "cid": "serverid"}
	for name, c := range map[string]struct {
		args []any
		want map[string]any
	}{
		"none":    {nil, nil},
		"numbers": {[]any{"n", -1, "u", uint(2), "f", 0.5, "b", true}, map[string]any{"n": -1.0, "u": 2.0, "f": 0.5, "b": true}},
		"times":   {[]any{"d", 1500 * time.Millisecond, "t", moment().Truncate(time.Second)}, map[string]any{"d": "1.5s", "t": "2026-11-05T13:37:00+02:00"}},
		"texts":   {[]any{"s", "a \"b\"\n\x1b", "e", ""}, map[string]any{"s": "a \"b\"\n\x1b", "e": ""}},
		"values": {[]any{"err", io.EOF, "sig", syscall.SIGTERM, "list", []string{"a", "b"}, "nothing", nil, "raw", []byte("abc")},
			map[string]any{"err": "EOF", "sig": "terminated", "list": []any{"a", "b"}, "nothing": "<nil>", "raw": "abc"}},
		"groups":   {[]any{slog.Group("g", "a", 1, slog.Group("b", "c", 2)), slog.Group("", "x", 1)}, map[string]any{"g.a": 1.0, "g.b.c": 2.0, "x": 1.0}},
		"session":  {[]any{"cid", "abcd1234"}, map[string]any{"cid": "abcd1234"}},
		"the same": {[]any{"time", time.Second, "level", 1, "msg", "m", "pid", 7}, map[string]any{"lasted": "1s", "level_": 1.0, "msg_": "m", "pid_": 7.0}},
		"secrets": {[]any{"url", "rtmp://h/live/s?token=abc&x=1", "err", errors.New("get /a?sign=abc: no"), "list", []string{"?key=abc"}},
			map[string]any{"url": "rtmp://h/live/s?token=***&x=1", "err": "get /a?sign=*** no", "list": []any{"?key=***"}}},
	} {
		want := maps.Clone(head)
		maps.Copy(want, c.want)
		if got := writtenJSON(t, LogOptions{}, slog.LevelInfo, "hello", nil, c.args...); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v\nwant %v", name, got, want)
		}
	}
	for level, name := range map[slog.Level]string{LevelTrace: "TRACE", slog.LevelDebug: "DEBUG", slog.LevelWarn: "WARN", slog.LevelError: "ERROR"} {
		got := writtenJSON(t, LogOptions{UTC: true}, level, "x", nil)
		if got["level"] != name || got["time"] != "2026-11-05T11:37:00.042Z" {
			t.Errorf("level %s: %v", name, got)
		}
	}
}

func TestLogJSONWith(t *testing.T) {
	wrap := func(h slog.Handler) slog.Handler {
		h = h.WithAttrs([]slog.Attr{slog.String("cid", "session1"), slog.Int("a", 1)})
		_ = h.WithAttrs([]slog.Attr{slog.Int("sibling", 1)}) // does not write into ours
		h = h.WithGroup("g").WithAttrs([]slog.Attr{slog.Int("b", 2)})
		return h.WithGroup("h")
	}
	got := writtenJSON(t, LogOptions{}, slog.LevelInfo, "x", wrap, "c", 3, "cid", "inner")
	want := []string{"a", "cid", "g.b", "g.h.c", "g.h.cid", "level", "msg", "pid", "time"}
	if keys := slices.Sorted(maps.Keys(got)); !slices.Equal(keys, want) || got["cid"] != "session1" {
		t.Errorf("%v", got)
	}
}

// TestLogJSONCuts has lines that are too long: they are still JSON.
func TestLogJSONCuts(t *testing.T) {
	many := []any{}
	for range 2000 {
		many = append(many, "key", "value")
	}
	for name, args := range map[string][]any{
		"one value": {"s", strings.Repeat("ö", 1<<20)},
		"newlines":  {"s", strings.Repeat("\n", 4000), "t", strings.Repeat("\x00", 4000)},
		"zeros":     {"s", strings.Repeat("\x00", 2000)},
		"a key":     {strings.Repeat("k", 9000), 1},
		"many":      many,
	} {
		got := writtenJSON(t, LogOptions{}, slog.LevelWarn, strings.Repeat("m", 9000), nil, args...)
		if message, _ := got["msg"].(string); got["cut"] == nil || !strings.HasPrefix(message, "mmm") {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := writtenJSON(t, LogOptions{}, slog.LevelWarn, "m", nil, "s", strings.Repeat("s", 7000)); got["cut"] != nil {
		t.Error("a line that is not too long is cut")
	}
}

// TestLogPrepare moves the log between files and changes its form while many write: no line is lost,
// and none but in one of the two forms.
func TestLogPrepare(t *testing.T) {
	const writers, lines = 8, 200
	dir := t.TempDir()
	path := func(n int) string { return filepath.Join(dir, "sub", string(rune('a'+n))+".log") }
	l, err := NewLog(LogOptions{File: path(0)})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(l.Handler())
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for n := range lines {
				log.Info("line", "n", n)
			}
		})
	}
	for n := 1; n < 5; n++ {
		commit, err := l.Prepare(LogOptions{File: path(n), JSON: n%2 == 1, UTC: true})
		if err != nil {
			t.Fatal(err)
		}
		commit(true)
	}
	if _, err := l.Prepare(LogOptions{File: dir}); err == nil {
		t.Error("a directory is no log")
	}
	commit, err := l.Prepare(LogOptions{File: path(9), Level: slog.LevelError})
	if err != nil {
		t.Fatal(err)
	}
	commit(false) // nothing changes
	all.Wait()
	if commit, err = l.Prepare(LogOptions{File: path(4), Level: slog.LevelError}); err != nil {
		t.Fatal(err)
	}
	commit(true)
	log.Info("not any more")
	if l.File() != path(4) || l.Close() != nil {
		t.Error("the log is", l.File())
	}
	count, forms := 0, map[bool]bool{}
	for n := range 5 {
		text, err := os.ReadFile(path(n))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			count++
			form := json.Valid([]byte(line))
			forms[form] = true
			if !form && !strings.HasPrefix(line, "[20") {
				t.Errorf("%q", line)
			}
		}
	}
	if count != writers*lines || !forms[false] {
		t.Errorf("%d lines of %d, forms %v", count, writers*lines, forms)
	}
}
