package hls

import (
	"time"

	"weir/internal/shelf"
)

// afterlife is for how long a stream that has ended is remembered where hls_dispose is 0. Its
// files stay, and are found again when somebody asks for them; what is in memory alone does not.
const afterlife = time.Hour

// sweep deletes the files of streams that have had no frame for hls_dispose, and of segments that
// have left their playlists.
func (s *Server) sweep(now time.Time) {
	for _, o := range s.outputs.All() {
		h := s.rules(o)
		limit, active := h.HlsDispose, s.outputs.Busy(o)
		d, full := o.idle(now)
		switch {
		case limit > 0 && d >= limit && (full || !active):
			o.dispose()
		case limit == 0 && d >= afterlife && !active:
			o.abandon()
		case full:
			o.turn.Lock()
			o.purge(now, h)
			o.turn.Unlock()
		}
	}
}

// dispose deletes all files, and the playlist with them.
func (o *output) dispose() {
	o.turn.Lock()
	defer o.turn.Unlock()
	old, h := o.empty()
	o.dir.Remove(o.file)
	o.forget(old, used{}, true, shelf.Dir(h.HlsKeyFilePath))
	o.server.retire(o)
}

// abandon forgets the stream and leaves its files where they are.
func (o *output) abandon() {
	o.turn.Lock()
	defer o.turn.Unlock()
	old, _ := o.empty()
	o.forget(old, used{}, false, "")
	o.server.retire(o)
}
