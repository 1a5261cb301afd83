package hls

import (
	"path/filepath"

	"weir/internal/config"
	"weir/internal/shelf"
)

// Where not everybody may play, what a stream consists of is for those whom the gates have let in: for
// sessions. There hls_ctx and hls_ts_ctx are as if they were on, and the files are not served as files.

// guarded returns the rules for an output, and whether it is for sessions only.
func (s *Server) guarded(o *output) (*config.HLS, bool) {
	h := s.rules(o)
	if s.o.Guarded == nil || !s.o.Guarded(o.name.Vhost) {
		return h, false
	}
	strict := *h
	strict.HlsCtx, strict.HlsTSCtx = true, true
	return &strict, true
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
			if shelf.Inside(file, root) && isOurs(file, h) {
				return true
			}
		}
	}
	return false
}

// isOurs reports whether a file looks like one that HLS writes.
func isOurs(file string, h *config.HLS) bool {
	patterns := []string{h.HlsM3u8File, h.HlsTSFile, h.HlsFmp4File, h.HlsKeyFile, "x" + shelf.Temporary}
	return shelf.Alike(file, patterns...) || shelf.Begins(file, h.HlsInitFile)
}
