//go:build !linux

package api

import (
	"runtime"
	"runtime/metrics"
	"time"
)

// takeSample tells what Go knows.
func takeSample([]string) sample {
	memory := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(memory)
	return sample{
		at: time.Now(), ok: true,
		selfKB: grown(memory[0].Value.Uint64(), memory[1].Value.Uint64()) / 1024,
		cpus:   runtime.NumCPU(), cpusOnline: runtime.NumCPU(),
	}
}
