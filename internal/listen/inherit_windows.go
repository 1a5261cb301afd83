package listen

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// Inherit has nothing to take: Windows hands no descriptors to a child by number.
func Inherit() (*Inherited, error) {
	if os.Getenv(socketsEnv) != "" {
		return nil, fmt.Errorf("%w: not on this system", ErrInherited)
	}
	return &Inherited{}, nil
}

// Pass is not on this system.
func Pass(*exec.Cmd, ...syscall.Conn) (done func(), err error) {
	return nil, fmt.Errorf("%w: not on this system", ErrInherited)
}

// Pass has nothing to leave to a child.
func (in *Inherited) Pass(*exec.Cmd) error { return nil }
