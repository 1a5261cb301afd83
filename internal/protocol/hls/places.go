package hls

import (
	"os"
	"regexp"
	"strings"
	"time"

	"weir/internal/config"
)

// spot is where on the web server something is. No vhost stands for any: a file may be asked for
// by a host that is not the stream's.
type spot struct{ vhost, path string }

// place is what is there: a segment, a key, or the playlist of an output.
type place struct {
	output  *output
	segment *segment
	key     *key
}

// find returns what is at a path, for a client of that vhost.
func (s *Server) find(vhost, at string) *place {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.places[spot{vhost, at}]; p != nil {
		return p
	}
	return s.places[spot{"", at}]
}

// wake finds the playlist of a stream that ended before this process began, or so long ago that
// it is forgotten: one that is on the disk only.
func (s *Server) wake(v *config.Vhost, at string) *place {
	if v == nil || !v.HLS.Enabled || v.HLS.HlsServeFrom == "memory" {
		return nil
	}
	file, ok := strings.CutPrefix(at, strings.TrimSuffix(base(s.o.Config(), v), "/")+"/")
	if !ok {
		return nil
	}
	if info, err := dir(v.HLS.HlsPath).stat(file); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	n, ok := nameOf(v, file)
	if !ok || s.foreign(v, file) {
		return nil
	}
	o := s.newOutput(n, v)
	s.mu.Lock()
	if is := s.outputs[n]; is != nil {
		o = is
	} else if s.outputs[n] = o; s.stopping {
		delete(s.outputs, n)
	}
	s.mu.Unlock()
	o.resume(&v.HLS)
	if p, _ := o.look(); p == nil {
		s.retire(o)
		return nil
	}
	s.put(o, o.url, &place{output: o})
	return &place{output: o}
}

// nameOf returns the stream whose playlist a file is.
func nameOf(v *config.Vhost, file string) (name, bool) {
	n := name{vhost: v.Name}
	pattern := regexp.QuoteMeta(tidy(v.HLS.HlsM3u8File))
	for variable, group := range map[string]string{"vhost": regexp.QuoteMeta(v.Name), "app": "(?P<app>.+)", "stream": "(?P<stream>[^/]+)"} {
		pattern = strings.Replace(pattern, regexp.QuoteMeta("["+variable+"]"), group, 1)
	}
	re, err := regexp.Compile("^" + pattern + "$")
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
			n.app = found[i]
		case "stream":
			n.stream = found[i]
		}
	}
	return n, n.safe() && n.expand(v.HLS.HlsM3u8File) == file
}

// workDir is where relative paths start.
func workDir() string {
	at, err := os.Getwd()
	if err != nil {
		return ""
	}
	return at
}

// idleFor is how long a player may be silent before its session is over.
func idleFor(h *config.HLS) time.Duration { return max(2*h.HlsWindow, 2*sweepEvery) }
