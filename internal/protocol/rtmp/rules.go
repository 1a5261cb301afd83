package rtmp

import (
	"weir/internal/config"
)

// rules are the settings in force for one session. They are looked up again when the
// configuration has been reloaded, and stay as they were if the vhost is gone from it.
type rules struct {
	get   func() *config.Config
	vhost string

	of  *config.Config // what found was found in
	now *config.Vhost
}

// find looks a client's vhost up; nil is none of ours. From then on it is the session's.
func (r *rules) find(vhost string) *config.Vhost {
	c := r.get()
	v := c.Vhost(vhost)
	if v != nil {
		r.of, r.now, r.vhost = c, v, v.Name
	}
	return v
}

// current returns the settings in force. It is for one goroutine.
func (r *rules) current() *config.Vhost {
	if c := r.get(); c != r.of {
		r.of = c
		if v := c.Exactly(r.vhost); v != nil {
			r.now = v
		}
	}
	return r.now
}

// fork returns a copy for another goroutine.
func (r *rules) fork() *rules {
	c := *r
	return &c
}
