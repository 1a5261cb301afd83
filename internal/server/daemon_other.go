//go:build !windows

package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"weir/internal/listen"
)

// Daemonize runs this program again, with the same arguments but on its own: in a session
// without a terminal, reading and writing /dev/null, in the directory dir. That has to be where
// this process was started, before any change to work_dir, since the arguments are read again.
// The sockets left to us go to the child. It returns nil once the child has called Ready, and
// the child's error if it fails first; if ctx ends while waiting, so does the child.
func Daemonize(ctx context.Context, dir string, sockets *listen.Inherited) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("daemon: %w", err)
	}
	ours, theirs, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("daemon: %w", err)
	}
	defer ours.Close()
	cmd := exec.Command(program, os.Args[1:]...) // with no ctx: it outlives us
	cmd.Args[0] = os.Args[0]
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Env = append(os.Environ(), readyEnv+"=3")
	if err := sockets.Pass(cmd); err != nil {
		_ = theirs.Close()
		return err
	}
	err = cmd.Start()
	_ = theirs.Close()
	if err != nil {
		return fmt.Errorf("daemon: %w", err)
	}
	stop := context.AfterFunc(ctx, func() {
		_ = cmd.Process.Kill()
		_ = ours.Close()
	})
	err = heard(ours)
	if !stop() {
		_ = cmd.Wait()
		return fmt.Errorf("daemon: %w before it was ready", context.Cause(ctx))
	}
	if err == nil {
		return cmd.Process.Release()
	}
	_ = cmd.Wait() // its words are better than its exit status
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("daemon: the server ended before it was ready (%v): its log may say why", cmd.ProcessState)
	}
	return err
}

// Child tells whether a launcher waits for this process, and gives what to tell it with; nil
// if not. Call it once, before other descriptors are opened; it takes the marker out of the
// environment, so that programs we start do not see it.
func Child() *Readiness {
	marker := os.Getenv(readyEnv)
	_ = os.Unsetenv(readyEnv)
	fd, err := strconv.Atoi(marker)
	if err != nil || fd < 3 {
		return nil
	}
	pipe := os.NewFile(uintptr(fd), "launcher")
	if info, err := pipe.Stat(); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return nil
	}
	syscall.CloseOnExec(fd)
	return &Readiness{pipe}
}
