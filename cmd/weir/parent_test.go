//go:build !windows

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAsprocess has a server whose parent ends: it ends too, if it is told to.
func TestAsprocess(t *testing.T) {
	for _, on := range []bool{true, false} {
		dir := t.TempDir()
		value := map[bool]string{true: "on", false: "off"}[on]
		addr := conf(t, dir, "daemon off;\nsrs_log_tank file;\nsrs_log_file weir.log;\nasprocess "+value+";\n")
		parent := exec.CommandContext(t.Context(), "sh", "-c", `"$0" -c weir.conf & read line`, os.Args[0])
		parent.Dir, parent.Env = dir, append(os.Environ(), asWeir+"=1")
		stdin, err := parent.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := parent.Start(); err != nil {
			t.Fatal(err)
		}
		until(t, "it listens", func() bool { return answers(addr) })
		stdin.Close()
		_ = parent.Wait() // read has no line, which the shell calls a failure
		log := filepath.Join(dir, "weir.log")
		ended := func() bool { return strings.Contains(file(log), "server ended") }
		if !on {
			time.Sleep(2500 * time.Millisecond)
			if ended() || !answers(addr) {
				t.Error("it ends with its parent, and nobody asked for that")
			}
			pid, err := strconv.Atoi(file(filepath.Join(dir, "objs/srs.pid")))
			if err != nil {
				t.Fatal(err)
			}
			if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
		until(t, "it ends: "+value, ended)
	}
}
