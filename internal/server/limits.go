package server

import "fmt"

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
