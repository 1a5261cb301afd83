//go:build !windows

package server

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// lockFile opens and locks path. Without the lock the error is ErrRunning, and holder the pid
// of who has it, as far as the system tells. It is the lock SRS takes, so the two servers
// notice each other.
func lockFile(path string) (file *os.File, holder int, err error) {
	file, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, 0, err
	}
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart} // from 0 to the end
	err = syscall.FcntlFlock(file.Fd(), syscall.F_SETLK, &lock)
	if err == nil {
		return file, 0, nil
	}
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
		err = ErrRunning
		if syscall.FcntlFlock(file.Fd(), syscall.F_GETLK, &lock) == nil && lock.Type != syscall.F_UNLCK {
			holder = int(lock.Pid)
		}
	}
	_ = file.Close()
	return nil, holder, err
}
