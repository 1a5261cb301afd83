//go:build !linux

package api

// Other systems tell nothing here.

func takeRusage(at int64) rusage             { return rusage{SampleTime: at} }
func takeSelf(at int64) selfStats            { return selfStats{SampleTime: at} }
func takeProcessors(at int64) processorStats { return processorStats{SampleTime: at} }
func takeMemory(at int64) memoryStats        { return memoryStats{SampleTime: at} }
