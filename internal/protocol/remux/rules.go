package remux

import "weir/internal/config"

// rules are the settings in force for one viewer. They are looked up again when the configuration
// has been reloaded, and stay as they were if the vhost is gone from it.
type rules struct {
	get func() *config.Config
	of  *config.Config // what now was found in
	now *config.Vhost
}

// current returns the settings in force. It is for one goroutine.
func (r *rules) current() *config.Vhost {
	if c := r.get(); c != r.of {
		r.of = c
		if v := c.Exactly(r.now.Name); v != nil {
			r.now = v
		}
	}
	return r.now
}
