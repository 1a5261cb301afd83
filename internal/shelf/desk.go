package shelf

import (
	"context"
	"net/http"
	"time"

	"weir/internal/config"
	"weir/internal/stream"
	"weir/internal/web"
)

const (
	// FirstWait is how long a request for the list of a stream that is live waits for its first segment: hls.js gives
	// up after 20 s, and ffmpeg at a 404.
	FirstWait = 15 * time.Second
	// comeBack is how long a session stays for its player to come back, beside the time for which its first segment is
	// waited for.
	comeBack = 5 * time.Second
)

// Desk is where players ask for the lists of streams. Where streams are brought here from other servers, the request for
// a list has that done. A player with a session is a reader of the stream, and is let in before there is anything to play.
// For one without, the stream is wished for, and stays as long as somebody asks for its list.
type Desk[O Listed] struct {
	Stock    *Stock[O]
	Sessions *Sessions
	Wishes   *Wishes
	Config   func() *config.Config // the configuration in force
	Form     string                // of streams, for players
	List     string                // what a list is called
	Hidden   []string              // begin the parameters that are not the stream's
}

// Listed is what is made of a stream that has a list.
type Listed interface {
	comparable
	Filed() string           // the list's file
	Here(now time.Time) bool // what there is of the stream is of now: somebody adds to it, or did so not long ago
	Stays() time.Duration    // for which it is kept behind a request, if it is brought here
}

// Brings reports whether the streams of a virtual host are brought here.
func (d *Desk[O]) Brings(vhost string) bool { return d.Sessions.o.Registry().Supplies(vhost) }

// Info is what is known of a stream; nothing if there is none.
func (d *Desk[O]) Info(n Name) stream.Info {
	info, _ := d.Sessions.o.Registry().Find(n.Vhost, n.App, n.Stream)
	return info
}

// Ask has await answer somebody who has no session, and brings the stream here if need be. Await is to wait for the first
// segment as long as it is told; anew is that one of long ago will not do. It is false if there is no list.
func (d *Desk[O]) Ask(w http.ResponseWriter, r *http.Request, o O, await func(o O, wait time.Duration, anew bool) bool) {
	wait, anew, came := FirstWait, false, false
	if n := d.Stock.name(o); d.Brings(n.Vhost) {
		anew = !o.Here(time.Now())
		asking, err := d.Wishes.Ask(n, !anew)
		if err != nil && anew {
			Refuse(w, r, err)
			return
		}
		if err == nil {
			d.wish(asking, r, o)
			defer func() { asking.Done(came, o.Stays()) }()
		}
	}
	if anew {
		o, wait = d.arrive(r, o)
	}
	came = await(o, wait, anew) || d.Stock.Busy(o)
}

// Summon begins the session of a player whose stream is to be brought here first, and has await find the list that it
// wants. Without one the request is answered, and the session is nil.
func (d *Desk[O]) Summon(w http.ResponseWriter, r *http.Request, o O, id string, limit time.Duration, await func(x *Session, o O, wait time.Duration) bool) *Session {
	asking, err := d.Wishes.Ask(d.Stock.name(o), false)
	if err != nil {
		Refuse(w, r, err)
		return nil
	}
	came := false
	defer func() { asking.Done(came, o.Stays()) }()
	x := d.Admit(w, r, o, id, max(limit, FirstWait+comeBack))
	if x == nil {
		return nil
	}
	o, wait := d.arrive(r, o)
	if await(x, o, wait) {
		return x
	}
	if came = d.Stock.Busy(o); came { // its first segment takes long: the player will find it when it asks again
		d.wish(asking, r, o)
	}
	d.Sessions.Drop(x, ErrNothing)
	return nil
}

func (d *Desk[O]) wish(a *Asking, r *http.Request, o O) {
	a.Summon(d.Sessions.NewWish(r, d.Stock.name(o), o.Filed(), d.Hidden...))
}

// arrive waits for somebody to add to what there is of a stream, and returns that, and for how long its first segment may
// be waited for.
func (d *Desk[O]) arrive(r *http.Request, o O) (O, time.Duration) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(r.Context(), FirstWait)
	defer cancel()
	if now, ok := d.Stock.Await(ctx, d.Stock.name(o)); ok {
		o = now
	}
	return o, FirstWait - time.Since(began)
}

// Admit begins a session, whose player may be silent for so long; if it may not begin, the request is answered.
func (d *Desk[O]) Admit(w http.ResponseWriter, r *http.Request, o O, id string, limit time.Duration) *Session {
	n := d.Stock.name(o)
	if v := d.Config().Exactly(n.Vhost); v != nil && !v.Enabled {
		web.Fail(w, http.StatusForbidden, "The virtual host "+v.Name+" is switched off.")
		return nil
	}
	x, err := d.Sessions.Admit(r, n, o.Filed(), id, limit, d.Hidden...)
	if err != nil {
		Refuse(w, r, err)
		return nil
	}
	return x
}

// Session finds the session that a request for a piece of a stream is of, nil if it is none's. It is false, and the
// request is answered, if the session has been ended.
func (d *Desk[O]) Session(w http.ResponseWriter, r *http.Request) (x *Session, ok bool) {
	id := d.Sessions.ID(r.URL.RawQuery)
	x, ended := d.Sessions.Find(id)
	if ended {
		d.FailEnded(w, id)
		return nil, false
	}
	return x, true
}

// FailEnded answers a player whose session has been ended.
func (d *Desk[O]) FailEnded(w http.ResponseWriter, id string) {
	web.Fail(w, http.StatusNotFound, d.Form+" stream "+id+" is EOF")
}

// Member reports whether a request is one of a session of o's stream; if not, it is answered.
func (d *Desk[O]) Member(w http.ResponseWriter, r *http.Request, o O) bool {
	if x, ended := d.Sessions.Find(d.Sessions.ID(r.URL.RawQuery)); x != nil && !ended && x.Name == d.Stock.name(o) {
		return true
	}
	web.Fail(w, http.StatusForbidden, "this stream is not for everybody: begin with its "+d.List)
	return false
}
