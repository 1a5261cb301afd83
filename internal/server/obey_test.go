//go:build !windows

package server

import (
	"bufio"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// TestEndInTheLastMoment has a graceful end be asked for just as another process takes over: that one hears of it.
func TestEndInTheLastMoment(t *testing.T) {
	for name, come := range map[string]func(x *servant, signals chan os.Signal, pid int){
		"before it has been told": func(x *servant, _ chan os.Signal, pid int) {
			x.drains = true // the upgrade is to be undone, and cannot be any more
			x.upgraded(t.Context(), pid)
		},
		"before it has been told, and all have left": func(x *servant, signals chan os.Signal, pid int) {
			x.drains = true
			x.outcome <- pid
			x.part(t.Context(), signals)
		},
		"after that, and all have left": func(x *servant, signals chan os.Signal, pid int) {
			x.outcome <- pid
			signals <- syscall.SIGQUIT
			x.part(t.Context(), signals)
		},
		"after that": func(x *servant, _ chan os.Signal, pid int) {
			x.upgraded(t.Context(), pid)
			x.heed(t.Context(), syscall.SIGQUIT)
		},
	} {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", `trap "exit 7" QUIT; echo; while :; do sleep 0.01; done`)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		late := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		x := &servant{
			outcome: make(chan int, 1), cancel: func(error) {}, logger: slog.New(slog.DiscardHandler),
			quit: func(error) { t.Errorf("%s: the server ends at once", name) },
		}
		come(x, make(chan os.Signal, 1), cmd.Process.Pid)
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
			t.Errorf("%s: the process that has taken over: %v", name, err)
		}
		if late.Stop(); x.drains {
			t.Errorf("%s: the old process drains", name)
		}
	}
}
