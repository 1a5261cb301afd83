//go:build !windows

package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/internal/listen"
)

// roleEnv makes this test binary one of the programs that the tests below start.
const roleEnv = "WEIR_TEST_ROLE"

func TestMain(m *testing.M) {
	role, rest, _ := strings.Cut(os.Getenv(roleEnv), " ")
	switch role {
	case "":
		os.Exit(m.Run())
	case "lock":
		lockRole(rest)
	case "daemon":
		os.Exit(daemonRole(rest))
	}
}

// lockRole locks the pid file and holds it until standard input ends.
func lockRole(path string) {
	if _, err := LockPID(path); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("locked")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// daemonRole is a server that daemonizes. The launcher prints the outcome; the child does as
// plan says, and lives until somebody connects to the socket it tells in the file ./told. It
// gives the exit status.
func daemonRole(plan string) int {
	child := Child()
	sockets, err := listen.Inherit()
	if err != nil {
		panic(err)
	}
	if child == nil {
		dir, err := os.Getwd()
		if err != nil {
			panic(err)
		}
		ctx := context.Background()
		if plan == "never" {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
			defer cancel()
		}
		_ = os.Chdir("/") // as work_dir does
		if err := Daemonize(ctx, dir, sockets); err != nil {
			fmt.Println(err)
			return 3
		}
		fmt.Println("launched")
		return 0
	}
	switch plan {
	case "fail":
		_ = child.Fail(errors.New("port 1935 is in use"))
		return 1
	case "die":
		return 7
	case "never":
		select {}
	}
	addr := "127.0.0.1:0"
	if unused := sockets.Unused(); len(unused) > 0 {
		addr = unused[0]
	}
	l, err := listen.Open(addr, listen.Options{Inherited: sockets})
	if err != nil {
		panic(err)
	}
	session, _, _ := syscall.Syscall(syscall.SYS_GETSID, 0, 0, 0)
	facts := fmt.Sprintln(l.Addr(), os.Getenv(readyEnv) == "", int(session) == os.Getpid())
	if err := os.WriteFile("told", []byte(facts), 0o600); err != nil {
		panic(err)
	}
	if err := errors.Join(child.Ready(), child.Ready()); err != nil {
		panic(err)
	}
	c, err := l.Accept()
	if err != nil {
		panic(err)
	}
	_, _ = io.WriteString(c, "from the daemon")
	_ = c.Close()
	return 0
}

func start(t *testing.T, role string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), roleEnv+"="+role, "GORACE=atexit_sleep_ms=0") // or each takes a second to end
	return cmd
}

func TestPIDFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "objs", "srs.pid")
	holder := start(t, "lock "+path)
	in, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "locked\n" {
		t.Fatal(line, err)
	}
	pid := strconv.Itoa(holder.Process.Pid)
	kept := func(want string) {
		t.Helper()
		text, err := os.ReadFile(path)
		if string(text) != want || err != nil {
			t.Errorf("the file says %q, %v; want %s", text, err, want)
		}
	}
	kept(pid)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&^0o022 != 0o644 {
		t.Error(info.Mode(), err)
	}
	_, err = LockPID(path)
	if !errors.Is(err, ErrRunning) || !strings.Contains(err.Error(), "already running, pid "+pid) {
		t.Error("a second server:", err)
	}
	kept(pid)
	_ = in.Close()
	if err := holder.Wait(); err != nil {
		t.Error(err)
	}
	kept(pid) // it is not deleted
	p, err := LockPID(path)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := start(t, "lock "+path).Output(); !strings.Contains(string(out), "already running, pid "+strconv.Itoa(os.Getpid())) {
		t.Error(string(out), err)
	}
	kept(strconv.Itoa(os.Getpid()))
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Error(err)
	}
	if out, err := start(t, "lock "+path).Output(); string(out) != "locked\n" {
		t.Error("after Close:", string(out), err)
	}
}

func TestPIDFileErrors(t *testing.T) {
	if _, err := LockPID(t.TempDir()); err == nil || errors.Is(err, ErrRunning) {
		t.Error(err)
	}
}

func TestDaemonize(t *testing.T) {
	for _, plan := range []string{"run", "sockets"} {
		cmd := start(t, "daemon "+plan)
		cmd.Dir = t.TempDir()
		want := ""
		if plan == "sockets" {
			l, err := listen.Open("127.0.0.1:0", listen.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			done, err := listen.Pass(cmd, l)
			if err != nil {
				t.Fatal(err)
			}
			defer done()
			want = l.Addr().String()
		}
		out, err := cmd.Output() // ends although the daemon lives: it has let go of our pipe
		if string(out) != "launched\n" || err != nil {
			t.Fatalf("%s: %s, %v", plan, out, err)
		}
		told, err := os.ReadFile(filepath.Join(cmd.Dir, "told"))
		if err != nil {
			t.Fatal(plan, err)
		}
		addr, facts, _ := strings.Cut(string(told), " ")
		if facts != "true true\n" || want != "" && addr != want {
			t.Errorf("%s: %s", plan, told)
		}
		c, err := net.DialTimeout("tcp", addr, 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if words, err := io.ReadAll(c); plan == "run" && string(words) != "from the daemon" {
			t.Error(string(words), err)
		}
		_ = c.Close()
	}
}

func TestDaemonizeFails(t *testing.T) {
	for plan, want := range map[string]string{
		"fail":  "port 1935 is in use\n",
		"die":   "the server ended before it was ready (exit status 7)",
		"never": "context deadline exceeded before it was ready",
	} {
		cmd := start(t, "daemon "+plan)
		cmd.Dir = t.TempDir()
		out, err := cmd.Output()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 3 || !strings.Contains(string(out), want) {
			t.Errorf("%s: %s, %v; want %s", plan, out, err, want)
		}
	}
}

func TestNotAChild(t *testing.T) {
	for _, marker := range []string{"", "x", "0", "2", "99999"} {
		t.Setenv(readyEnv, marker)
		if r := Child(); r != nil {
			t.Errorf("%s=%s: %v", readyEnv, marker, r)
		}
		if _, ok := os.LookupEnv(readyEnv); ok {
			t.Error(readyEnv, "is still there")
		}
	}
}
