//go:build !windows

package listen

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// childEnv makes this test binary the child of TestInherit: it opens the address in it, twice
// with systemd's sockets, and answers one connection with what else it knows.
const childEnv = "WEIR_TEST_LISTEN"

func TestMain(m *testing.M) {
	if addr := os.Getenv(childEnv); addr != "" {
		if err := child(addr); err != nil {
			fmt.Println("child:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func child(addr string) error {
	systemd := os.Getenv("LISTEN_FDS") != ""
	in, err := Inherit()
	if err != nil {
		return err
	}
	defer in.Close()
	unused := in.Unused()
	l, err := Open(addr, Options{Inherited: in})
	if err != nil {
		return err
	}
	if systemd { // its sockets open again, as after a reload
		if err := l.Close(); err != nil {
			return err
		}
		if l, err = Open(addr, Options{Inherited: in}); err != nil {
			return err
		}
	}
	fmt.Println("open")
	c, err := l.Accept()
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = fmt.Fprint(c, unused, in.Unused(), os.Getenv("LISTEN_FDS")+os.Getenv(socketsEnv))
	return err
}

func TestInherit(t *testing.T) {
	for name, command := range map[string][]string{
		"ours":    {os.Args[0]},
		"systemd": {"/bin/sh", "-c", `unset WEIR_SOCKETS; LISTEN_FDS=2 LISTEN_PID=$$ exec "$0"`, os.Args[0]},
	} {
		t.Run(name, func(t *testing.T) {
			l := local(t, Options{})
			u, err := OpenPacket("127.0.0.1:0", Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer u.Close()
			cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
			cmd.Env = append(os.Environ(), childEnv+"="+l.Addr().String(), "GORACE=atexit_sleep_ms=0")
			done, err := Pass(cmd, l, u)
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			done()
			if line, err := bufio.NewReader(out).ReadString('\n'); line != "open\n" {
				t.Fatal(line, err)
			}
			accepting := make(chan error, 1)
			go func() { accepting <- Serve(t.Context(), l, func(context.Context, net.Conn) {}) }()
			_ = l.Close() // the child alone listens now, and ours is not stuck
			if err := <-accepting; !errors.Is(err, net.ErrClosed) {
				t.Error("Serve:", err)
			}
			answer, err := io.ReadAll(dial(t, l.Addr()))
			want := fmt.Sprint([]string{l.Addr().String(), u.LocalAddr().String()}, []string{u.LocalAddr().String()})
			if string(answer) != want || err != nil {
				t.Errorf("the child says %s, %v; want %s", answer, err, want)
			}
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestInheritNonsense(t *testing.T) {
	for _, list := range []string{"x", "2", "3,,4", "999999", strings.Repeat("3,", maxInherited) + "3"} {
		t.Setenv(socketsEnv, list)
		in, err := Inherit()
		if !errors.Is(err, ErrInherited) {
			t.Errorf("Inherit of %q = %v, %v", list, in, err)
		}
		if got, ok := os.LookupEnv(socketsEnv); ok {
			t.Errorf("%s=%s is still there", socketsEnv, got)
		}
	}
	t.Setenv("LISTEN_PID", "1") // meant for another process
	t.Setenv("LISTEN_FDS", "1")
	in, err := Inherit()
	if err != nil || len(in.Unused()) != 0 {
		t.Error(in.Unused(), err)
	}
}

// TestInheritedMatch: which requests an inherited socket satisfies.
func TestInheritedMatch(t *testing.T) {
	file := func(l syscall.Conn) *os.File {
		f, err := duplicate(l)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	l := local(t, Options{})
	for _, c := range []struct {
		held, asked string
		want        bool
	}{
		{"[::]:1935", "1935", true},
		{"[::]:1935", "0.0.0.0:1935", true},
		{"[::]:1935", "[::]:1935", true},
		{"[::]:1935", "127.0.0.1:1935", false},
		{"0.0.0.0:1935", "1935", true},
		{"0.0.0.0:1935", "[::]:1935", false},
		{"127.0.0.1:1935", "1935", false},
		{"127.0.0.1:1935", "127.0.0.1:1936", false},
	} {
		held, err := parse(c.held)
		if err != nil {
			t.Fatal(err)
		}
		asked, err := parse(c.asked)
		if err != nil {
			t.Fatal(err)
		}
		s := &inherited{file: file(l)}
		s.at = netip.AddrPortFrom(held.ip, held.port)
		in := &Inherited{sockets: []*inherited{s}}
		got, err := in.stream(asked)
		if (got != nil) != c.want || err != nil {
			t.Errorf("%s for %s: %v, %v", c.held, c.asked, got, err)
		}
		if got != nil {
			_ = got.Close()
		}
		if again, err := in.stream(asked); again != nil || err != nil {
			t.Errorf("%s is given twice", c.held)
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
}
