package server

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"
)

// strayTime is for how long after an upgrade a graceful end is meant for the server, and not for the old process: who sends the signal has read
// the pid file before.
const strayTime = 10 * time.Second

// errEnds cancels an upgrade.
var errEnds = errors.New("the server is to end gracefully")

// servant acts on the signals that come to a server. All of it but what is set at construction is owned by obey.
type servant struct {
	// Set at construction.
	server *Server
	up     *upgrader
	quit   context.CancelCauseFunc
	log    *Log
	logger *slog.Logger

	all     sync.WaitGroup
	drains  bool                    // a graceful end has begun, or will where an upgrade is under way
	cancel  context.CancelCauseFunc // of the upgrade that is under way, or has come to pass; nil is none
	outcome chan int                // cap 1, of it: the pid of the process that has taken over, 0 where none has
	heir    int                     // that pid; 0 is none
	since   time.Time               // when it took over
}

// obey acts on signals but those to reload until ctx ends.
func (o *orders) obey(ctx context.Context, x *servant) {
	defer x.all.Wait()
	for {
		select {
		case sig := <-o.signals:
			x.logger.Info("signal", "name", sig)
			if !x.heed(ctx, sig) {
				return
			}
		case <-x.server.drains:
			if !x.drains {
				x.logger.Info("the API asks for a graceful end")
				x.end(ctx)
			}
		case pid := <-x.outcome:
			x.upgraded(ctx, pid)
		case <-ctx.Done():
			x.part(ctx, o.signals)
			return
		}
	}
}

// part deals with what has come in the last moments: a process that has been upgraded may end at once.
func (x *servant) part(ctx context.Context, signals <-chan os.Signal) {
	x.all.Wait()
	select {
	case pid := <-x.outcome:
		x.upgraded(ctx, pid)
	default:
	}
	select {
	case sig := <-signals:
		if x.heir != 0 && x.graceful(sig) {
			x.end(ctx)
		}
	default:
	}
}

func (x *servant) graceful(sig os.Signal) bool {
	return sig == syscall.SIGQUIT || sig == syscall.SIGTERM && x.server.config().ForceGraceQuit
}

// heed acts on one signal. It is false if that ends the server.
func (x *servant) heed(ctx context.Context, sig os.Signal) bool {
	switch {
	case reopens(sig):
		if err := x.log.Reopen(); err != nil {
			x.logger.Error("log not reopened", "cause", err)
		}
	case upgrades(sig):
		x.upgrade(ctx)
	case x.graceful(sig) && !x.drains:
		x.end(ctx)
	default:
		x.quit(errQuit)
		return false
	}
	return true
}

// upgrade has a new process take the place of this one, which ends when its clients have left.
func (x *servant) upgrade(ctx context.Context) {
	switch {
	case x.drains:
		x.logger.Warn("not upgraded: this server ends gracefully")
		return
	case x.cancel != nil:
		x.logger.Warn("this process is being upgraded, or has been: send the signal to the one in the pid file")
		return
	}
	handing, cancel := context.WithCancelCause(ctx)
	outcome := make(chan int, 1)
	x.cancel, x.outcome = cancel, outcome
	x.all.Go(func() {
		defer cancel(nil)
		if x.up.run(ctx, handing, x.server, func(pid int) { outcome <- pid }) {
			x.quit(errQuit)
		} else {
			outcome <- 0
		}
	})
}

// upgraded deals with the outcome of an upgrade.
func (x *servant) upgraded(ctx context.Context, pid int) {
	x.outcome = nil
	x.heir, x.since = pid, time.Now()
	switch {
	case pid == 0:
		if x.cancel = nil; x.drains {
			x.drain(ctx)
		}
	case x.drains: // the end was asked for too late
		x.drains = false
		x.pass()
	}
}

// end begins a graceful end. It is that of the server: an upgrade is undone, or the process that has just taken over is told.
func (x *servant) end(ctx context.Context) {
	switch {
	case x.outcome != nil:
		x.drains = true
		x.cancel(errEnds)
	case x.heir != 0 && time.Since(x.since) < strayTime:
		x.pass()
	default:
		x.drain(ctx)
	}
}

func (x *servant) drain(ctx context.Context) {
	x.drains = true
	x.all.Go(func() {
		x.server.Drain(ctx)
		x.quit(errQuit)
	})
}

// pass tells the process that has taken over to end gracefully, once; this one does so anyway.
func (x *servant) pass() {
	x.since = time.Time{}
	p, err := os.FindProcess(x.heir)
	if err == nil {
		err = p.Signal(syscall.SIGQUIT)
	}
	if err != nil {
		x.logger.Error("the process that has taken over cannot be told to end gracefully", "pid", x.heir, "cause", err, "next", "send it SIGQUIT")
		return
	}
	x.logger.Info("the graceful end is passed on to the process that has taken over", "pid", x.heir)
}
