package server

import (
	"os"
	"runtime/debug"
)

// gcPercent is by how much the heap may grow between two collections. What lives here is mostly
// payloads without pointers, which cost nothing to mark: collecting more often than usual takes
// next to no time, and saves a quarter of the memory. See docs/decisions/001-frames-in-slabs.md.
const gcPercent = 60

// tuneGC sets the collector's target, unless the user has.
func tuneGC() {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
