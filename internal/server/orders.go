package server

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
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

// obey acts on the other signals until ctx ends.
func (o *orders) obey(ctx context.Context, quit context.CancelCauseFunc, s *Server, up *upgrader, log *Log, logger *slog.Logger) {
	var draining sync.WaitGroup
	defer draining.Wait()
	drains := false
	var upgrading atomic.Bool
	for {
		var sig os.Signal
		select {
		case sig = <-o.signals:
			logger.Info("signal", "name", sig)
		case <-s.drains:
			if drains {
				continue
			}
			logger.Info("the API asks for a graceful end")
			sig = syscall.SIGQUIT
		case <-ctx.Done():
			return
		}
		graceful := sig == syscall.SIGQUIT || sig == syscall.SIGTERM && s.config().ForceGraceQuit
		switch {
		case reopens(sig):
			if err := log.Reopen(); err != nil {
				logger.Error("log not reopened", "cause", err)
			}
		case upgrades(sig):
			if upgrading.Swap(true) {
				logger.Warn("this process is being upgraded, or has been: send the signal to the one in the pid file")
				continue
			}
			draining.Go(func() {
				if up.run(ctx, s) {
					quit(errQuit)
				}
				upgrading.Store(false)
			})
		case graceful && !drains:
			drains = true
			draining.Go(func() {
				s.Drain(ctx)
				quit(errQuit)
			})
		default:
			quit(errQuit)
			return
		}
	}
}
