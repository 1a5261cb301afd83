package server

import (
	"fmt"
	"log/slog"
	"strconv"
	"time"
	"unicode/utf8"

	"weir/internal/stream"
)

const (
	// maxLine bounds a line with its newline; SRS drops longer ones, we cut them.
	maxLine = 8192
	// maxCID bounds the bracket of the session's id.
	maxCID = 32
	// maxDepth bounds groups within groups.
	maxDepth = 16
)

// A line is a line of the log in the making.
type line struct {
	buf   []byte
	depth int // of groups
}

func (l *line) head(when time.Time, level slog.Level, pid int, id string) {
	l.buf = append(l.buf, '[')
	l.buf = when.AppendFormat(l.buf, "2006-01-02 15:04:05.000")
	l.buf = append(l.buf, "]["...)
	l.buf = append(l.buf, levelName(level)...)
	l.buf = append(l.buf, "]["...)
	l.buf = strconv.AppendInt(l.buf, int64(pid), 10)
	l.buf = append(l.buf, "]["...)
	if l.text(id[:min(len(id), maxCID)]); id == "" {
		l.buf = append(l.buf, '-')
	}
	l.buf = append(l.buf, "] "...)
}

func levelName(level slog.Level) string {
	switch {
	case level < slog.LevelDebug:
		return "TRACE"
	case level < slog.LevelInfo:
		return "DEBUG"
	case level < slog.LevelWarn:
		return "INFO"
	case level < slog.LevelError:
		return "WARN"
	}
	return "ERROR"
}

// attr appends " key=value"; a group becomes several.
func (l *line) attr(prefix string, a slog.Attr) {
	v := a.Value.Resolve()
	if len(l.buf) >= maxLine || a.Key == "" && v.Kind() != slog.KindGroup {
		return
	}
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		if l.depth++; l.depth <= maxDepth {
			for _, inner := range v.Group() {
				l.attr(prefix, inner)
			}
		}
		l.depth--
		return
	}
	l.buf = append(l.buf, ' ')
	l.text(prefix)
	l.text(a.Key)
	l.buf = append(l.buf, '=')
	l.value(v)
}

func (l *line) value(v slog.Value) {
	switch v.Kind() {
	case slog.KindString:
		l.quoted(veiled(v.String()))
	case slog.KindInt64:
		l.buf = strconv.AppendInt(l.buf, v.Int64(), 10)
	case slog.KindUint64:
		l.buf = strconv.AppendUint(l.buf, v.Uint64(), 10)
	case slog.KindFloat64:
		l.buf = strconv.AppendFloat(l.buf, v.Float64(), 'g', -1, 64)
	case slog.KindBool:
		l.buf = strconv.AppendBool(l.buf, v.Bool())
	case slog.KindDuration:
		l.buf = append(l.buf, v.Duration().String()...)
	case slog.KindTime:
		l.buf = v.Time().AppendFormat(l.buf, time.RFC3339Nano)
	default:
		l.quoted(veiled(plain(v.Any())))
	}
}

// veiled is what lines say of a text: secrets in it that addresses carry are hidden, in case that
// somebody has forgotten to.
func veiled(s string) string { return stream.Veil(s[:min(len(s), maxLine)]) }

// plain gives the words of a value that has none of slog's kinds. A method that panics, most
// often one of a nil pointer, is no reason to lose the line.
func plain(v any) (s string) {
	defer func() {
		if cause := recover(); cause != nil {
			s = fmt.Sprintf("!PANIC in %T: %v", v, cause)
		}
	}()
	switch v := v.(type) {
	case error:
		return v.Error()
	case fmt.Stringer:
		return v.String()
	case []byte:
		return string(v[:min(len(v), maxLine)])
	}
	return fmt.Sprintf("%+v", v)
}

// text appends s with all that could break or fake a line, or command a terminal, escaped.
func (l *line) text(s string) {
	s = s[:min(len(s), maxLine)]
	for i := 0; i < len(s); {
		if b := s[i]; b >= ' ' && b < 0x7f {
			l.buf = append(l.buf, b)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || !strconv.IsPrint(r) {
			quoted := strconv.AppendQuote(nil, s[i:i+n])
			l.buf = append(l.buf, quoted[1:len(quoted)-1]...)
		} else {
			l.buf = append(l.buf, s[i:i+n]...)
		}
		i += n
	}
}

// quoted appends a value, in quotes if it could not be told from what is around it.
func (l *line) quoted(s string) {
	s = s[:min(len(s), maxLine)]
	if bare(s) {
		l.buf = append(l.buf, s...)
		return
	}
	l.buf = strconv.AppendQuote(l.buf, s)
}

func bare(s string) bool {
	for _, r := range s {
		if r == ' ' || r == '"' || r == '=' || r == utf8.RuneError || !strconv.IsPrint(r) {
			return false
		}
	}
	return s != ""
}

// end cuts the line to maxLine bytes and closes it.
func (l *line) end(tail string) {
	const cut = "..."
	if len(l.buf)+len(tail) > maxLine {
		n := maxLine - len(cut) - len(tail)
		for n > 0 && !utf8.RuneStart(l.buf[n]) {
			n--
		}
		l.buf = append(l.buf[:n], cut...)
	}
	l.buf = append(l.buf, tail...)
}
