package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// ErrRunning is wrapped by the error of LockPID when another server has the pid file.
var ErrRunning = errors.New("already running")

// PIDFile is a pid file, locked: who has the lock is the one server of its configuration. The
// lock ends with the process, however that ends; the file stays.
type PIDFile struct{ file *os.File }

// LockPID writes our pid to the file at path and locks it until Close or the process's end. The
// file, if it is there, is overwritten only by who gets the lock. On Unix the lock belongs to
// the process: nobody else in it may lock, or only open and close, the file.
func LockPID(path string) (*PIDFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("pid file: %w", err)
	}
	file, holder, err := lockFile(path)
	if errors.Is(err, ErrRunning) {
		if holder == 0 {
			return nil, fmt.Errorf("pid file %s: %w", path, err)
		}
		return nil, fmt.Errorf("pid file %s: %w, pid %d", path, err, holder)
	}
	if err != nil {
		return nil, fmt.Errorf("pid file: %w", err)
	}
	if err = file.Truncate(0); err == nil {
		_, err = file.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("pid file: %w", err)
	}
	return &PIDFile{file}, nil
}

// Close gives the lock back. A server that ends does not need it. Nil has none.
func (p *PIDFile) Close() error {
	if p == nil {
		return nil
	}
	if err := p.file.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}
