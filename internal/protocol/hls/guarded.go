package hls

import (
	"net/http"
	"path"
	"path/filepath"
	"strings"

	"weir/internal/config"
	"weir/internal/web"
)

// Where not everybody may play, what a stream consists of is for those whom the gates have let in: for
// sessions. There hls_ctx and hls_ts_ctx are as if they were on, and the files are not served as files.

// guarded returns the rules for an output, and whether it is for sessions only.
func (s *Server) guarded(o *output) (*config.HLS, bool) {
	h := s.rules(o)
	if s.o.Guarded == nil || !s.o.Guarded(o.name.vhost) {
		return h, false
	}
	strict := *h
	strict.HlsCtx, strict.HlsTSCtx = true, true
	return &strict, true
}

// member reports whether a request is one of a session of the output's stream; if not, it is answered.
func (s *Server) member(w http.ResponseWriter, r *http.Request, o *output) bool {
	if x, ended := s.session(ctxOf(r.URL.RawQuery)); x != nil && !ended && x.output.name == o.name {
		return true
	}
	web.Fail(w, http.StatusForbidden, "this stream is not for everybody: begin with its playlist")
	return false
}

// foreign reports whether a file that everybody may have as one of this virtual host's may be
// another's, which writes to the same directory and is not for everybody.
func (s *Server) foreign(v *config.Vhost, file string) bool {
	if s.o.Guarded == nil || s.o.Guarded(v.Name) {
		return false
	}
	file, err := filepath.Abs(filepath.Join(v.HLS.HlsPath, filepath.FromSlash(file)))
	if err != nil {
		return true
	}
	if target, err := filepath.EvalSymlinks(file); err == nil {
		file = target
	}
	return s.Hidden(file)
}

// Hidden reports whether a file, by its whole path without links, is of streams that are not for
// everybody. It is for web.Options.
func (s *Server) Hidden(file string) bool {
	if s.o.Guarded == nil {
		return false
	}
	for _, v := range s.o.Config().Vhosts {
		h := &v.HLS
		if !h.Enabled || !s.o.Guarded(v.Name) {
			continue
		}
		for _, root := range []string{h.HlsPath, h.HlsKeyFilePath} {
			if inside(file, root) && isOurs(file, h) {
				return true
			}
		}
	}
	return false
}

// inside reports whether a file is in a directory, however deep. Case does not count: on some systems
// it does not for files.
func inside(file, root string) bool {
	root, err := filepath.Abs(root)
	if err != nil {
		return true
	}
	if target, err := filepath.EvalSymlinks(root); err == nil {
		root = target
	}
	rest, err := filepath.Rel(strings.ToLower(root), strings.ToLower(file))
	return err == nil && filepath.IsLocal(rest)
}

// isOurs reports whether a file looks like one that HLS writes.
func isOurs(file string, h *config.HLS) bool {
	ext := filepath.Ext(file)
	for _, pattern := range []string{h.HlsM3u8File, h.HlsTSFile, h.HlsKeyFile, "x.tmp"} {
		if strings.EqualFold(ext, path.Ext(pattern)) {
			return true
		}
	}
	return false
}
