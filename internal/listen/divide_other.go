//go:build !linux

package listen

import (
	"fmt"
	"syscall"
)

// CanDivide says that Divide works here.
const CanDivide = false

// Divide is not on this system.
func Divide(syscall.RawConn, Division) error {
	return fmt.Errorf("%w: not on this system", ErrDivide)
}
