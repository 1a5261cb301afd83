package server

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
)

// orders are the signals that a server acts on.
type orders struct {
	signals chan os.Signal // all but those to reload
	reloads chan os.Signal // one that waits is enough: however many come, the file is read after the last
	broken  chan os.Signal // a pipe that nobody reads; it is no reason to end
}

func newOrders() *orders {
	o := &orders{signals: make(chan os.Signal, 8), reloads: make(chan os.Signal, 1), broken: make(chan os.Signal, 1)}
	notify(o.signals, obeyed())
	notify(o.reloads, reloading())
	notify(o.broken, ignored())
	return o
}

// notify has signals come to c; none are none, and not all as in signal.Notify.
func notify(c chan<- os.Signal, list []os.Signal) {
	if len(list) > 0 {
		signal.Notify(c, list...)
	}
}

// stop has signals do what they do by themselves again. Broken pipes still end nothing: there may be
// more to log.
func (o *orders) stop() {
	signal.Stop(o.signals)
	signal.Stop(o.reloads)
}

// reload reloads for each signal that says so, until ctx ends.
func (o *orders) reload(ctx context.Context, s *Server, log *slog.Logger) {
	for {
		select {
		case sig := <-o.reloads:
			log.Info("signal", "name", sig)
			_, _ = s.Reload() // the log is told
		case <-ctx.Done():
			return
		}
	}
}
