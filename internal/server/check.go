package server

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"weir/internal/cluster"
	"weir/internal/config"
)

// Check reads a configuration, and returns what a start with it would warn of. It looks at all that
// can be looked at without a start: the directory to work in, certificates, those of registries too, and whether the log and
// the pid file can be written. Nothing is left behind.
func Check(o config.Options, environ []string) (string, error) {
	var err error
	if o.Dir, err = os.Getwd(); err != nil {
		return "", fmt.Errorf("server: %w", err)
	}
	c, err := load(o, environ)
	if err != nil {
		return "", err
	}
	if err := checkPlaces(c); err != nil {
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

// checkPlaces looks at the files that c names, from the directory that it names, and reports all that
// is wrong.
func checkPlaces(c *config.Config) error {
	if err := os.Chdir(c.WorkDir); err != nil {
		return fmt.Errorf("work_dir: %w", err)
	}
	var all []error
	for _, p := range wantsTLS(c) {
		if !p.enabled {
			continue
		}
		if _, err := p.load(slog.New(slog.DiscardHandler)); err != nil {
			all = append(all, err)
		}
	}
	for _, v := range c.Vhosts {
		if v.Cluster.RegistryCA == "" {
			continue
		}
		if _, err := cluster.Trust(v.Cluster.RegistryCA); err != nil {
			all = append(all, fmt.Errorf("vhost %s: %w", v.Name, err))
		}
	}
	if c.SrsLogTank == "file" {
		if err := writable(c.SrsLogFile); err != nil {
			all = append(all, fmt.Errorf("srs_log_file %s cannot be written: %w", c.SrsLogFile, err))
		}
	}
	if err := writable(c.PID); err != nil {
		all = append(all, fmt.Errorf("pid %s cannot be written: %w", c.PID, err))
	}
	return errors.Join(all...)
}

// writable tells whether a file can be written, or made with the directories above it.
func writable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return errors.New("it is a directory")
	case err == nil:
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return cause(err)
		}
		return f.Close()
	}
	dir := filepath.Dir(path)
	for info, err = os.Stat(dir); err != nil && dir != filepath.Dir(dir); info, err = os.Stat(dir) {
		dir = filepath.Dir(dir)
	}
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s is no directory", dir)
	}
	if err != nil {
		return cause(err)
	}
	f, err := os.CreateTemp(dir, ".weir-test-")
	if err != nil {
		return fmt.Errorf("directory %s: %w", dir, cause(err))
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// cause leaves the path out of an error, as the message names it already.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
