//go:build !windows

package server

import (
	"os"
	"syscall"
)

// obeyed are the signals that a server acts on.
func obeyed() []os.Signal {
	return []os.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT}
}

// reopens reports whether a signal asks for the log to be reopened.
func reopens(s os.Signal) bool { return s == syscall.SIGUSR1 }
