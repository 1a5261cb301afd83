package transport

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"

	"weir/internal/config"
	"weir/internal/stream"
)

// Hub is what a protocol needs to bring streams in.
type Hub struct {
	Registry *stream.Registry
	Config   func() *config.Config // the configuration in force
	Log      *slog.Logger
}

// Sender is a peer whose transport stream comes in datagrams.
type Sender struct {
	From  netip.Addr
	First []byte                 // what has shown that it is there
	Next  func() ([]byte, error) // what follows, as for In.Run
	Notes func() []any           // for the log, at the end; may be nil
}

// Receive publishes what a sender sends as r says, until one of them ends or ctx does, whose end must end Next. Cancel is that of
// ctx, begun is called once the publication has begun. It returns why it has ended, never nil.
func (h Hub) Receive(ctx context.Context, cancel context.CancelCauseFunc, r *stream.Request, s Sender, begun func()) error {
	vhost := h.Config().Exactly(r.Vhost)
	if vhost == nil {
		return fmt.Errorf("there is no virtual host %q", r.Vhost)
	}
	r.Traffic, r.Kick = &stream.Traffic{}, cancel
	in := NewIn(r, config.Follow(h.Config, vhost)).Frames()
	r.Damage = in.Damage
	p, err := h.Registry.Publish(ctx, r)
	if err != nil {
		return err
	}
	defer p.Close()
	begun()
	log := h.Log.With("cid", r.ID, "ip", s.From.Unmap(), "stream", r.URL())
	log.Info("publishing", "kind", r.Kind)
	first := s.First
	err = in.Publish(ctx, cancel, p, func() ([]byte, error) {
		if b := first; b != nil {
			first = nil
			return b, nil
		}
		return s.Next()
	})
	notes := in.Notes()
	if s.Notes != nil {
		notes = append(notes, s.Notes()...)
	}
	log.Info(r.Kind+" ended", append([]any{"received", r.Traffic.Received.Load(), "cause", err}, notes...)...)
	return err
}
