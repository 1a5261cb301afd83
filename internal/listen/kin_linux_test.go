package listen

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// TestKinWithoutDescriptors has a process that can open nothing more be sent connections: it loses them, and the way goes on. It is a
// process of its own, as others here open descriptors too.
func TestKinWithoutDescriptors(t *testing.T) {
	if os.Getenv(kinEnv) != "" {
		starve(t)
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKinWithoutDescriptors$", "-test.v")
	k, done, err := NewKin(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	cmd.Env = append(cmd.Env, "GORACE=atexit_sleep_ms=0")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done()
	for range 3 {
		c, err := k.Dial('c')
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	if err := k.Send('w'); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v:\n%s", err, &out)
	}
}

// starve takes what the test above sends, with no descriptor to spare, with one, and with enough.
func starve(t *testing.T) {
	k, err := KinOf()
	if err != nil || k == nil {
		t.Fatal(k, err)
	}
	defer k.Close()
	last, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	lowest := uint64(last.Fd()) // that is free
	_ = last.Close()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	for more := range uint64(2) {
		limit := syscall.Rlimit{Cur: lowest + more, Max: before.Max}
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		if w, c, err := k.Next(); w != 'c' || c != nil || !errors.Is(err, ErrDropped) {
			t.Errorf("with %d descriptors: %q %v %v", more, w, c, err)
		}
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	w, c, err := k.Next()
	if w != 'c' || c == nil || err != nil {
		t.Fatalf("with enough: %q %v %v", w, c, err)
	}
	_ = c.Close()
	if w, c, err := k.Next(); w != 'w' || c != nil || err != nil {
		t.Errorf("at the end: %q %v %v", w, c, err)
	}
}
