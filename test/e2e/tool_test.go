package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/internal/testkit/logbook"
)

// tool returns the path of a program that the tests need. One that is missing is a failure.
func tool(t *testing.T, name string) string {
	t.Helper()
	if base := strings.TrimRight(name, "0123456789"); base != name && strings.HasPrefix(base, "ff") { // ffmpeg7, ffprobe7, ffmpeg9
		version := name[len(base):]
		path := os.Getenv("WEIR_FFMPEG" + version)
		if path == "" {
			t.Fatalf("WEIR_FFMPEG%[1]s is not set: export WEIR_FFMPEG%[1]s=$(test/ffmpeg.sh %[1]s)", version)
		}
		return filepath.Join(filepath.Dir(path), base)
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%v: run test/install.sh", err)
	}
	return path
}

// process is a program at work. It is ended with the test.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    output
	exited chan struct{}
	err    error // after exited
}

// output is what it has written.
type output struct{ logbook.Book }

// tail returns the end, which is where the trouble is.
func (o *output) tail() string {
	s := o.String()
	return s[max(0, len(s)-2000):]
}

// launch starts a program.
func launch(t *testing.T, name string, args ...string) *process {
	t.Helper()
	return begin(t, exec.Command(tool(t, name), args...))
}

// begin starts a command.
func begin(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if p.cmd.SysProcAttr == nil {
		p.cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	p.cmd.SysProcAttr.Setpgid = true
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		<-p.exited
		if t.Failed() {
			t.Logf("%s:\n%s", strings.Join(p.cmd.Args, " "), p.out.tail())
		}
	})
	return p
}

func (p *process) signal(s syscall.Signal) {
	_ = syscall.Kill(-p.cmd.Process.Pid, s) // it may have ended by itself
}

// running reports whether it has not ended.
func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// wait waits until it ends by itself.
func (p *process) wait() error {
	select {
	case <-p.exited:
		return p.err
	case <-time.After(patience):
		return errors.New("it does not end")
	}
}

// interrupt asks it to end, as a user does, and waits for it.
func (p *process) interrupt() {
	p.t.Helper()
	p.signal(syscall.SIGINT)
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Errorf("%s does not end when it is interrupted", p.cmd.Path)
		p.signal(syscall.SIGKILL)
		<-p.exited
	}
}

// run runs a program to its end, which must be a good one, and returns its standard output
// and error.
func run(t *testing.T, name string, args ...string) (stdout []byte, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), tool(t, name), args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, errs.String())
	}
	return out.Bytes(), errs.String()
}
