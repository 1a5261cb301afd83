package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"
)

// parentLook is how often is looked whether the process's parent is still there.
const parentLook = time.Second

// errOrphan ends the server with its parent.
var errOrphan = fmt.Errorf("the process that started the server has ended: %w", errQuit)

// hasParent is an error where asprocess has nobody to look after.
func hasParent(asprocess bool) error {
	if asprocess && runtime.GOOS != "windows" && os.Getppid() == 1 {
		return errors.New("asprocess: the process that started the server has ended already")
	}
	return nil
}

// follow calls quit when the process gets another parent, which it does when its own ends.
func follow(ctx context.Context, parent func() int, quit func(error)) {
	first := parent()
	tick := time.NewTicker(parentLook)
	defer tick.Stop()
	for parent() == first {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
	quit(errOrphan)
}
