package server

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// lockFile opens path so that no other process can open it for writing: that is the lock.
// Without it the error is ErrRunning, and holder the pid that the file names.
func lockFile(path string) (file *os.File, holder int, err error) {
	const sharingViolation = syscall.Errno(32)
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, 0, err
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, syscall.FILE_SHARE_READ,
		nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	switch {
	case err == nil:
		return os.NewFile(uintptr(h), path), 0, nil
	case !errors.Is(err, sharingViolation):
		return nil, 0, &os.PathError{Op: "open", Path: path, Err: err}
	}
	if text, err := os.ReadFile(path); err == nil {
		holder, _ = strconv.Atoi(strings.TrimSpace(string(text)))
	}
	return nil, holder, ErrRunning
}
