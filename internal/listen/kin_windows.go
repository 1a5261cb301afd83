package listen

import (
	"fmt"
	"net"
	"os/exec"
)

// NewKin is not on this system.
func NewKin(*exec.Cmd) (*Kin, func(), error) {
	return nil, nil, fmt.Errorf("%w: not on this system", ErrKin)
}

// KinOf finds none on this system.
func KinOf() (*Kin, error) { return nil, nil }

// Send is not on this system.
func (k *Kin) Send(Word) error { return fmt.Errorf("%w: not on this system", ErrKin) }

// Dial is not on this system.
func (k *Kin) Dial(Word) (net.Conn, error) { return nil, fmt.Errorf("%w: not on this system", ErrKin) }

// Next is not on this system.
func (k *Kin) Next() (Word, net.Conn, error) {
	return 0, nil, fmt.Errorf("%w: not on this system", ErrKin)
}
