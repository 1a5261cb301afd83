package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"weir/internal/config"
)

// parentLook is how often is looked whether the process's parent is still there.
const parentLook = time.Second

// errOrphan ends the server with its parent.
var errOrphan = fmt.Errorf("the process that started the server has ended: %w", errQuit)

// parentOf returns the process that started this one. It is an error if asprocess asks to end with it and
// it has ended already.
func parentOf(c *config.Config) (int, error) {
	parent := os.Getppid()
	if c.Asprocess && parent == 1 && runtime.GOOS != "windows" {
		return 0, errors.New("asprocess: the process that started the server has ended already")
	}
	return parent, nil
}

// follow calls quit when the process has another parent than it had, which it gets when its own ends.
func follow(ctx context.Context, before int, parent func() int, quit func(error)) {
	tick := time.NewTicker(parentLook)
	defer tick.Stop()
	for parent() == before {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
	quit(errOrphan)
}
