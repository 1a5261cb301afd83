package hls

import (
	"path"
	"strings"
	"time"

	"weir/internal/config"
	"weir/internal/shelf"
)

// place is what is somewhere on the web server: a segment, a part, a header, a key, or the playlist of an output.
type place struct {
	output  *output
	segment *segment
	part    *part
	header  *header
	key     *key
}

// list reports whether it is the playlist.
func (p *place) list() bool {
	return p.segment == nil && p.part == nil && p.header == nil && p.key == nil
}

// wake finds the playlist of a stream that ended before this process began, or so long ago that
// it is forgotten: one that is on the disk only.
func (s *Server) wake(v *config.Vhost, at string) *place {
	if v == nil || !v.HLS.Enabled || v.HLS.HlsServeFrom == "memory" {
		return nil
	}
	n, file, ok := shelf.Asked(s.o.Config(), v, v.HLS.HlsPath, v.HLS.HlsM3u8File, at)
	if !ok {
		return nil
	}
	if info, err := shelf.Dir(v.HLS.HlsPath).Stat(file); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	if s.foreign(v, file) || s.desk.Brings(v.Name) && concluded(shelf.Dir(v.HLS.HlsPath), file) {
		return nil
	}
	o := s.outputs.Adopt(s.newOutput(n, v))
	o.resume(&v.HLS)
	if p, _ := o.look(); p == nil {
		s.retire(o)
		return nil
	}
	p := &place{output: o}
	s.places.Put(o, o.name.Vhost, o.url, p)
	return p
}

// idleFor is how long a player may be silent before its session is over.
func idleFor(h *config.HLS) time.Duration { return max(2*h.HlsWindow, 2*shelf.SweepEvery) }

// entry returns the reference to a segment, with hls_entry_prefix.
func entry(prefix, playlistURL, playlist, file string) string {
	at := shelf.Relative(playlist, file)
	switch {
	case prefix == "":
		return at
	case strings.HasSuffix(prefix, "/"):
		return prefix + at
	}
	dir := shelf.Escaped(strings.TrimPrefix(path.Dir(playlistURL), "/"))
	return strings.TrimSuffix(prefix+"/"+dir, "/") + "/" + at
}
