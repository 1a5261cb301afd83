package dash

import "time"

// Lasts and what follows are shelf.Tended's.
func (o *output) Lasts() time.Duration { return o.server.rules(o).DashDispose }

// Idle returns for how long there has been no frame, and whether there is anything to delete.
func (o *output) Idle(now time.Time) (d time.Duration, full bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return now.Sub(o.last), o.page != nil || len(o.gone) > 0
}

// Purge deletes what has left the manifest, in its time.
func (o *output) Purge(now time.Time) {
	o.turn.Lock()
	defer o.turn.Unlock()
	o.purge(now, o.server.rules(o))
}

// Dispose deletes all files, and the manifest with them.
func (o *output) Dispose() {
	o.turn.Lock()
	defer o.turn.Unlock()
	old, heads := o.empty()
	o.dir.Remove(o.file)
	o.forget(old, heads, true)
	o.server.retire(o)
}

// Abandon forgets the stream and leaves its files where they are.
func (o *output) Abandon() {
	o.turn.Lock()
	defer o.turn.Unlock()
	old, heads := o.empty()
	o.forget(old, heads, false)
	o.server.retire(o)
}
