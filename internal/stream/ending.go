package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
)

// Guard has a panic of run end that alone: it is its error, in the words of the protocol or service.
func Guard(who string, run func() error) (err error) {
	defer Recovered(who, &err)
	return run()
}

// Recovered is Guard for who defers it.
func Recovered(who string, err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("%s: panic: %v\n%s", who, cause, debug.Stack())
	}
}

// Quiet reports whether a session has ended by something that nobody has to look into: by the registry's or the server's
// will, or by one of the others.
func Quiet(err error, others ...error) bool {
	return errors.As(err, new(*Moved)) || IsAny(err, ErrKicked, ErrEnding, ErrIdle, context.Canceled) || IsAny(err, others...)
}

// IsAny reports whether an error is one of those.
func IsAny(err error, those ...error) bool {
	for _, e := range those {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// LogEnd logs the end of a session, which is what, in one line with its cause: nil is that the client has left. One that is
// not quiet is a warning.
func LogEnd(log *slog.Logger, what string, cause error, quiet bool, args ...any) {
	switch {
	case cause == nil:
		log.Info(what+" ended: client left", args...)
	case quiet:
		log.Info(what+" ended", append(args, "cause", cause)...)
	default:
		log.Warn(what+" ended", append(args, "cause", cause)...)
	}
}
