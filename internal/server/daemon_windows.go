package server

import (
	"context"

	"weir/internal/listen"
)

// Daemonize is not on this system.
func Daemonize(context.Context, string, *listen.Inherited) error { return ErrNoDaemon }

// Child gives nil: no launcher waits for us.
func Child() *Readiness { return nil }
