package config

import "fmt"

// Error is one mistake in a configuration. File is empty for a mistake in the command line,
// and "environment" for one in a variable; Line is 0 where no line is to blame.
type Error struct {
	File string
	Line int
	Text string

	cause error
}

func (e *Error) Error() string {
	switch {
	case e.File == "":
		return e.Text
	case e.Line == 0:
		return e.File + ": " + e.Text
	}
	return fmt.Sprintf("%s: line %d: %s", e.File, e.Line, e.Text)
}

// Unwrap gives the error of the file system, when there is one.
func (e *Error) Unwrap() error { return e.cause }

// Note is something the owner of the configuration should know although the server starts:
// a spelling of former years, a directive given twice, a directive that does nothing.
type Note struct {
	File string // empty when no file is to blame
	Line int
	Text string
}

func (n Note) String() string { return (&Error{File: n.File, Line: n.Line, Text: n.Text}).Error() }
