package stream

// Rewind has the reader go on at the newest key frame of the stream, and reports whether there is one in its memory: for
// who must begin anew. It is for the reading goroutine.
func (r *Subscriber) Rewind() bool {
	s := r.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.hasKey || s.newKey < s.frames.base || r.idle || r.closed {
		return false
	}
	r.pos, r.seek = s.newKey, false
	return true
}
