package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
)

// A logFile is appended to while it may be replaced. What the Go runtime says when it crashes
// goes there too, since a daemon has no other place for it.
type logFile struct {
	path    string
	current atomic.Pointer[os.File] // nil after close
	broken  atomic.Bool             // the last write has failed
}

func openLogFile(path string) (*logFile, error) {
	f := &logFile{path: path}
	file, err := f.open()
	if err != nil {
		return nil, err
	}
	f.current.Store(file)
	return f, nil
}

func (f *logFile) open() (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	_ = debug.SetCrashOutput(file, debug.CrashOptions{}) // it duplicates the descriptor
	return file, nil
}

// Write writes one line. A line that meets a replacement goes to the new file. That lines are
// lost is said once on standard error, when it begins.
func (f *logFile) Write(p []byte) (int, error) {
	for {
		file := f.current.Load()
		if file == nil {
			return 0, os.ErrClosed
		}
		n, err := file.Write(p)
		switch {
		case err == nil:
			f.broken.Store(false)
		case errors.Is(err, os.ErrClosed) && f.current.Load() != file:
			continue
		case f.broken.CompareAndSwap(false, true):
			fmt.Fprintf(os.Stderr, "log: lines are lost: %v\n", err)
		}
		return n, err
	}
}

func (f *logFile) reopen() error {
	for {
		old := f.current.Load()
		if old == nil {
			return os.ErrClosed
		}
		file, err := f.open()
		if err != nil {
			return err
		}
		if f.current.CompareAndSwap(old, file) {
			return old.Close()
		}
		_ = file.Close() // another reopen, or close, was faster
	}
}

func (f *logFile) close() error {
	if file := f.current.Swap(nil); file != nil {
		return file.Close()
	}
	return nil
}
