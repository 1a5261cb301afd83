//go:build !windows

package server

import (
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/config"
	"weir/internal/listen"
)

// TestRetireMost has nothing end that is to end when a new process has taken over: the new one waits for longer than that takes.
func TestRetireMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "weir.conf")
		if err := os.WriteFile(file, []byte("listen "+free(t)+";\nvhost __defaultVhost__ {\n}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(config.Options{File: file}, nil)
		if err != nil {
			t.Fatal(err)
		}
		kin, born, err := listen.NewKin(exec.Command("true"))
		if err != nil {
			t.Fatal(err)
		}
		defer kin.Close() // after that the process before hears nothing more
		defer born()
		s, err := New(Options{Config: c, Kin: kin, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		s.Retire() // nothing runs, so nothing ends
		took := time.Since(began)
		if took < 5*retireTime || took+listen.KinWrite > retireMost {
			t.Errorf("it takes %s, and %s more where the process before does not listen: more than %s", took, listen.KinWrite, retireMost)
		}
		if room := overTime - retireMost - listen.KinWrite; room < time.Second {
			t.Errorf("the new process waits %s longer", room)
		}
	})
}
