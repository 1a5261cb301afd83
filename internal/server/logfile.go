package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// A logFile is appended to while it may be replaced. What the Go runtime says when it crashes
// goes there too, since a daemon has no other place for it.
type logFile struct {
	current atomic.Pointer[openFile] // nil after close
	broken  atomic.Bool              // the last write has failed
	moving  sync.Mutex               // held while current changes
}

// An openFile is a file that lines go to, or the console, whose path is empty.
type openFile struct {
	*os.File
	path string
}

func openLogFile(path string) (*logFile, error) {
	file, err := openPath(path)
	if err != nil {
		return nil, err
	}
	f := &logFile{}
	f.use(file)
	return f, nil
}

func openPath(path string) (*openFile, error) {
	if path == "" {
		return &openFile{os.Stdout, ""}, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	return &openFile{file, path}, nil
}

// discard closes a file that nobody writes to. The console stays open.
func (o *openFile) discard() {
	if o != nil && o.path != "" {
		_ = o.Close() // the system has its lines already
	}
}

// colour tells whether lines go to a terminal that wants colours.
func (f *logFile) colour() bool {
	file := f.current.Load()
	return file != nil && file.path == "" && hasColour(file.File)
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

// prepare opens the file at path for use; it is nil where lines go there already.
func (f *logFile) prepare(path string) (*openFile, error) {
	if now := f.current.Load(); now != nil && now.path == path {
		return nil, nil
	}
	return openPath(path)
}

// use has lines go to a file; nil changes nothing.
func (f *logFile) use(file *openFile) {
	if file == nil {
		return
	}
	f.moving.Lock()
	defer f.moving.Unlock()
	var crashes *os.File // it is duplicated; without, they are on standard error alone
	if file.path != "" {
		crashes = file.File
	}
	_ = debug.SetCrashOutput(crashes, debug.CrashOptions{})
	f.current.Swap(file).discard()
}

func (f *logFile) reopen() error {
	now := f.current.Load()
	if now == nil {
		return os.ErrClosed
	}
	if now.path == "" {
		return nil
	}
	file, err := openPath(now.path)
	if err != nil {
		return err
	}
	f.moving.Lock()
	if f.current.Load() != now { // it was closed, or has moved, or somebody was faster
		f.moving.Unlock()
		file.discard()
		return nil
	}
	f.moving.Unlock()
	f.use(file)
	return nil
}

func (f *logFile) close() error {
	f.moving.Lock()
	defer f.moving.Unlock()
	if file := f.current.Swap(nil); file != nil && file.path != "" {
		return file.Close()
	}
	return nil
}
