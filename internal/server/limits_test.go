package server

import (
	"os"
	"path/filepath"
	"testing"
)

func TestCheckConnections(t *testing.T) {
	for _, c := range []struct {
		connections int
		files       uint64
		ok          bool
	}{
		{1000, 1129, true}, {1000, 1128, false}, {0, 1024, false}, {-1, 1024, false}, {1, 1 << 63, true},
	} {
		if err := CheckConnections(c.connections, c.files); (err == nil) != c.ok {
			t.Errorf("%d connections of %d files: %v", c.connections, c.files, err)
		}
	}
}

func TestRaiseFiles(t *testing.T) {
	first, err := RaiseFiles()
	if err != nil || first == 0 {
		t.Fatal(first, err)
	}
	if again, err := RaiseFiles(); again != first || err != nil {
		t.Errorf("%d, then %d, %v", first, again, err)
	}
}

func TestDocker(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cgroup")
	for text, want := range map[string]bool{
		"0::/\n":                             false,
		"12:pids:/docker/0123456789abcdef\n": true,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := dockerIn(file); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	if dockerIn(file + ".none") {
		t.Error("no file says docker")
	}
	if !InDocker(true) {
		t.Error("in_docker on is not enough")
	}
}
