package server

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

func TestServerID(t *testing.T) {
	dir := t.TempDir()
	pid, file := filepath.Join(dir, "objs", "srs.pid"), filepath.Join(dir, "objs", "srs.id")
	ask := func(configured string) string {
		t.Helper()
		id, err := ServerID(configured, pid)
		if err != nil {
			t.Error(err)
		}
		if kept, err := os.ReadFile(file); string(kept) != id || err != nil {
			t.Errorf("kept %q, %v; want %s", kept, err, id)
		}
		return id
	}
	first := ask("")
	if !regexp.MustCompile(`^vid-[0-9a-z]{7}$`).MatchString(first) {
		t.Error(first)
	}
	if again := ask(""); again != first {
		t.Errorf("%s, then %s", first, again)
	}
	if id := ask("studio-1"); id != "studio-1" {
		t.Error(id)
	}
	if id := ask(""); id != "studio-1" {
		t.Error("the configured id is not kept:", id)
	}
	for _, odd := range []string{"", "\n\n", "a b", "\x00", string(make([]byte, 1000))} {
		if err := os.WriteFile(file, []byte(odd), 0o600); err != nil {
			t.Fatal(err)
		}
		if id := ask(""); id == odd || len(id) != len(first) {
			t.Errorf("from %q: %q", odd, id)
		}
	}
	if err := os.WriteFile(file, []byte("by-hand\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if id, err := ServerID("", pid); id != "by-hand" || err != nil {
		t.Error(id, err)
	}
	if files, err := os.ReadDir(filepath.Dir(file)); len(files) != 1 || err != nil {
		t.Error("left over:", files, err)
	}
}

func TestServerIDWithoutAFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "objs"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if id, err := ServerID("", filepath.Join(dir, "objs", "srs.pid")); err == nil || len(id) != 11 {
		t.Error(id, err)
	}
	if err := os.Mkdir(filepath.Join(dir, "srs.id"), 0o700); err != nil {
		t.Fatal(err)
	}
	if id, err := ServerID("mine", filepath.Join(dir, "srs.pid")); id != "mine" || err == nil {
		t.Error(id, err)
	}
}

func TestIDPath(t *testing.T) {
	for pid, want := range map[string]string{
		"./objs/srs.pid":       "./objs/srs.id",
		"/run/x.pid.d/srs":     "/run/x.pid.d/srs.id",
		"/run/srs.pid.lock":    "/run/srs.id.lock",
		"/run/x.pid.d/srs.pid": "/run/x.pid.d/srs.id",
	} {
		if got := idPath(pid); got != want {
			t.Errorf("idPath(%s) = %s; want %s", pid, got, want)
		}
	}
}

// TestServiceID has a process be who the one before says that it is, once, if that can be an id.
func TestServiceID(t *testing.T) {
	for chosen, want := range map[string]bool{"": false, "ab12cd34": true, "ab12cd3": false, "ab12cd345": false, "AB12CD34": false, "ab12 d34": false} {
		t.Setenv(serviceEnv, chosen)
		if id := serviceID(); (id == chosen) != want || len(id) != 8 {
			t.Errorf("%q becomes %q", chosen, id)
		}
		if id := serviceID(); id == chosen || os.Getenv(serviceEnv) != "" {
			t.Errorf("%q is %q at the next start too", chosen, id)
		}
	}
}
