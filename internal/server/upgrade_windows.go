package server

import (
	"context"
	"log/slog"
)

// upgrader does nothing on this system, which hands no sockets to a child by number.
type upgrader struct{ pid *PIDFile }

func newUpgrader(_, _ string, pid *PIDFile, _ *slog.Logger) *upgrader { return &upgrader{pid} }

func (*upgrader) run(_, _ context.Context, _ *Server, _ func(int)) bool { return false }

// close gives the pid file back.
func (u *upgrader) close() { _ = u.pid.Close() }
