package hls

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"time"

	"weir/internal/config"
	"weir/internal/shelf"
)

// Where streams are brought here from other servers, the request for a playlist has that done. A player with a session is
// a reader of the stream, and is let in before there is anything to play. For one without, the stream is wished for, and
// stays as long as somebody asks for its playlist.

// comeBack is how long a session stays for its player to come back, beside the time for which its first segment is waited for.
const comeBack = 5 * time.Second

// brings reports whether the streams of a virtual host are brought here.
func (s *Server) brings(vhost string) bool { return s.o.Registry().Supplies(vhost) }

// seek is the place of the playlist of a stream that may be brought here.
func (s *Server) seek(v *config.Vhost, at string) *place {
	if v == nil || !v.Enabled || !v.HLS.Enabled || !s.brings(v.Name) {
		return nil
	}
	file, ok := strings.CutPrefix(at, strings.TrimSuffix(shelf.Base(s.o.Config(), v, v.HLS.HlsPath), "/")+"/")
	if !ok {
		return nil
	}
	n, ok := shelf.NameOf(v.Name, v.HLS.HlsM3u8File, file)
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

// arrive waits for somebody to add to what there is of a stream, and returns that, and for how long its first segment may
// be waited for.
func (s *Server) arrive(r *http.Request, o *output) (*output, time.Duration) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(r.Context(), firstWait)
	defer cancel()
	if now, ok := s.outputs.Await(ctx, o.name); ok {
		o = now
	}
	return o, firstWait - time.Since(began)
}

// servePlain serves a playlist to who has no session.
func (s *Server) servePlain(w http.ResponseWriter, r *http.Request, o *output) {
	wait, anew, came := firstWait, false, false
	if s.brings(o.name.Vhost) {
		anew = !o.here(time.Now())
		asking, err := s.wishes.Ask(o.name, !anew)
		if err != nil && anew {
			shelf.Refuse(w, r, err)
			return
		}
		if err == nil {
			asking.Summon(s.sessions.NewWish(r, o.name, o.file, directivePrefix))
			defer func() { asking.Done(came, o.patience()) }()
		}
	}
	if anew {
		o, wait = s.arrive(r, o)
	}
	d, ok := s.await(w, r, o, wait, anew)
	came = ok || s.outputs.Busy(o)
	if ok {
		shelf.Send(w, r, typePlaylist, d.age(), d.text().plain)
	}
}

// summon begins the session of a player whose stream is to be brought here first, and finds the playlist that it
// wants. If there is none, the request is answered, and the session is none.
func (s *Server) summon(w http.ResponseWriter, r *http.Request, o *output, id string, h *config.HLS) (x *shelf.Session, d delivery) {
	asking, err := s.wishes.Ask(o.name, false)
	if err != nil {
		shelf.Refuse(w, r, err)
		return nil, d
	}
	came := false
	defer func() { asking.Done(came, o.patience()) }()
	if x = s.admit(w, r, o, id, max(idleFor(h), firstWait+comeBack)); x == nil {
		return nil, d
	}
	o, wait := s.arrive(r, o)
	d, ok := s.await(w, r, o, wait, true)
	if ok {
		s.sessions.Hear(x, idleFor(h), false)
		return x, d
	}
	if came = s.outputs.Busy(o); came { // its first segment takes long: the player will find it when it asks again
		asking.Summon(s.sessions.NewWish(r, o.name, o.file, directivePrefix))
	}
	s.sessions.Drop(x, shelf.ErrNothing)
	return nil, d
}

// here reports whether what there is of a stream is of now: somebody adds to it, or did so not long ago.
func (o *output) here(now time.Time) bool {
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
