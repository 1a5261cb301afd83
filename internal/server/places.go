package server

import (
	"errors"

	"weir/internal/config"
)

// place is where a front listens.
type place struct {
	front *front
	addrs []string
}

// places lists where c wants the server to listen. The API has no sockets of its own where it has
// the addresses of the web server, which then answers for it.
func (s *Server) places(c *config.Config) []place {
	list := []place{
		{front: s.rtmpFront, addrs: c.Listen},
		{front: s.rtmpsFront},
		{front: s.apiFront.plain},
		{front: s.apiFront.secure},
		{front: s.webFront.plain},
		{front: s.webFront.secure},
		{front: s.exporterFront.plain},
		{front: s.pprofFront.plain},
		{front: s.rtcFront, addrs: s.started.RTCListen()}, // which a reload leaves alone
	}
	if c.RTMPS.Enabled {
		list[1].addrs = c.RTMPS.Listen
	}
	calls, web := &c.HTTPAPI, &c.HTTPServer
	if calls.Enabled && !c.SharesAPI() {
		list[2].addrs = calls.Listen
	}
	if calls.Enabled && calls.HTTPS.Enabled && !c.SharesSecureAPI() {
		list[3].addrs = calls.HTTPS.Listen
	}
	if web.Enabled {
		list[4].addrs = web.Listen
	}
	if web.Enabled && web.HTTPS.Enabled {
		list[5].addrs = web.HTTPS.Listen
	}
	if c.Exporter.Enabled {
		list[6].addrs = c.Exporter.Listen
	}
	if c.Pprof.Enabled {
		list[7].addrs = c.Pprof.Listen
	}
	for _, each := range s.cast {
		list = append(list, place{front: each.front.plain, addrs: each.addrs})
	}
	return list
}

// listen opens the sockets that the configuration asks for. With an error it leaves those of
// the configuration in force.
func (s *Server) listen(c *config.Config) error {
	restore, err := s.certify(c)
	if err != nil {
		return err
	}
	var old []place
	if now := s.config(); now != c {
		old = s.places(now)
	}
	if err := rearrange(s.places(c), old); err != nil {
		restore()
		return err
	}
	return nil
}

// rearrange opens what next asks for, and then closes all else: a port that stays where it is never
// refuses anybody. Where an old socket is in the way, as 1935 is of 127.0.0.1:1935, or because the
// port goes from one front to another, it is closed first. With an error old is open again.
func rearrange(next, old []place) error {
	err := grow(next)
	prune(next)
	if err == nil {
		return nil
	}
	if err = grow(next); err != nil {
		prune(old)
		err = errors.Join(err, grow(old))
	}
	return err
}

func grow(list []place) error {
	for _, p := range list {
		if err := p.front.grow(p.addrs); err != nil {
			return err
		}
	}
	return nil
}

func prune(list []place) {
	for _, p := range list {
		p.front.prune(p.addrs)
	}
}
