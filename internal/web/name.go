package web

import (
	"net/http"
	"path/filepath"
	"strings"
)

// fit reports whether a request's path may lead to a file. It is one that every system and every
// proxy in front of us reads in the same way: without parts that are empty or dots, without
// backslashes and bytes that do not show, and with all its slashes as such. Os.Root would keep it
// below its directory anyhow.
func fit(r *http.Request) bool {
	coded := strings.ToLower(r.URL.EscapedPath())
	for _, odd := range []string{"%2f", "%5c", "%00"} {
		if strings.Contains(coded, odd) {
			return false
		}
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/")
	if !ok {
		return false
	}
	if strings.ContainsFunc(path, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\\' }) {
		return false
	}
	path = strings.TrimSuffix(path, "/")
	if path == "" {
		return r.URL.Path == "/"
	}
	for part := range strings.SplitSeq(path, "/") {
		// Windows takes a dot or a space off the end of a name
		if part == "" || strings.HasSuffix(part, ".") || strings.HasSuffix(part, " ") {
			return false
		}
	}
	return true
}

// local gives the file that is meant by what is left of a path below a directory; false is one
// that nobody gets. Files that are still being written are such.
func local(rest string) (name string, ok bool) {
	rest = strings.TrimSuffix(rest, "/")
	if rest == "" {
		return ".", true
	}
	for _, unfinished := range []string{".tmp", ".temp"} {
		if strings.HasSuffix(strings.ToLower(rest), unfinished) {
			return "", false
		}
	}
	name, err := filepath.Localize(rest) // names of devices and drives are errors
	return name, err == nil
}
