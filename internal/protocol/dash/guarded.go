package dash

import (
	"weir/internal/config"
	"weir/internal/shelf"
)

// Where not everybody may play, what a stream consists of is for those whom the gates have let in: for
// sessions. There dash_ctx is as if it were on, and the files are not served as files.

// guarded returns the rules for an output, and whether it is for sessions only.
func (s *Server) guarded(o *output) (*config.Dash, bool) {
	h := s.rules(o)
	if s.o.Guarded == nil || !s.o.Guarded(o.name.Vhost) {
		return h, false
	}
	strict := *h
	strict.DashCtx = true
	return &strict, true
}

// Hidden reports whether a file, by its whole path without links, is of streams that are not for
// everybody. It is for web.Options.
func (s *Server) Hidden(file string) bool {
	if s.o.Guarded == nil {
		return false
	}
	for _, v := range s.o.Config().Vhosts {
		h := &v.Dash
		if !h.Enabled || !s.o.Guarded(v.Name) || !shelf.Inside(file, h.DashPath) {
			continue
		}
		if shelf.Alike(file, h.DashMpdFile, "x.m4s", "x"+shelf.Temporary) || shelf.Begins(file, "video-init.mp4") || shelf.Begins(file, "audio-init.mp4") {
			return true
		}
	}
	return false
}
