package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"
)

const (
	// jsonHead is more than what each line has: time, level, pid, cid and their names.
	jsonHead = 256
	// shortValue bounds a text, and the name of a value, in a JSON line that would be longer than
	// maxLine with all of it.
	shortValue = 200
	// fewAttrs bounds the attributes of such a line.
	fewAttrs = 16
)

// newJSON makes the handler of lines that are JSON objects:
//
//	{"time":"2026-11-05T13:37:00.042+02:00","level":"INFO","msg":"message","pid":42,"cid":"...","key":"a value"}
//
// It gets records whose attributes writeJSON has put in order.
func newJSON(out io.Writer) slog.Handler {
	return slog.NewJSONHandler(out, &slog.HandlerOptions{
		Level: LevelTrace,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch v := a.Value.Any().(type) {
			case time.Time:
				if a.Key == slog.TimeKey {
					a.Value = slog.StringValue(v.Format("2006-01-02T15:04:05.000Z07:00"))
				}
			case slog.Level:
				a.Value = slog.StringValue(levelName(v))
			}
			return a
		},
	})
}

// writeJSON writes a record as a line of JSON. One that is too long is written once more, with less.
func (h *handler) writeJSON(ctx context.Context, r slog.Record, id string) error {
	attrs := slices.Clip(h.kept)
	r.Attrs(func(a slog.Attr) bool {
		if _, ok := h.cid(a); !ok {
			attrs = appendJSON(attrs, h.prefix, a, 0)
		}
		return true
	})
	message := veiled(r.Message)
	size := jsonHead + quotedSize(message)
	for _, a := range attrs {
		size += quotedSize(a.Key) + quotedSize(a.Value.String()) + len(`"":"",`)
	}
	if size > maxLine {
		message, attrs = short(message), slices.Clone(attrs[:min(len(attrs), fewAttrs)])
		for i, a := range attrs {
			attrs[i].Key = short(a.Key)
			if k := a.Value.Kind(); k == slog.KindString || k == slog.KindAny {
				attrs[i].Value = slog.StringValue(short(a.Value.String()))
			}
		}
		attrs = append(attrs, slog.Bool("cut", true))
	}
	out := slog.NewRecord(r.Time, r.Level, message, 0)
	out.AddAttrs(slog.Int("pid", h.pid), slog.String("cid", id[:min(len(id), maxCID)]))
	out.AddAttrs(attrs...)
	return h.json.Handle(ctx, out)
}

// appendJSON appends an attribute as JSON lines have it: those of a group as "group.name", texts
// veiled, times that something took as texts, and no name twice of those that each line has.
func appendJSON(list []slog.Attr, prefix string, a slog.Attr, depth int) []slog.Attr {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		if depth < maxDepth {
			for _, inner := range v.Group() {
				list = appendJSON(list, prefix, inner, depth+1)
			}
		}
		return list
	}
	if a.Key == "" {
		return list
	}
	key := prefix + a.Key
	switch key {
	case "time": // as the API has it
		key = "lasted"
	case slog.LevelKey, slog.MessageKey, "pid", "cid":
		key += "_"
	}
	switch v.Kind() {
	case slog.KindString:
		v = slog.StringValue(veiled(v.String()))
	case slog.KindDuration:
		v = slog.StringValue(v.Duration().String())
	case slog.KindTime:
		v = slog.StringValue(v.Time().Format(time.RFC3339Nano))
	case slog.KindAny:
		if words, ok := v.Any().([]string); ok {
			v = slog.AnyValue(veilAll(words))
		} else {
			v = slog.StringValue(veiled(plain(v.Any())))
		}
	}
	return append(list, slog.Attr{Key: key, Value: v})
}

func veilAll(words []string) []string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = veiled(w)
	}
	return list
}

// quotedSize is the most bytes that a text takes in JSON.
func quotedSize(s string) (n int) {
	for i := range len(s) {
		n += quotedByte(s[i])
	}
	return n
}

func quotedByte(b byte) int {
	if b < ' ' || b > '~' || b == '"' || b == '\\' {
		return len(`\u0000`)
	}
	return 1
}

// short cuts a text so that it takes not much more than shortValue in JSON.
func short(s string) string {
	for i, n := 0, 0; i < len(s); i++ {
		if n += quotedByte(s[i]); n > shortValue {
			return fmt.Sprintf("%s... (%d bytes)", s[:i], len(s))
		}
	}
	return s
}
