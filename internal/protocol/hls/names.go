package hls

import (
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"weir/internal/config"
)

// name is a stream's.
type name struct{ vhost, app, stream string }

// safe reports whether a stream's names may be parts of file names: they must not lead
// elsewhere, nor to another stream's files.
func (n name) safe() bool {
	for _, part := range [...]string{n.vhost, n.app, n.stream} {
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

// expand puts a stream's names into a pattern, and makes it a path with slashes that does not
// lead upwards by itself.
func (n name) expand(pattern string) string {
	return tidy(n.replacer(nil).Replace(pattern))
}

// opened are the variables of a segment or key that are known when it begins.
type opened struct {
	at    time.Time // in the zone of file names
	stamp int64     // [timestamp]
	seq   uint64
}

// segment is expand for segments and keys; [duration] stays until it is known.
func (n name) segment(pattern string, o opened) string {
	return tidy(n.replacer(&o).Replace(pattern))
}

func (n name) replacer(o *opened) *strings.Replacer {
	pairs := []string{"[vhost]", n.vhost, "[app]", n.app, "[stream]", n.stream}
	if o != nil {
		for _, layout := range [...]string{"2006", "01", "02", "15", "04", "05"} {
			pairs = append(pairs, "["+layout+"]", o.at.Format(layout))
		}
		pairs = append(pairs,
			"[999]", fmt.Sprintf("%03d", o.at.Nanosecond()/int(time.Millisecond)),
			"[timestamp]", strconv.FormatInt(o.stamp, 10),
			"[seq]", strconv.FormatUint(o.seq, 10))
	}
	return strings.NewReplacer(pairs...)
}

// nameLasting puts the duration into a segment's name.
func nameLasting(file string, d time.Duration) string {
	return strings.ReplaceAll(file, "[duration]", strconv.FormatInt(d.Milliseconds(), 10))
}

func tidy(file string) string { return strings.TrimPrefix(path.Clean("/"+filepath.ToSlash(file)), "/") }

// base returns the URL path below which the files of hls_path are served: where the web server
// would serve that directory, else /.
func base(c *config.Config, v *config.Vhost) string {
	if s := &v.HTTPStatic; s.Enabled {
		_, mount, _ := strings.Cut(s.Mount, "/")
		if at, ok := below(strings.ReplaceAll(s.Dir, "[vhost]", v.Name), v.HLS.HlsPath); ok {
			return path.Clean("/" + mount + "/" + at)
		}
	}
	if at, ok := below(c.HTTPServer.Dir, v.HLS.HlsPath); ok {
		return path.Clean("/" + at)
	}
	return "/"
}

func below(dir, file string) (string, bool) {
	at, err := filepath.Rel(dir, file)
	at = filepath.ToSlash(at)
	return at, err == nil && at != ".." && !strings.HasPrefix(at, "../")
}

// relative returns the reference to a file in a playlist, both of them below hls_path.
func relative(playlist, file string) string {
	at, err := filepath.Rel(path.Dir("/"+playlist), "/"+file)
	if err != nil { // two absolute paths always can
		at = file
	}
	return (&url.URL{Path: filepath.ToSlash(at)}).String()
}

// entry returns the reference to a segment, with hls_entry_prefix.
func entry(prefix, playlistURL, playlist, file string) string {
	at := relative(playlist, file)
	switch {
	case prefix == "":
		return at
	case strings.HasSuffix(prefix, "/"):
		return prefix + at
	}
	dir := escaped(strings.TrimPrefix(path.Dir(playlistURL), "/"))
	return strings.TrimSuffix(prefix+"/"+dir, "/") + "/" + at
}

func escaped(file string) string { return (&url.URL{Path: file}).EscapedPath() }

// joined returns a file's path for others.
func joined(d dir, file string) string { return filepath.Join(string(d), filepath.FromSlash(file)) }
