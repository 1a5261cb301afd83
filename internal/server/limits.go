package server

import (
	"fmt"
	"os"
	"strings"
)

// spareFiles is how many files the server keeps open besides its connections.
const spareFiles = 128

// CheckConnections tells whether maxConnections fits under the limit of open files, as
// RaiseFiles gives it.
func CheckConnections(maxConnections int, files uint64) error {
	if maxConnections <= 0 {
		return fmt.Errorf("max_connections %d: it must be above 0", maxConnections)
	}
	if need := uint64(maxConnections) + spareFiles; need >= files {
		return fmt.Errorf("max_connections %d needs more than %d open files, and the limit is %d: "+
			"lower max_connections, or raise the limit (`ulimit -HSn %d`, LimitNOFILE in systemd)",
			maxConnections, need, files, need+1)
	}
	return nil
}

// InDocker tells whether we are in docker: it says so in /proc/1/cgroup, or in_docker does.
func InDocker(forced bool) bool { return forced || dockerIn("/proc/1/cgroup") }

func dockerIn(path string) bool {
	text, err := os.ReadFile(path)
	return err == nil && strings.Contains(string(text), "/docker")
}
