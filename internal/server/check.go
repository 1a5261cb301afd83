package server

import (
	"fmt"
	"strings"

	"weir/internal/config"
)

// Check reads a configuration, and returns what a start with it would warn of.
func Check(o config.Options, environ []string) (string, error) {
	c, err := load(o, environ)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for _, n := range c.Notes {
		fmt.Fprintln(&text, "warning:", n)
	}
	for _, d := range c.WithoutEffect {
		fmt.Fprintln(&text, "without effect yet:", d)
	}
	from := "the configuration file " + c.File
	if c.File == "" {
		from = "the configuration of the environment"
	}
	fmt.Fprintf(&text, "%s syntax is ok\n%s test is successful\n", from, from)
	return text.String(), nil
}
