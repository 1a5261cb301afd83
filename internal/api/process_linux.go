package api

import (
	"syscall"

	"github.com/prometheus/procfs"
)

const ticksPerSecond = 100 // USER_HZ, which no Linux that Go runs on has otherwise

func takeRusage(at int64) rusage {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return rusage{SampleTime: at}
	}
	return rusage{
		OK: true, SampleTime: at,
		UserTime: u.Utime.Sec, SystemTime: u.Stime.Sec, MaxRSS: u.Maxrss, SharedText: u.Ixrss, Data: u.Idrss, Stack: u.Isrss,
		MinFaults: u.Minflt, MajFaults: u.Majflt, Swaps: u.Nswap, BlocksIn: u.Inblock, BlocksOut: u.Oublock,
		Sent: u.Msgsnd, Received: u.Msgrcv, Signals: u.Nsignals, Waits: u.Nvcsw, Preempts: u.Nivcsw,
	}
}

// takeSelf tells what the library reads. Addresses of code and stack, and masks of signals, are nobody
// else's business, and zero.
func takeSelf(at int64) selfStats {
	out := selfStats{SampleTime: at}
	self, err := procfs.Self()
	if err != nil {
		return out
	}
	s, err := self.Stat()
	if err != nil {
		return out
	}
	return selfStats{
		OK: true, SampleTime: at, Comm: "(" + s.Comm + ")", State: s.State, PPid: s.PPID, PGrp: s.PGRP, Session: s.Session,
		TTY: s.TTY, TPGID: s.TPGID, Flags: uint64(s.Flags),
		MinFlt: uint64(s.MinFlt), CMinFlt: uint64(s.CMinFlt), MajFlt: uint64(s.MajFlt), CMajFlt: uint64(s.CMajFlt),
		UTime: uint64(s.UTime), STime: uint64(s.STime), CUTime: int64(s.CUTime), CSTime: int64(s.CSTime),
		Priority: s.Priority, Nice: s.Nice, Threads: s.NumThreads, StartTime: s.Starttime, VSize: uint64(s.VSize), RSS: s.RSS,
		RSSLimit:   int64(s.RSSLimit), // -1 is no limit
		ExitSignal: int(syscall.SIGCHLD), Processor: int(s.Processor), RTPriority: uint64(s.RTPriority), Policy: uint64(s.Policy),
		BlockDelay: s.DelayAcctBlkIOTicks, Guest: uint64(s.GuestTime), CGuest: int64(s.CGuestTime),
	}
}

func takeProcessors(at int64) processorStats {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return processorStats{SampleTime: at}
	}
	s, err := fs.Stat()
	if err != nil {
		return processorStats{SampleTime: at}
	}
	ticks := func(seconds float64) uint64 { return uint64(seconds*ticksPerSecond + 0.5) }
	t := &s.CPUTotal
	return processorStats{
		OK: true, SampleTime: at, User: ticks(t.User), Nice: ticks(t.Nice), Sys: ticks(t.System), Idle: ticks(t.Idle),
		IOWait: ticks(t.Iowait), IRQ: ticks(t.IRQ), SoftIRQ: ticks(t.SoftIRQ), Steal: ticks(t.Steal), Guest: ticks(t.Guest),
	}
}

func takeMemory(at int64) memoryStats {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return memoryStats{SampleTime: at}
	}
	m, err := fs.Meminfo()
	if err != nil {
		return memoryStats{SampleTime: at}
	}
	kb := func(n *uint64) uint64 {
		if n == nil {
			return 0
		}
		return *n
	}
	return memoryStats{
		OK: true, SampleTime: at, Total: kb(m.MemTotal), Free: kb(m.MemFree), Buffers: kb(m.Buffers), Cached: kb(m.Cached),
		SwapTotal: kb(m.SwapTotal), SwapFree: kb(m.SwapFree),
	}
}
