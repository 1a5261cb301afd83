package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"weir/internal/listen"
	"weir/internal/protocol/webrtc"
	"weir/internal/stream"
)

const (
	maxKinConns = 8192            // that the new process may have open to the old one
	retireTime  = 2 * time.Second // for what cannot be shared with the new process to end

	letGoTime  = listen.KinWrite + 2*retireTime // for the process before to be told that, and to do it
	retireMost = letGoTime + 3*retireTime       // for Retire: the process before, what is fetched, SRT and WebRTC, one after the other
)

// errAfter is wrapped by the errors of a new process that has not taken this one's place.
var errAfter = errors.New("upgrade")

// after is the process that takes, or has taken, the place of this one.
type after struct {
	// Set at construction.
	server *Server
	kin    *listen.Kin
	log    *slog.Logger
	queue  *listen.Queue
	http   *http.Server

	words chan listen.Word
	conns atomic.Int32
	all   sync.WaitGroup
}

func newAfter(s *Server, kin *listen.Kin) *after {
	a := &after{server: s, kin: kin, log: s.log, queue: listen.NewQueue(&net.UnixAddr{}), words: make(chan listen.Word, 1)}
	a.http = &http.Server{Handler: http.HandlerFunc(a.lend), ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
	return a
}

// run serves the new process until that has ended or ctx ends.
func (a *after) run(ctx context.Context) {
	defer a.all.Wait()
	defer a.http.Close()
	defer a.queue.Close()
	defer close(a.words)
	defer a.kin.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = a.kin.Close() })()
	a.http.BaseContext = func(net.Listener) context.Context { return ctx }
	a.all.Go(func() { _ = a.http.Serve(a.queue) }) // until it is closed
	dropped := false                               // the last one
	for {
		w, conn, err := a.kin.Next()
		if errors.Is(err, listen.ErrDropped) {
			if !dropped {
				a.log.Error("a connection of the new process is lost: raise the limit of open files", "cause", err)
			}
			dropped = true
			continue
		}
		if err != nil {
			return
		}
		dropped = false
		if w == wordUDP {
			a.all.Go(func() {
				a.server.freeUDP()
				_ = a.kin.Send(wordUDP) // it waits no longer than it has to
			})
			continue
		}
		if conn == nil {
			select {
			case a.words <- w:
			default: // it says more than it should
			}
			continue
		}
		if a.conns.Add(1) > maxKinConns {
			a.conns.Add(-1)
			_ = conn.Close()
			continue
		}
		a.all.Go(func() {
			defer a.conns.Add(-1)
			a.serve(ctx, w, conn)
		})
	}
}

func (a *after) serve(ctx context.Context, w listen.Word, conn net.Conn) {
	switch w {
	case wordRTMP:
		defer conn.Close()
		a.server.player.ServeKin(ctx, conn, a.server.relay.Lends)
	case wordHTTP:
		a.queue.Handle(ctx, conn)
	default:
		_ = conn.Close()
	}
}

// lend answers requests of the new process for segments of streams that are published here, for sessions of WebRTC, and whether a stream
// is published here.
func (a *after) lend(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == kinStream {
		a.tell(w, r)
		return
	}
	r.RemoteAddr = r.Header.Get(kinClient)
	r.Header.Del(kinClient)
	if strings.HasPrefix(r.URL.Path, webrtc.Path) {
		if h := a.server.elsewhere(r); h != nil {
			h.ServeHTTP(w, r)
		} else if a.server.rtc.Knows(r) {
			a.server.rtc.ServeHTTP(w, r)
		} else {
			http.NotFound(w, r)
		}
		return
	}
	for _, route := range []func(*http.Request) http.Handler{a.server.lent, a.server.hls.Lent, a.server.dash.Lent} {
		if h := route(r); h != nil {
			h.ServeHTTP(w, r)
			return
		}
	}
	http.NotFound(w, r)
}

// tell says whether a stream is published here.
func (a *after) tell(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	wish := &stream.Request{Vhost: q.Get("vhost"), App: q.Get("app"), Stream: q.Get("stream")}
	if a.server.relay.Has(wish) || a.server.before.has(r.Context(), wish) {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	http.NotFound(w, r)
}

// takes waits for the new process to have taken the pid file.
func (a *after) takes(ctx context.Context) error {
	late := time.NewTimer(takeOverTime)
	defer late.Stop()
	select {
	case w, ok := <-a.words:
		if ok && w == wordTaken {
			return nil
		}
		return fmt.Errorf("%w: the new process has ended before it took over: its log says why", errAfter)
	case <-late.C:
		return fmt.Errorf("%w: the new process has not taken over within %s", errAfter, takeOverTime)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// sockets are all that the new process is to listen on.
func (s *Server) sockets() (list []syscall.Conn) {
	fronts := []*front{
		s.rtmpFront, s.rtmpsFront, s.rtcFront, s.apiFront.plain, s.apiFront.secure, s.webFront.plain, s.webFront.secure,
		s.exporterFront.plain, s.pprofFront.plain,
	}
	for _, each := range s.cast {
		fronts = append(fronts, each.front.plain)
	}
	for _, f := range fronts {
		list = append(list, f.sockets()...)
	}
	return list
}

// Retire lets nobody in any more and ends what the new process is to do instead: what is fetched from elsewhere, and sessions over UDP
// where what comes cannot be divided. It takes no longer than retireMost, whatever does not end.
func (s *Server) Retire() {
	s.draining.Store(true)
	s.registry.Retire()
	s.turnAway()
	s.before.letGo()
	retire(s.retiring)
	if s.srt.Count() == 0 || !s.divided(s.srt.Divide()) {
		retire(s.overUDP[:1])
	}
	if s.rtc.Count() == 0 || !s.divided(s.rtc.Divide()) {
		retire(s.overUDP[1:])
	}
}

// divided reports whether sessions can go on, and logs why not.
func (s *Server) divided(err error) bool {
	if err != nil {
		s.log.Warn("sessions over UDP end now: they cannot go on beside the new process", "cause", err)
	}
	return err == nil
}

func retire(services []*retiring) {
	var ending sync.WaitGroup
	for _, each := range services {
		ending.Go(each.retire)
	}
	ending.Wait()
}

// Leave returns when the last client of a process that has retired has left, and the process before has ended, whose streams come by
// this one, or clients have been sent away after upgrade_limit, or ctx ends. It is false if alone is closed sooner: the new process has ended.
// Players whose publisher has left are sent away: it comes back at the new process.
func (s *Server) Leave(ctx context.Context, alone <-chan struct{}) bool {
	begun := time.Now()
	leaving, stop := context.WithCancel(ctx)
	var idle sync.WaitGroup
	idle.Go(func() {
		for wait(leaving, time.Second) {
			s.registry.DismissIdle(stream.ErrEnding)
		}
	})
	defer idle.Wait()
	defer stop()
	idle.Go(func() {
		select {
		case <-alone:
			stop()
		case <-leaving.Done():
		}
	})
	wanted := func() bool { return s.clients() > 0 || s.before.lives() }
	if s.empty(leaving, wanted, func() time.Duration { return s.config().UpgradeLimit }, begun) {
		s.log.Info("the last client of this process has left; the new one goes on", "since", time.Since(begun).Round(time.Millisecond))
		return true
	}
	return ctx.Err() != nil
}

// freeUDP ends the sessions over UDP, so that another process can have their sockets.
func (s *Server) freeUDP() { retire(s.overUDP) }

// sendAway ends all sessions. When it returns, another process can have all sockets.
func (s *Server) sendAway() {
	s.registry.Dismiss(stream.ErrEnding)
	s.freeUDP()
}

// seeOff waits a little until those who have been sent away have left.
func (s *Server) seeOff(ctx context.Context) {
	for begun := time.Now(); s.clients() > 0 && time.Since(begun) < dismissTime && wait(ctx, drainTick); {
	}
}

// retiring is a service that may end before the others.
type retiring struct {
	service Service
	ctx     context.Context
	cancel  context.CancelFunc
	ended   chan struct{}
}

func newRetiring(service Service) *retiring {
	r := &retiring{service: service, ended: make(chan struct{})}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// Name tells the service from others in the log.
func (r *retiring) Name() string { return nameOf(r.service) }

// Run runs the service until ctx ends, also where it has ended before.
func (r *retiring) Run(ctx context.Context) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.ctx, cancel)()
	err := r.service.Run(inner)
	close(r.ended)
	if r.ctx.Err() != nil && err == nil {
		<-ctx.Done()
	}
	return err
}

// retire ends the service, and waits for it a little.
func (r *retiring) retire() {
	r.cancel()
	select {
	case <-r.ended:
	case <-time.After(retireTime):
	}
}
