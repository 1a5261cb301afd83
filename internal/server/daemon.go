package server

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// A daemon's child tells its launcher on a pipe how the start went: readyWord, or the words of
// the error, then the end of the pipe.
const (
	readyEnv  = "WEIR_READY_FD" // the child's descriptor of the pipe
	readyWord = "ready\n"
	maxReport = 4096 // bytes of an error on the pipe
)

// ErrNoDaemon says that this system has no daemons.
var ErrNoDaemon = errors.New("daemon: not on this system: set `daemon off` and let a service manager keep it running")

// Readiness is the child's end of the launcher's pipe. That of a process which nobody waits
// for is nil, and all its methods do nothing.
type Readiness struct{ pipe *os.File }

// Ready lets the launcher end with success. Call it when the listeners are open.
func (r *Readiness) Ready() error { return r.report(readyWord) }

// Fail lets the launcher end with the error that stops us.
func (r *Readiness) Fail(cause error) error {
	words := cause.Error()
	return r.report(words[:min(len(words), maxReport)])
}

func (r *Readiness) report(words string) error {
	if r == nil {
		return nil
	}
	_, err := io.WriteString(r.pipe, words)
	if errors.Is(err, os.ErrClosed) {
		return nil // told before
	}
	if e := r.pipe.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("daemon: tell the launcher: %w", err)
	}
	return nil
}

// heard reads the child's report. An end without one means that the child is gone: io.EOF.
func heard(pipe io.Reader) error {
	words, err := io.ReadAll(io.LimitReader(pipe, maxReport))
	switch {
	case err != nil:
		return err
	case string(words) == readyWord:
		return nil
	case len(words) == 0:
		return io.EOF
	}
	return errors.New(strings.TrimSpace(string(words)))
}
