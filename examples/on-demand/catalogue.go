package main

import (
	"errors"
	"path"
	"strings"
)

// catalogue says which streams there are, and what they show. It is a flag.Value.
type catalogue []show

type show struct {
	name   string // APP/STREAM; as a pattern of path.Match
	source string
}

// Set adds a line.
func (c *catalogue) Set(line string) error {
	name, source, ok := strings.Cut(line, "=")
	if !ok || source == "" {
		return errors.New("want APP/STREAM=SOURCE")
	}
	if _, err := path.Match(name, ""); err != nil {
		return err
	}
	*c = append(*c, show{name, source})
	return nil
}

func (c *catalogue) String() string {
	var names []string
	for _, s := range *c {
		names = append(names, s.name)
	}
	return strings.Join(names, " ")
}

// find returns the source of the stream at APP/STREAM; the first line that fits counts.
func (c *catalogue) find(name string) (source string, ok bool) {
	for _, s := range *c {
		if fits, err := path.Match(s.name, name); err == nil && fits {
			return s.source, true
		}
	}
	return "", false
}
