package dash

import "time"

// afterlife is for how long a stream that has ended is remembered where dash_dispose is 0. Its files stay.
const afterlife = time.Hour

// sweep deletes the files of streams that have had no frame for dash_dispose, and of segments that
// have left their manifests.
func (s *Server) sweep(now time.Time) {
	for _, o := range s.outputs.All() {
		h := s.rules(o)
		limit, active := h.DashDispose, s.outputs.Busy(o)
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

// dispose deletes all files, and the manifest with them.
func (o *output) dispose() {
	o.turn.Lock()
	defer o.turn.Unlock()
	old, heads := o.empty()
	o.dir.Remove(o.file)
	o.forget(old, heads, true)
	o.server.retire(o)
}

// abandon forgets the stream and leaves its files where they are.
func (o *output) abandon() {
	o.turn.Lock()
	defer o.turn.Unlock()
	old, heads := o.empty()
	o.forget(old, heads, false)
	o.server.retire(o)
}
