package web

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// files answers with a file, else with a page, else that there is nothing.
func (s *Server) files(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		plain(w, http.StatusMethodNotAllowed)
		return
	}
	if !fit(r) {
		plain(w, http.StatusNotFound)
		return
	}
	if m, rest, ok := find(mounts(s.o.Config()), Host(r), r.URL.Path); ok && m.serve(w, r, rest, s.o.Hidden) {
		return
	}
	path := r.URL.Path
	if s.o.Pages != nil && (path == "/" || path == "/players" || strings.HasPrefix(path, "/players/")) {
		s.o.Pages.ServeHTTP(w, r)
		return
	}
	plain(w, http.StatusNotFound)
}

// Has reports whether there is a file for a request, which is not for a directory.
func (s *Server) Has(r *http.Request) bool {
	m, rest, ok := find(mounts(s.o.Config()), Host(r), r.URL.Path)
	if !ok || !fit(r) || strings.HasSuffix(rest, "/") {
		return false
	}
	root, err := os.OpenRoot(m.dir)
	if err != nil {
		return false
	}
	defer root.Close()
	name, ok := local(rest)
	if !ok {
		return false
	}
	info, err := root.Stat(name)
	return err == nil && info.Mode().IsRegular() && !m.hides(name, s.o.Hidden)
}

// hides reports whether a file below the mount is hidden.
func (m mount) hides(name string, hidden func(string) bool) bool {
	if hidden == nil {
		return false
	}
	file, err := filepath.Abs(filepath.Join(m.dir, filepath.FromSlash(name)))
	if err != nil {
		return true
	}
	if target, err := filepath.EvalSymlinks(file); err == nil {
		file = target
	}
	return hidden(file)
}

// serve sends the file that rest names below the mount; it is false if there is none.
func (m mount) serve(w http.ResponseWriter, r *http.Request, rest string, hidden func(string) bool) bool {
	root, err := os.OpenRoot(m.dir)
	if err != nil {
		return false // nobody has made the directory
	}
	defer root.Close()
	name, ok := local(rest)
	if !ok {
		return false
	}
	info, err := root.Stat(name)
	if err == nil && info.IsDir() {
		name += "/index.html"
		if info, err = root.Stat(name); err == nil && !strings.HasSuffix(r.URL.Path, "/") {
			to := url.URL{Path: r.URL.Path + "/", RawQuery: r.URL.RawQuery}
			w.Header().Set("Location", to.String())
			plain(w, http.StatusFound)
			return true
		}
	} else if strings.HasSuffix(r.URL.Path, "/") {
		return false
	}
	if err != nil || !info.Mode().IsRegular() || m.hides(name, hidden) { // to open a pipe would wait
		return false
	}
	f, err := root.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	send(w, r, f, name)
	return true
}

// send answers with a file, or the part of it that is asked for.
func send(w http.ResponseWriter, r *http.Request, f *os.File, name string) {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		plain(w, http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", kindOf(name))
	switch strings.ToLower(name[strings.LastIndexByte(name, '.')+1:]) {
	case "flv", "fhv":
		if start := from(r, info.Size()); start > 0 && sendFrom(w, r, f, start, info.Size()) {
			return
		}
	case "mp4":
		r = ranged(r, info.Size())
	case "m3u8", "mpd":
		h.Set("Cache-Control", "no-cache") // the file may grow
	}
	h.Set("Etag", fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size()))
	http.ServeContent(w, r, "", info.ModTime(), f)
}

// ranged makes a request for a range out of one whose query asks for it, as range=0-99 or bytes=100-.
// One that makes no sense is for the whole file.
func ranged(r *http.Request, size int64) *http.Request {
	query := r.URL.Query()
	text := query.Get("range")
	if text == "" {
		text = query.Get("bytes")
	}
	first, last, ok := strings.Cut(text, "-")
	if !ok || r.Header.Get("Range") != "" {
		return r
	}
	from, err := strconv.ParseInt(first, 10, 64)
	if err != nil || from < 0 || from >= size {
		return r
	}
	if last != "" {
		if to, err := strconv.ParseInt(last, 10, 64); err != nil || to < from {
			return r
		}
	}
	r = r.Clone(r.Context())
	r.Header.Set("Range", "bytes="+first+"-"+last)
	r.Header.Del("If-Range")
	return r
}
