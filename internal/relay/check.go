package relay

import (
	"errors"
	"fmt"

	"weir/internal/config"
	"weir/internal/stream"
)

// CheckAll says what is wrong with the addresses that a configuration fetches from and sends to, by what check says of
// one.
func CheckAll(c *config.Config, check func(url string) error) error {
	var all []error
	note := func(vhost, what, shown string, err error) {
		if err != nil {
			all = append(all, fmt.Errorf("vhost %s: %s %s: %w", vhost, what, shown, err))
		}
	}
	for _, v := range c.Vhosts {
		if v.Forward.Sends() && v.Forward.Backend == "" {
			for _, d := range v.Forward.Destination {
				sample := &stream.Request{Vhost: v.Name, App: "app", Stream: "stream"}
				t := target{d, address(d, sample)}
				g := disguise(t, sample)
				note(v.Name, "forward destination", g.destination, g.hide(check(t.url)))
			}
		}
		for _, i := range v.Ingest {
			if i.Native() {
				note(v.Name, "ingest "+i.Name, stream.Veil(i.Input.URL), check(i.Input.URL))
			}
		}
	}
	for _, k := range c.StreamCaster {
		for _, s := range casterURLs(k) {
			if err := check(s); err != nil {
				all = append(all, fmt.Errorf("stream_caster %s: %w", k.Caster, err))
			}
		}
	}
	return errors.Join(all...)
}
