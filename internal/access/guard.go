package access

import (
	"context"
	"log/slog"

	"weir/internal/config"
	"weir/internal/stream"
)

// Options set up a Guard.
type Options struct {
	Vhost func(name string) *config.Vhost // in force; nil is one that nobody knows
	Log   *slog.Logger                    // nil: slog.Default()
}

// Guard is a stream.Gate: it asks the address, then the page, then the token of a client.
type Guard struct {
	vhost func(name string) *config.Vhost
	rings rings
}

// New returns a guard.
func New(o Options) *Guard {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Guard{vhost: o.Vhost, rings: rings{log: o.Log}}
}

// Check lets a client in or says why not. Only a token whose keys are to be fetched makes it wait.
func (g *Guard) Check(ctx context.Context, a stream.Ask) error {
	r := a.Request
	v := g.vhost(r.Vhost)
	if v == nil {
		return &stream.Denied{Gate: "access", Reason: "the virtual host is not served here any more"}
	}
	if a.Act == stream.Connect {
		if err := checkPage(&v.Refer, a.Act, r); err != nil {
			return &stream.Denied{Gate: "refer", Reason: err.Error()}
		}
		return nil
	}
	if err := checkAddress(&v.Security, a.Act, r.Remote); err != nil {
		return &stream.Denied{Gate: "security", Reason: err.Error()}
	}
	if err := checkPage(&v.Refer, a.Act, r); err != nil {
		return &stream.Denied{Gate: "refer", Reason: err.Error()}
	}
	if err := g.checkToken(ctx, &v.Auth, a.Act, r); err != nil {
		return &stream.Denied{Gate: "auth", Reason: err.Error()}
	}
	return nil
}
