package hls

import (
	"bytes"
	"time"

	"weir/internal/config"
	"weir/internal/shelf"
)

// seek is the place of the playlist of a stream that may be brought here.
func (s *Server) seek(v *config.Vhost, at string) *place {
	if v == nil || !v.Enabled || !v.HLS.Enabled || !s.desk.Brings(v.Name) {
		return nil
	}
	n, file, ok := shelf.Asked(s.o.Config(), v, v.HLS.HlsPath, v.HLS.HlsM3u8File, at)
	if !ok {
		return nil
	}
	if _, err := shelf.Dir(v.HLS.HlsPath).Stat(file); err == nil {
		return nil // it is somebody else's
	}
	return &place{output: s.newOutput(n, v)}
}

// concluded reports whether a playlist on the disk is of something that has an end: a recording, which is no stream.
func concluded(dir shelf.Dir, file string) bool {
	raw, err := dir.Read(file, maxPlaylist)
	return err == nil && bytes.Contains(raw, []byte("\n#EXT-X-ENDLIST"))
}

// Filed and what follows are shelf.Listed's.
func (o *output) Filed() string { return o.file }

// Stays returns for how long players may be silent that have no session.
func (o *output) Stays() time.Duration { return o.patience() }

// Here reports whether what there is of a stream is of now: somebody adds to it, or did so not long ago.
func (o *output) Here(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.fed || o.page != nil && !o.old(now)
}

// old reports whether the newest segment is older than all that a playlist has; mu is held.
func (o *output) old(now time.Time) bool {
	n := len(o.list)
	return n > 0 && now.Sub(o.list[n-1].at) > max(o.rules.HlsWindow, total(o.list))
}

// feed notes that somebody adds to the playlist: with segments from that number on, at the least. A stream that is brought
// here is gone on with after a short break; after a long one players see nothing of what was.
func (o *output) feed(next uint64, brought bool) {
	now := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.next = max(o.next, next)
	if brought && o.old(now) {
		o.clear(now)
	}
	o.fed = true
}

// release is the end of what feed began.
func (s *Server) release(o *output) {
	o.mu.Lock()
	o.fed = false
	o.mu.Unlock()
	s.outputs.Release(o)
}
