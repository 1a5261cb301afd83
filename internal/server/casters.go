package server

import (
	"context"

	"golang.org/x/sync/errgroup"

	"weir/internal/config"
	"weir/internal/listen"
	"weir/internal/protocol/flvpost"
	"weir/internal/web"
)

// casters are the fronts of stream_caster blocks, as they were at the start: a reload changes none.
type casters []caster

// caster is one that takes streams over HTTP.
type caster struct {
	front *httpFront
	addrs []string
}

// casters makes the fronts that c asks for.
func (s *Server) casters(c *config.Config, o listen.Options) casters {
	var list casters
	for _, each := range c.StreamCaster {
		if !each.Enabled || each.Caster != "flv" {
			continue
		}
		output, _ := config.ParsePlace(each.Output, c.Listen) // which was checked when c was loaded
		taker := flvpost.New(flvpost.Options{
			Registry: s.registry, Config: s.config, Output: output, Product: CompatSignature, Log: s.log,
		})
		front := newHTTPFront("FLV over HTTP", o, web.HTTPServer(taker, s.log), s.forwarders)
		list = append(list, caster{front, each.Listen})
	}
	return list
}

// Run serves them until ctx ends.
func (l casters) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, c := range l {
		group.Go(func() error { return c.front.Run(ctx) })
	}
	<-ctx.Done() // also where one of them fails
	return group.Wait()
}

// Name tells them from others in the log.
func (casters) Name() string { return "stream_caster" }

func (l casters) shut() {
	for _, c := range l {
		c.front.shut()
	}
}
