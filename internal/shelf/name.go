package shelf

import (
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"weir/internal/config"
	"weir/internal/stream"
)

// Name is a stream's.
type Name struct{ Vhost, App, Stream string }

// Safe reports whether a stream's names may be parts of file names: they must not lead
// elsewhere, nor to another stream's files.
func (n Name) Safe() bool {
	for _, part := range [...]string{n.Vhost, n.App, n.Stream} {
		if strings.ContainsFunc(part, func(r rune) bool { return r < ' ' || r == '\\' || r == 0x7f }) {
			return false
		}
		for step := range strings.SplitSeq(part, "/") {
			if step == "" || step == "." || step == ".." {
				return false
			}
		}
	}
	return true
}

// Expand puts a stream's names into a pattern, and makes it a path with slashes that does not
// lead upwards by itself.
func (n Name) Expand(pattern string) string {
	return Tidy(n.replacer(nil).Replace(pattern))
}

// NameOf returns the stream whose list a file is, by the pattern that lists have; false if it is none's.
func NameOf(vhost, pattern, file string) (Name, bool) {
	n := Name{Vhost: vhost}
	text := regexp.QuoteMeta(Tidy(pattern))
	for variable, group := range map[string]string{"vhost": regexp.QuoteMeta(vhost), "app": "(?P<app>.+)", "stream": "(?P<stream>[^/]+)"} {
		text = strings.Replace(text, regexp.QuoteMeta("["+variable+"]"), group, 1)
	}
	re, err := regexp.Compile("^" + text + "$")
	if err != nil {
		return n, false
	}
	found := re.FindStringSubmatch(file)
	if found == nil {
		return n, false
	}
	for i, group := range re.SubexpNames() {
		switch group {
		case "app":
			n.App = found[i]
		case "stream":
			n.Stream = found[i]
		}
	}
	return n, n.Safe() && n.Expand(pattern) == file
}

// Asked returns the stream whose list is at a path of the web server, and the list's file, by the directory and the pattern
// that lists of v have; false if it is none's.
func Asked(c *config.Config, v *config.Vhost, dir, pattern, at string) (n Name, file string, ok bool) {
	file, ok = strings.CutPrefix(at, strings.TrimSuffix(Base(c, v, dir), "/")+"/")
	if ok {
		n, ok = NameOf(v.Name, pattern, file)
	}
	return n, file, ok
}

// Opened are the variables of a segment or key that are known when it begins.
type Opened struct {
	At    time.Time // in the zone of file names
	Stamp int64     // [timestamp]
	Seq   uint64
}

// Segment is Expand for segments and keys; [duration] stays until it is known.
func (n Name) Segment(pattern string, o Opened) string {
	return Tidy(n.replacer(&o).Replace(pattern))
}

func (n Name) replacer(o *Opened) *strings.Replacer {
	pairs := []string{"[vhost]", n.Vhost, "[app]", n.App, "[stream]", n.Stream}
	if o != nil {
		for _, layout := range [...]string{"2006", "01", "02", "15", "04", "05"} {
			pairs = append(pairs, "["+layout+"]", o.At.Format(layout))
		}
		pairs = append(pairs,
			"[999]", fmt.Sprintf("%03d", o.At.Nanosecond()/int(time.Millisecond)),
			"[timestamp]", strconv.FormatInt(o.Stamp, 10),
			"[seq]", strconv.FormatUint(o.Seq, 10))
	}
	return strings.NewReplacer(pairs...)
}

// Lasting puts the duration into a segment's name.
func Lasting(file string, d time.Duration) string {
	return strings.ReplaceAll(file, "[duration]", strconv.FormatInt(d.Milliseconds(), 10))
}

// Tidy makes a name below a directory of a path.
func Tidy(file string) string { return strings.TrimPrefix(path.Clean("/"+filepath.ToSlash(file)), "/") }

// Base returns the URL path below which the files of a directory are served: where the web server would
// serve that directory, else /.
func Base(c *config.Config, v *config.Vhost, dir string) string {
	if s := &v.HTTPStatic; s.Enabled {
		_, mount, _ := strings.Cut(s.Mount, "/")
		if at, ok := below(strings.ReplaceAll(s.Dir, "[vhost]", v.Name), dir); ok {
			return path.Clean("/" + mount + "/" + at)
		}
	}
	if at, ok := below(c.HTTPServer.Dir, dir); ok {
		return path.Clean("/" + at)
	}
	return "/"
}

func below(dir, file string) (string, bool) {
	at, err := filepath.Rel(dir, file)
	at = filepath.ToSlash(at)
	return at, err == nil && at != ".." && !strings.HasPrefix(at, "../")
}

// Relative returns the reference to a file in a list, both of them below the same directory.
func Relative(playlist, file string) string {
	at, err := filepath.Rel(path.Dir("/"+playlist), "/"+file)
	if err != nil { // two absolute paths always can
		at = file
	}
	return (&url.URL{Path: filepath.ToSlash(at)}).String()
}

// Escaped returns a file as a part of an address.
func Escaped(file string) string { return (&url.URL{Path: file}).EscapedPath() }

// URL returns the stream's address as the API has it.
func (n Name) URL() string {
	r := stream.Request{Vhost: n.Vhost, App: n.App, Stream: n.Stream}
	return r.URL()
}
