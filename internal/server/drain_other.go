//go:build !windows

package server

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const drainUsage = `Usage: weir drain [-timeout TIME] [-c FILE | -e]

Asks the server to end gracefully, as SIGQUIT does, and ends when it has: a preStop hook. It finds
the server by its pid file. In a container it knows by itself what the first process was started
with.

`

// Drain asks a running server to end gracefully and waits until it has, as args say. It returns
// what is to be printed.
func Drain(args, environ []string) (string, error) {
	var timeout time.Duration
	file, env, help, err := besideFlags("drain", drainUsage, args, func(set *flag.FlagSet) {
		set.DurationVar(&timeout, "timeout", 0, "wait no longer than this `TIME` for the end; 0 is without end")
	})
	if err != nil {
		if errors.Is(err, flag.ErrHelp) {
			err = nil
		}
		return help, err
	}
	c, err := beside(file, env, environ)
	if err != nil {
		return "", err
	}
	path := c.PID
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.WorkDir, path)
	}
	pid, err := lockHolder(path)
	if err != nil {
		return "", err
	}
	if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil {
		return "", fmt.Errorf("pid %d: %w", pid, err)
	}
	for start := time.Now(); ; time.Sleep(drainTick) {
		now, err := lockHolder(path)
		if now != pid {
			if errors.Is(err, errNobody) {
				err = nil
			}
			return fmt.Sprintf("pid %d has ended\n", pid), err
		}
		if timeout > 0 && time.Since(start) > timeout {
			return "", fmt.Errorf("pid %d still runs after %s: clients are connected", pid, timeout)
		}
	}
}

// errNobody is wrapped by the error of lockHolder when no server has the pid file.
var errNobody = errors.New("no server runs")

// lockHolder gives the process that has locked the pid file at path. It takes no lock, so that a
// server may start meanwhile.
func lockHolder(path string) (int, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0) // a lock to write is asked about
	if errors.Is(err, os.ErrNotExist) {
		return 0, fmt.Errorf("pid file %s: %w", path, errNobody)
	}
	if err != nil {
		return 0, fmt.Errorf("pid file: %w", err)
	}
	defer file.Close()
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart} // from 0 to the end
	if err := syscall.FcntlFlock(file.Fd(), syscall.F_GETLK, &lock); err != nil {
		return 0, fmt.Errorf("pid file %s: %w", path, err)
	}
	if lock.Type == syscall.F_UNLCK {
		return 0, fmt.Errorf("pid file %s: %w", path, errNobody)
	}
	return int(lock.Pid), nil
}
