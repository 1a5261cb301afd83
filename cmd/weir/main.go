// Command weir is a live streaming server.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"weir/internal/config"
	"weir/internal/server"
)

// badExit is the exit status for whatever keeps the server from running: a mistake in the
// configuration above all.
const badExit = 255

func main() {
	if err := run(os.Args[1:], os.Environ(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "weir:", err)
		os.Exit(badExit)
	}
}

// run does what the command line asks for.
func run(args, environ []string, out io.Writer) error {
	o, err := config.ParseArgs(args)
	if err != nil {
		return err
	}
	o.Docker = config.InContainer()
	switch {
	case o.Word == "version", o.Version:
		fmt.Fprintf(out, "%s\n", versions())
	case o.Signature:
		fmt.Fprintln(out, server.CompatSignature)
	case o.Help:
		fmt.Fprintln(out, config.Usage())
	case o.Word == "bench":
		return errors.New("bench is not in this version yet")
	case o.Test:
		return test(o, environ, out)
	default:
		return server.Process(o, environ)
	}
	return nil
}

// test checks a configuration, and tells what a start with it would warn of.
func test(o config.Options, environ []string, out io.Writer) error {
	c, err := config.Load(o, environ)
	if err != nil {
		return err
	}
	for _, n := range c.Notes {
		fmt.Fprintln(out, "warning:", n)
	}
	for _, d := range c.WithoutEffect {
		fmt.Fprintln(out, "without effect yet:", d)
	}
	fmt.Fprintf(out, "the configuration file %s syntax is ok\n", o.File)
	fmt.Fprintf(out, "the configuration file %s test is successful\n", o.File)
	return nil
}

// versions tells weir's version, and which SRS it is compatible with: the first line is the
// latter's alone, as scripts expect it.
func versions() string {
	return server.CompatVersion + "\nweir " + server.Version
}
