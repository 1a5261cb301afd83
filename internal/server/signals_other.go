//go:build !windows

package server

import (
	"os"
	"syscall"
)

// obeyed are the signals that a server acts on, but for those of reloading.
func obeyed() []os.Signal {
	return []os.Signal{syscall.SIGUSR1, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGUSR2}
}

// reloading are the signals that ask for a reload.
func reloading() []os.Signal { return []os.Signal{syscall.SIGHUP} }

// ignored are the signals that would end the process for no reason: that nobody reads what it writes
// to the console.
func ignored() []os.Signal { return []os.Signal{syscall.SIGPIPE} }

// reopens reports whether a signal asks for the log to be reopened.
func reopens(s os.Signal) bool { return s == syscall.SIGUSR1 }

// upgrades reports whether a signal asks for a new process to take this one's place.
func upgrades(s os.Signal) bool { return s == syscall.SIGUSR2 }
