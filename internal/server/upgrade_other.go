//go:build !windows

package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"weir/internal/listen"
)

const (
	upgradeTime = 30 * time.Second // for a new process to be ready
	exitTime    = 2 * time.Second  // for one that will not be to end
)

// upgrader starts the program anew, to take this process's place.
type upgrader struct {
	// Set at construction.
	program string // as it was when this process started; it may be another file by now
	dir     string // where the arguments are read
	path    string // of the pid file
	log     *slog.Logger

	pid *PIDFile // Owned by run, and by who waits for it.
}

func newUpgrader(dir, path string, pid *PIDFile, log *slog.Logger) *upgrader {
	program, err := os.Executable()
	if err != nil {
		log.Warn("the program does not know where it is: it cannot be upgraded", "cause", err)
	}
	return &upgrader{program: program, dir: dir, path: path, pid: pid, log: log}
}

// run has a new process take this one's place, and returns true when that has: then this one lets nobody in, and its
// clients have left. Else all is as it was, and the log says why. The end of handing undoes it until the new process has taken over; took is
// told its pid when it has.
func (u *upgrader) run(ctx, handing context.Context, s *Server, took func(pid int)) bool {
	begun := time.Now()
	kept, err := u.handOver(handing, s)
	if err != nil {
		u.log.Error("not upgraded: this process goes on", "program", u.program, "cause", err)
		return false
	}
	u.log.Info("upgraded: a new process lets clients in, those of this one stay until they leave",
		"pid", kept.cmd.Process.Pid, "after", time.Since(begun).Round(time.Millisecond), "clients", s.clients())
	took(kept.cmd.Process.Pid)
	if !s.Leave(ctx, kept.exited) {
		level := slog.LevelInfo
		if !kept.cmd.ProcessState.Success() {
			level = slog.LevelError
		}
		clients := s.clients()
		s.sendAway()
		u.log.Log(ctx, level, "the process that took over has ended, and nobody comes to the clients of this one any more: they are sent away",
			"how", kept.cmd.ProcessState, "clients", clients, "next", "start the server, unless it is to be down: they come back to it")
		s.seeOff(ctx)
	}
	kept.stop()
	return true
}

// successor is a process that was started to take this one's place.
type successor struct {
	id     string // as a server
	cmd    *exec.Cmd
	ready  *os.File
	after  *after
	cancel context.CancelFunc
	all    sync.WaitGroup
	exited chan struct{}
}

// stop leaves a process that has taken over on its own.
func (x *successor) stop() {
	x.cancel()
	x.all.Wait()
}

// kill ends a process that has not taken over.
func (x *successor) kill() {
	_ = x.cmd.Process.Kill()
	<-x.exited
	x.stop()
}

// handOver starts a new process and gives it the sockets, and once it is ready the pid file. With an error it has ended and all is
// as before.
func (u *upgrader) handOver(ctx context.Context, s *Server) (*successor, error) {
	if err := u.possible(s); err != nil {
		return nil, err
	}
	x, err := u.start(s)
	if err != nil {
		return nil, err
	}
	if err := x.await(ctx); err != nil {
		x.kill()
		return nil, err
	}
	if err := u.pass(ctx, s, x); err != nil {
		x.kill()
		return nil, errors.Join(err, u.relock())
	}
	return x, nil
}

// possible says what keeps this process from being upgraded.
func (u *upgrader) possible(s *Server) error {
	switch {
	case u.program == "":
		return fmt.Errorf("%w: it is not known where the program is", errAfter)
	case os.Getpid() == 1:
		return fmt.Errorf("%w: this is the first process of a container, which ends with it: start another container, and have this one drain", errAfter)
	case s.config().Asprocess:
		return fmt.Errorf("%w: asprocess is on, and the process that started the server would take its end for that of the server", errAfter)
	}
	return nil
}

// start starts the program as this process was started.
func (u *upgrader) start(s *Server) (*successor, error) {
	ours, theirs, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errAfter, err)
	}
	defer theirs.Close()
	cmd := exec.Command(u.program, os.Args[1:]...) // with no ctx: it outlives us
	cmd.Args[0] = os.Args[0]
	cmd.Dir, cmd.Stdout, cmd.Stderr = u.dir, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{theirs}
	id := NewServiceID()
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "WATCHDOG_PID=") }), readyEnv+"=3", serviceEnv+"="+id)
	kin, born, err := listen.NewKin(cmd)
	if err != nil {
		_ = ours.Close()
		return nil, err
	}
	defer born()
	done, err := listen.Pass(cmd, s.sockets()...)
	if err == nil {
		defer done()
		err = cmd.Start()
	}
	if err != nil {
		_ = ours.Close()
		return nil, errors.Join(fmt.Errorf("%w: %w", errAfter, err), kin.Close())
	}
	x := &successor{id: id, cmd: cmd, ready: ours, after: newAfter(s, kin), exited: make(chan struct{})}
	lent, cancel := context.WithCancel(context.Background())
	x.cancel = cancel
	x.all.Go(func() { x.after.run(lent) })
	go func() { // it may outlive us
		defer close(x.exited)
		_ = cmd.Wait() // its log says it
	}()
	return x, nil
}

// await waits for the new process to be ready.
func (x *successor) await(ctx context.Context) error {
	defer x.ready.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, upgradeTime, fmt.Errorf("%w: the new process is not ready within %s", errAfter, upgradeTime))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = x.ready.Close() })
	err := heard(x.ready)
	switch {
	case !stop():
		return context.Cause(ctx)
	case errors.Is(err, io.EOF):
		return x.silent(ctx)
	case err != nil:
		return fmt.Errorf("%w: the new process cannot run: %w", errAfter, err)
	}
	return nil
}

// silent is what has become of a new process that will not say any more that it is ready. It has ended, or is about to, unless it is
// another program.
func (x *successor) silent(ctx context.Context) error {
	late := time.NewTimer(exitTime)
	defer late.Stop()
	select {
	case <-x.exited:
		return fmt.Errorf("%w: the new process ended before it was ready (%v): its log may say why", errAfter, x.cmd.ProcessState)
	case <-late.C:
		return fmt.Errorf("%w: the new process will not be ready, and does not end: is it this program?", errAfter)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// pass lets the new process have the pid file, and all that is to be let in.
func (u *upgrader) pass(ctx context.Context, s *Server, x *successor) error {
	if err := u.pid.Close(); err != nil {
		return err
	}
	if err := x.after.kin.Send(wordFree); err != nil {
		return err
	}
	if err := x.after.takes(ctx); err != nil {
		return err
	}
	s.manager.Main(x.cmd.Process.Pid)
	s.relay.Succeeded(x.id)
	s.Retire()
	if err := x.after.kin.Send(wordOver); err != nil {
		u.log.Error("the new process has ended as soon as it has taken over: start the server again", "cause", err)
	}
	return nil
}

// relock takes the pid file back.
func (u *upgrader) relock() (err error) {
	u.pid, err = LockPID(u.path)
	return err
}

// close gives the pid file back, if it is ours.
func (u *upgrader) close() {
	if u.pid != nil {
		_ = u.pid.Close()
	}
}
