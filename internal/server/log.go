package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"weir/internal/stream"
)

// LevelTrace is SRS's most talkative level, below slog's debug.
const LevelTrace = slog.LevelDebug - 4

// LogOptions says where the log goes and how much of it.
type LogOptions struct {
	File  string       // appended to, its directories are made; empty: the console
	Level slog.Leveler // nil: slog.LevelInfo
	UTC   bool         // times in UTC, not in local time
	JSON  bool         // lines are JSON objects, not of SRS's form
	ID    string       // for lines without a session; empty: eight random characters
}

// Log is the server's log. Its lines are written whole, one write each.
type Log struct {
	handler *handler
	file    *logFile // nil: what newLog was given
}

// NewLog opens the log.
func NewLog(o LogOptions) (*Log, error) {
	f, err := openLogFile(o.File)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	l := newLog(f, f.colour(), o)
	l.file = f
	return l, nil
}

func newLog(out io.Writer, colour bool, o LogOptions) *Log {
	if o.ID == "" {
		o.ID = stream.NewID()
	}
	s := &sink{out: out, pid: os.Getpid(), lines: sync.Pool{New: func() any { return &line{} }}}
	s.json = newJSON(out)
	s.form.Store(formOf(o, colour))
	return &Log{handler: &handler{sink: s, id: o.ID}}
}

// Prepare opens what other options ask for; their ID does not count. After that commit puts them in
// force, or with false forgets them. No line is lost.
func (l *Log) Prepare(o LogOptions) (commit func(bool), err error) {
	if l.file == nil {
		return nil, errors.New("log: it has no file")
	}
	file, err := l.file.prepare(o.File)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	return func(ok bool) {
		if !ok {
			file.discard()
			return
		}
		l.file.use(file)
		l.handler.form.Store(formOf(o, l.file.colour()))
	}, nil
}

// File returns where lines go; empty is the console.
func (l *Log) File() string {
	if l.file != nil {
		if now := l.file.current.Load(); now != nil {
			return now.path
		}
	}
	return ""
}

// Handler gives the handler for slog.New. A top-level attribute named cid, the id of a session,
// goes to its own bracket.
func (l *Log) Handler() slog.Handler { return l.handler }

// Reopen opens the file anew, after a rotation has moved it away. When that fails the log goes
// on in the old file. The console has nothing to reopen.
func (l *Log) Reopen() error {
	if l.file == nil {
		return nil
	}
	if err := l.file.reopen(); err != nil {
		return fmt.Errorf("log: %w", err)
	}
	return nil
}

// Close closes the file; later lines are lost. It may be called twice.
func (l *Log) Close() error {
	if l.file == nil {
		return nil
	}
	return l.file.close()
}

// LogLevel maps srs_log_level (v1) and srs_log_level_v2 (v2), which is stronger when it is set.
// The two name the same five levels, and slog has a number for each:
//
//	v1       v2      in a line   slog
//	verbose  trace   TRACE       -8, LevelTrace
//	info     debug   DEBUG       slog.LevelDebug
//	trace    info    INFO        slog.LevelInfo, the default
//	warn     warn    WARN        slog.LevelWarn
//	error    error   ERROR       slog.LevelError
//
// Another name is an error, and the level that of the default.
func LogLevel(v1, v2 string) (slog.Level, error) {
	name, names := strings.ToLower(v2), [...]string{"trace", "debug", "info", "warn", "error"}
	directive := "srs_log_level_v2"
	if name == "" {
		name, names = strings.ToLower(v1), [...]string{"verbose", "info", "trace", "warn", "error"}
		directive = "srs_log_level"
	}
	if name == "" {
		return slog.LevelInfo, nil
	}
	for i, known := range names {
		if name == known {
			return LevelTrace + slog.Level(4*i), nil
		}
	}
	return slog.LevelInfo, fmt.Errorf("log: %s %q: not one of %s", directive, name, strings.Join(names[:], ", "))
}

// hasColour tells whether f is a terminal that wants colours.
func hasColour(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && runtime.GOOS != "windows" &&
		os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// A sink is what all handlers of one log share.
type sink struct {
	// Set at construction.
	out   io.Writer
	json  slog.Handler
	pid   int
	lines sync.Pool // of *line

	form atomic.Pointer[form]
}

// A form is how lines look, and which there are.
type form struct {
	level  slog.Leveler
	utc    bool
	json   bool
	colour bool
}

func formOf(o LogOptions, colour bool) *form {
	if o.Level == nil {
		o.Level = slog.LevelInfo
	}
	return &form{level: o.Level, utc: o.UTC, json: o.JSON, colour: colour && !o.JSON}
}

// A handler writes records as lines of SRS's form:
//
//	[2026-11-05 13:37:00.042][INFO][pid][cid] message key=value key="a value"
//
// or as JSON, see newJSON.
type handler struct {
	*sink
	id     string      // the cid
	fixed  []byte      // the attributes of WithAttrs, ready for the line
	kept   []slog.Attr // the same for JSON
	prefix string      // the open groups, as "a.b."
}

func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.form.Load().level.Level()
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	l := line{buf: append([]byte(nil), h.fixed...)}
	out := *h
	out.kept = slices.Clip(h.kept)
	for _, a := range attrs {
		if id, ok := h.cid(a); ok {
			out.id = id
			continue
		}
		l.attr(h.prefix, a)
		out.kept = appendJSON(out.kept, h.prefix, a, 0)
	}
	out.fixed = l.buf[:len(l.buf):len(l.buf)]
	return &out
}

func (h *handler) WithGroup(name string) slog.Handler {
	out := *h
	if name != "" {
		out.prefix += name + "."
	}
	return &out
}

// cid tells whether a is the session's id.
func (h *handler) cid(a slog.Attr) (string, bool) {
	if a.Key != "cid" || h.prefix != "" {
		return "", false
	}
	return a.Value.Resolve().String(), true
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	form, id := h.form.Load(), h.id
	r.Attrs(func(a slog.Attr) bool {
		if own, ok := h.cid(a); ok {
			id = own
		}
		return true
	})
	if r.Time.IsZero() {
		r.Time = time.Now()
	}
	if form.utc {
		r.Time = r.Time.UTC()
	}
	if form.json {
		return h.writeJSON(ctx, r, id)
	}
	return h.writeLine(&r, id, form.colour)
}

func (h *handler) writeLine(r *slog.Record, id string, colour bool) error {
	l := h.lines.Get().(*line)
	l.buf = l.buf[:0]
	if colour {
		l.buf = append(l.buf, colourOf(r.Level)...)
	}
	l.head(r.Time, r.Level, h.pid, id)
	l.text(veiled(r.Message))
	l.buf = append(l.buf, h.fixed...)
	r.Attrs(func(a slog.Attr) bool {
		if _, ok := h.cid(a); !ok {
			l.attr(h.prefix, a)
		}
		return true
	})
	tail := "\n"
	if colour && colourOf(r.Level) != "" {
		tail = "\x1b[0m\n"
	}
	l.end(tail)
	_, err := h.out.Write(l.buf)
	if cap(l.buf) <= 2*maxLine {
		h.lines.Put(l)
	}
	return err
}

// colourOf is yellow for a warning and red for an error.
func colourOf(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return "\x1b[31m"
	case level >= slog.LevelWarn:
		return "\x1b[33m"
	}
	return ""
}
