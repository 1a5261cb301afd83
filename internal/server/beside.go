package server

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"weir/internal/config"
)

// errWhich is what a command beside the server says when it cannot know which server is meant.
var errWhich = errors.New("which server? process 1 is none, so name its configuration with -c FILE, or -e for the environment's")

// firstProcess is the command line of a container's first process.
const firstProcess = "/proc/1/cmdline"

// beside finds the configuration of a server that another process runs: the one that the flags
// file and env name, or without them that of this container.
func beside(file string, env bool, environ []string) (*config.Config, error) {
	o := config.Options{File: file, EnvOnly: env}
	if file == "" && !env {
		line, _ := os.ReadFile(firstProcess) // no such file is no server
		args, ok := serverArgs(line)
		if !ok && !config.Configured(environ) {
			return nil, errWhich
		}
		var err error
		if o, err = config.ParseArgs(args); err != nil {
			return nil, fmt.Errorf("process 1: %w", err)
		}
	}
	o.Docker = config.InContainer()
	return config.Load(o, environ)
}

// serverArgs takes the arguments out of a server's command line, which may begin with those of an
// init: "docker-init -- ./objs/srs -c conf/srs.conf".
func serverArgs(line []byte) ([]string, bool) {
	words := strings.Split(string(bytes.TrimRight(line, "\x00")), "\x00")
	for i, w := range words {
		switch filepath.Base(w) {
		case "weir", "srs":
			return words[i+1:], true
		}
	}
	return nil, false
}

// besideFlags reads the flags that such a command has in common with others; more adds its own.
// Asked for help it returns that, and flag.ErrHelp.
func besideFlags(name, usage string, args []string, more func(*flag.FlagSet)) (file string, env bool, help string, err error) {
	set := flag.NewFlagSet("weir "+name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.StringVar(&file, "c", "", "the `FILE` that the server was started with")
	set.BoolVar(&env, "e", false, "the server was started without one")
	if more != nil {
		more(set)
	}
	if err = set.Parse(args); err == nil && set.NArg() > 0 {
		err = fmt.Errorf("weir %s: %s is no flag", name, set.Arg(0))
	}
	if errors.Is(err, flag.ErrHelp) {
		var text strings.Builder
		text.WriteString(usage)
		set.SetOutput(&text)
		set.PrintDefaults()
		help = text.String()
	}
	return file, env, help, err
}
