package webrtc

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// hush has the library's warnings in the log of whoever wants to see everything, and nothing on the terminal.
type hush struct{ log *slog.Logger }

// NewLogger is part of logging.LoggerFactory.
func (h hush) NewLogger(scope string) logging.LeveledLogger { return hush{h.log.With("part", scope)} }

// Trace is dropped.
func (h hush) Trace(string) {}

// Tracef is dropped.
func (h hush) Tracef(string, ...any) {}

// Debug is dropped.
func (h hush) Debug(string) {}

// Debugf is dropped.
func (h hush) Debugf(string, ...any) {}

// Info is dropped.
func (h hush) Info(string) {}

// Infof is dropped.
func (h hush) Infof(string, ...any) {}

// Warn is for debugging.
func (h hush) Warn(text string) { h.log.Debug(text) }

// Warnf is for debugging.
func (h hush) Warnf(format string, args ...any) {
	if h.log.Enabled(context.Background(), slog.LevelDebug) {
		h.log.Debug(fmt.Sprintf(format, args...))
	}
}

// Error is for debugging: what matters of it ends the session, with a line of its own.
func (h hush) Error(text string) { h.log.Debug(text) }

// Errorf is the same.
func (h hush) Errorf(format string, args ...any) { h.Warnf(format, args...) }
