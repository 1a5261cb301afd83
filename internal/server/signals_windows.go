package server

import (
	"os"
	"syscall"
)

// obeyed are the signals that a server acts on; this system has no others.
func obeyed() []os.Signal { return []os.Signal{syscall.SIGTERM, syscall.SIGINT} }

// reloading are the signals that ask for a reload: none on this system.
func reloading() []os.Signal { return nil }

// ignored are the signals that are to end nothing.
func ignored() []os.Signal { return nil }

// reopens reports whether a signal asks for the log to be reopened: not on this system.
func reopens(os.Signal) bool { return false }

// upgrades reports whether a signal asks for a new process to take this one's place: none does.
func upgrades(os.Signal) bool { return false }
