// Command weir is a live streaming server.
package main

import (
	"fmt"
	"os"

	"weir/internal/access"
	"weir/internal/bench"
	"weir/internal/config"
	"weir/internal/server"
)

// badExit is the exit status for whatever keeps the server from running: a mistake in the
// configuration above all.
const badExit = 255

func main() {
	if len(os.Args) > 1 && os.Args[1] == "bench" { // with exit statuses of its own
		os.Exit(bench.Main(os.Args[2:], os.Stdout, os.Stderr))
	}
	text, err := run(os.Args[1:], os.Environ())
	fmt.Print(text)
	if err != nil {
		fmt.Fprintln(os.Stderr, "weir:", err)
		os.Exit(badExit)
	}
}

// run does what the command line asks for, and returns what is to be printed.
func run(args, environ []string) (string, error) {
	o, err := config.ParseArgs(args)
	if err != nil {
		return "", err
	}
	o.Docker = config.InContainer()
	o.Help = o.Help && (len(args) > 0 || !config.Configured(environ))
	switch {
	case o.Word == "version", o.Version: // the first line is what scripts expect
		return server.CompatVersion + "\nweir " + server.Version + "\n", nil
	case o.Word == "health":
		return server.Health(o.Args, environ)
	case o.Word == "drain":
		return server.Drain(o.Args, environ)
	case o.Word == "sign":
		return access.Command(o.Args, environ)
	case o.Signature:
		return server.CompatSignature + "\n", nil
	case o.Help:
		return config.Usage() + "\n", nil
	case o.Test:
		return server.Check(o, environ)
	}
	return "", server.Process(o, environ)
}
