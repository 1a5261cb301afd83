//go:build !windows

package listen

import (
	"errors"
	"io"
	"os/exec"
	"testing"
)

// TestKin has words and connections go both ways, each connection with its word.
func TestKin(t *testing.T) {
	cmd := exec.Command("true")
	ours, done, err := NewKin(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	defer done()
	conn, err := unixConn(cmd.ExtraFiles[0])
	if err != nil {
		t.Fatal(err)
	}
	theirs := &Kin{conn}
	for from, to := range map[*Kin]*Kin{ours: theirs, theirs: ours} {
		var ends []io.WriteCloser
		for _, w := range []Word{'a', 'b', 'c'} {
			if err := from.Send(w + 1); err != nil {
				t.Fatal(err)
			}
			c, err := from.Dial(w)
			if err != nil {
				t.Fatal(err)
			}
			ends = append(ends, c)
		}
		for i, w := range []Word{'a', 'b', 'c'} {
			if got, c, err := to.Next(); got != w+1 || c != nil || err != nil {
				t.Fatal(got, c, err)
			}
			got, c, err := to.Next()
			if got != w || c == nil || err != nil {
				t.Fatal(got, c, err)
			}
			go func() {
				_, _ = ends[i].Write([]byte{byte(w)})
				_ = ends[i].Close()
			}()
			if text, err := io.ReadAll(c); string(text) != string(rune(w)) || err != nil {
				t.Errorf("%q %v", text, err)
			}
			_ = c.Close()
		}
	}
	_ = theirs.Close()
	if _, _, err := ours.Next(); err == nil || errors.Is(err, ErrDropped) {
		t.Errorf("the end is not heard: %v", err)
	}
}
