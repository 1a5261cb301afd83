//go:build !windows

package server

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	d := draining{pids: []int{pid}, runs: func(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }}
	for start := time.Now(); ; time.Sleep(drainTick) {
		now, err := lockHolder(path)
		if err != nil && !errors.Is(err, errNobody) {
			return "", err
		}
		if said := d.see(now, time.Now()); said != "" {
			return said, nil
		}
		if timeout > 0 && time.Since(start) > timeout {
			return "", fmt.Errorf("pid %d still runs after %s: clients are connected", d.pids[len(d.pids)-1], timeout)
		}
	}
}

// draining is a server that was asked to end, as who looks at its pid file sees it. An upgrade may have been under way: then it is
// undone, or the new process has been told to end too.
type draining struct {
	pids []int          // of its processes: that which was asked, and those that have taken its place since
	runs func(int) bool // tells whether one does

	free time.Time // since when nobody has the pid file; zero is that somebody has
}

// see is told who has the pid file, 0 is nobody, and returns what is to be said of the end, once that has come. While an upgrade is under
// way nobody has it either, but not for longer than takeOverTime.
func (d *draining) see(holder int, now time.Time) string {
	if holder != 0 {
		d.free = time.Time{}
	} else if d.free.IsZero() {
		d.free = now
	}
	switch {
	case slices.Contains(d.pids, holder):
	case slices.ContainsFunc(d.pids, d.runs):
		if holder != 0 {
			d.pids = append(d.pids, holder)
		} else if len(d.pids) == 1 && now.Sub(d.free) > takeOverTime {
			return d.ended() // its parent does not ask how
		}
	case holder == 0:
		return d.ended()
	default:
		return fmt.Sprintf("%s, and pid %d runs now\n", strings.TrimSpace(d.ended()), holder)
	}
	return ""
}

// ended says that all of its processes have.
func (d *draining) ended() string {
	last := len(d.pids) - 1
	if last == 0 {
		return fmt.Sprintf("pid %d has ended\n", d.pids[0])
	}
	return fmt.Sprintf("pid %d, which was being upgraded, and pid %d have ended\n", d.pids[0], d.pids[last])
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
