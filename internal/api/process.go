package api

import "time"

// The answers that tell what the system does of a process and its machine. Where nothing can be read
// ok is false, and all else zero.

type rusagesAnswer struct {
	head
	Data rusage `json:"data"`
}

// rusage is getrusage(2); sizes are in kilobytes, times in seconds.
type rusage struct {
	OK         bool  `json:"ok"`
	SampleTime int64 `json:"sample_time"` // ms since 1970, here and below
	UserTime   int64 `json:"ru_utime"`
	SystemTime int64 `json:"ru_stime"`
	MaxRSS     int64 `json:"ru_maxrss"`
	SharedText int64 `json:"ru_ixrss"`
	Data       int64 `json:"ru_idrss"`
	Stack      int64 `json:"ru_isrss"`
	MinFaults  int64 `json:"ru_minflt"`
	MajFaults  int64 `json:"ru_majflt"`
	Swaps      int64 `json:"ru_nswap"`
	BlocksIn   int64 `json:"ru_inblock"`
	BlocksOut  int64 `json:"ru_oublock"`
	Sent       int64 `json:"ru_msgsnd"`
	Received   int64 `json:"ru_msgrcv"`
	Signals    int64 `json:"ru_nsignals"`
	Waits      int64 `json:"ru_nvcsw"`
	Preempts   int64 `json:"ru_nivcsw"`
}

type selfAnswer struct {
	head
	Data selfStats `json:"data"`
}

// selfStats are those of /proc/self/stat, see proc(5).
type selfStats struct {
	OK         bool    `json:"ok"`
	SampleTime int64   `json:"sample_time"`
	Percent    decimal `json:"percent"`
	Pid        int     `json:"pid"`
	Comm       string  `json:"comm"`
	State      string  `json:"state"`
	PPid       int     `json:"ppid"`
	PGrp       int     `json:"pgrp"`
	Session    int     `json:"session"`
	TTY        int     `json:"tty_nr"`
	TPGID      int     `json:"tpgid"`
	Flags      uint64  `json:"flags"`
	MinFlt     uint64  `json:"minflt"`
	CMinFlt    uint64  `json:"cminflt"`
	MajFlt     uint64  `json:"majflt"`
	CMajFlt    uint64  `json:"cmajflt"`
	UTime      uint64  `json:"utime"`
	STime      uint64  `json:"stime"`
	CUTime     int64   `json:"cutime"`
	CSTime     int64   `json:"cstime"`
	Priority   int     `json:"priority"`
	Nice       int     `json:"nice"`
	Threads    int     `json:"num_threads"`
	ITReal     int64   `json:"itrealvalue"`
	StartTime  uint64  `json:"starttime"`
	VSize      uint64  `json:"vsize"`
	RSS        int     `json:"rss"`
	RSSLimit   int64   `json:"rsslim"`
	StartCode  uint64  `json:"startcode"`
	EndCode    uint64  `json:"endcode"`
	StartStack uint64  `json:"startstack"`
	KstkESP    uint64  `json:"kstkesp"`
	KstkEIP    uint64  `json:"kstkeip"`
	Signal     uint64  `json:"signal"`
	Blocked    uint64  `json:"blocked"`
	SigIgnore  uint64  `json:"sigignore"`
	SigCatch   uint64  `json:"sigcatch"`
	WChan      uint64  `json:"wchan"`
	NSwap      uint64  `json:"nswap"`
	CNSwap     uint64  `json:"cnswap"`
	ExitSignal int     `json:"exit_signal"`
	Processor  int     `json:"processor"`
	RTPriority uint64  `json:"rt_priority"`
	Policy     uint64  `json:"policy"`
	BlockDelay uint64  `json:"delayacct_blkio_ticks"`
	Guest      uint64  `json:"guest_time"`
	CGuest     int64   `json:"cguest_time"`
}

type processorsAnswer struct {
	head
	Data processorStats `json:"data"`
}

// processorStats are the ticks that all processors have spent, see proc(5).
type processorStats struct {
	OK         bool    `json:"ok"`
	SampleTime int64   `json:"sample_time"`
	Percent    decimal `json:"percent"` // a fraction
	User       uint64  `json:"user"`
	Nice       uint64  `json:"nice"`
	Sys        uint64  `json:"sys"`
	Idle       uint64  `json:"idle"`
	IOWait     uint64  `json:"iowait"`
	IRQ        uint64  `json:"irq"`
	SoftIRQ    uint64  `json:"softirq"`
	Steal      uint64  `json:"steal"`
	Guest      uint64  `json:"guest"`
}

type memoryAnswer struct {
	head
	Data memoryStats `json:"data"`
}

// memoryStats is the machine's memory, in kilobytes.
type memoryStats struct {
	OK          bool    `json:"ok"`
	SampleTime  int64   `json:"sample_time"`
	PercentRAM  decimal `json:"percent_ram"` // fractions
	PercentSwap decimal `json:"percent_swap"`
	Active      uint64  `json:"MemActive"`
	InUse       uint64  `json:"RealInUse"`
	NotInUse    uint64  `json:"NotInUse"`
	Total       uint64  `json:"MemTotal"`
	Free        uint64  `json:"MemFree"`
	Buffers     uint64  `json:"Buffers"`
	Cached      uint64  `json:"Cached"`
	SwapTotal   uint64  `json:"SwapTotal"`
	SwapFree    uint64  `json:"SwapFree"`
}

func (a *API) rusages(*call) any {
	return rusagesAnswer{a.head(), takeRusage(time.Now().UnixMilli())}
}

func (a *API) selfStats(*call) any {
	_, load := a.machine.latest()
	out := takeSelf(time.Now().UnixMilli())
	out.Percent, out.Pid = load.self, a.o.Pid
	return selfAnswer{a.head(), out}
}

func (a *API) processorStats(*call) any {
	_, load := a.machine.latest()
	out := takeProcessors(time.Now().UnixMilli())
	out.Percent = load.cpus
	return processorsAnswer{a.head(), out}
}

func (a *API) memoryStats(*call) any {
	m := takeMemory(time.Now().UnixMilli())
	m.NotInUse = m.Free + m.Buffers + m.Cached
	m.InUse = grown(m.Total, m.NotInUse)
	m.Active = grown(m.Total, m.Free)
	m.PercentRAM, m.PercentSwap = share(m.InUse, m.Total), share(grown(m.SwapTotal, m.SwapFree), m.SwapTotal)
	return memoryAnswer{a.head(), m}
}
