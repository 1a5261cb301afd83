package server

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"weir/internal/stream"
)

// maxServerID bounds a server id read from a file.
const maxServerID = 256

// ServerID gives the server's identity: the configured one, else that in the .id file beside
// the pid file, else a new one. It is kept in that file. The id is good even with an error,
// which says that the file could not be read or written: the next start may have another.
func ServerID(configured, pidPath string) (string, error) { //nolint:revive // server_id is its name in the configuration
	path := idPath(pidPath)
	kept, err := readID(path)
	id := configured
	if id == "" {
		id = kept
	}
	if id == "" {
		id = "vid-" + stream.NewID()[:7]
	}
	if id == kept || err != nil && configured == "" {
		return id, err // what cannot be read is not overwritten
	}
	return id, writeID(path, id)
}

// serviceEnv is the id that a process has chosen for the one that is to take its place, and which it knows that one by.
const serviceEnv = "WEIR_SERVICE_ID"

// NewServiceID gives an id for this run of the server: eight characters of 0-9a-z.
func NewServiceID() string { return stream.NewID() }

// serviceID is the id that the process before has chosen, else a new one. Call it once: it takes that out of the environment.
func serviceID() string {
	id := os.Getenv(serviceEnv)
	_ = os.Unsetenv(serviceEnv)
	if len(id) != len(stream.NewID()) || strings.ContainsFunc(id, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }) {
		return NewServiceID()
	}
	return id
}

// idPath is the pid file's path with .id in place of .pid.
func idPath(pidPath string) string {
	dir, name := filepath.Split(pidPath)
	if strings.Contains(name, ".pid") {
		return dir + strings.Replace(name, ".pid", ".id", 1)
	}
	return pidPath + ".id"
}

// readID gives the first line of the file, and nothing for one that is not there or not ours.
func readID(path string) (string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("server id: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxServerID+1))
	if err != nil {
		return "", fmt.Errorf("server id: %w", err)
	}
	id, _, _ := strings.Cut(strings.TrimSpace(string(raw)), "\n")
	id = strings.TrimSpace(id)
	odd := func(r rune) bool { return r <= ' ' || r > '~' }
	if len(id) > maxServerID || strings.ContainsFunc(id, odd) {
		return "", nil
	}
	return id, nil
}

// writeID writes the file whole or not at all.
func writeID(path, id string) error {
	fail := func(err error) error { return fmt.Errorf("server id: not kept: %w", err) }
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fail(err)
	}
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fail(err)
	}
	_, err = temp.WriteString(id)
	err = errors.Join(err, temp.Chmod(0o644), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(temp.Name())
		return fail(err)
	}
	return nil
}
