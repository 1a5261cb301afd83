package bench

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"weir/internal/protocol/rtmp"
)

func TestReasons(t *testing.T) {
	refused := &net.OpError{Op: "dial", Addr: &net.TCPAddr{Port: 1234}, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for want, err := range map[string]error{
		"connection refused":                           fmt.Errorf("rtmp: dial: %w", refused),
		"the server closed the connection":             fmt.Errorf("rtmp: read: %w", io.EOF),
		"no answer in time":                            fmt.Errorf("rtmp: read: %w", os.ErrDeadlineExceeded),
		`the server says NetStream.Play.Failed "late"`: fmt.Errorf("x: %w", &rtmp.StatusError{Code: "NetStream.Play.Failed", Description: "late"}),
		"as the test wants":                            errFake,
	} {
		if got := reason(err); !strings.HasPrefix(got, want) {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

func TestCauses(t *testing.T) {
	var c causes
	for n := range 3 * maxCauses {
		c.add("dropped", fmt.Errorf("reason %d", n))
		c.add("dropped", io.EOF)
	}
	list := c.list()
	if len(list) > maxCauses+1 || list[0].Count != 3*maxCauses || list[0].Text != "dropped: the server closed the connection" {
		t.Errorf("%d causes, first %v", len(list), list[0])
	}
}

func TestJudgeTool(t *testing.T) {
	for _, c := range []struct {
		tool tool
		says string
	}{
		{tool{Cores: 0.5}, ""},
		{tool{Cores: float64(processors())}, "it may have been the limit itself"},
		{tool{Lag: spread{P99: 30, Max: 70}}, "up to 70 ms late"},
	} {
		a := &report{Seconds: 10, Tool: c.tool, Connections: connections{Tried: 1, OK: 1}}
		a.judge()
		if got := strings.Join(a.Warnings, "; "); !strings.Contains(got, c.says) || c.says == "" && got != "" || !a.OK {
			t.Errorf("%+v: %q, want %q", c.tool, got, c.says)
		}
	}
}
