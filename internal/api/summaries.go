package api

import (
	"os"
	"strings"
	"time"
)

type summariesAnswer struct {
	head
	Data summariesData `json:"data"`
}

type summariesData struct {
	OK     bool          `json:"ok"`
	NowMS  int64         `json:"now_ms"`
	Self   selfSummary   `json:"self"`
	System systemSummary `json:"system"`
}

// selfSummary is of the process. Percents are fractions here and below; one core in full use
// is 1.
type selfSummary struct {
	Version    string  `json:"version"`
	Pid        int     `json:"pid"`
	Ppid       int     `json:"ppid"`
	Argv       string  `json:"argv"`
	Cwd        string  `json:"cwd"`
	MemKB      uint64  `json:"mem_kbyte"`
	MemPercent decimal `json:"mem_percent"`
	CPUPercent decimal `json:"cpu_percent"`
	Uptime     int64   `json:"srs_uptime"` // seconds
	Weir       string  `json:"weir"`
	Load       string  `json:"load,omitempty"` // of the processors: "normal", "high", "critical", "dying"
}

// systemSummary is of the machine. The net_ counters are of interfaces with public addresses,
// those with an i of the others. One key is misspelt, and scripts read it so.
type systemSummary struct {
	CPUPercent   decimal `json:"cpu_percent"`
	DiskReadKB   int     `json:"disk_read_KBps"`
	DiskWriteKB  int     `json:"disk_write_KBps"`
	DiskBusy     decimal `json:"disk_busy_percent"`
	MemKB        uint64  `json:"mem_ram_kbyte"`
	MemPercent   decimal `json:"mem_ram_percent"`
	SwapKB       uint64  `json:"mem_swap_kbyte"`
	SwapPercent  decimal `json:"mem_swap_percent"`
	CPUs         int     `json:"cpus"`
	CPUsOnline   int     `json:"cpus_online"`
	Uptime       decimal `json:"uptime"`    // seconds
	IdleTime     decimal `json:"ilde_time"` // seconds, of all processors together
	Load1        decimal `json:"load_1m"`
	Load5        decimal `json:"load_5m"`
	Load15       decimal `json:"load_15m"`
	NetSampled   int64   `json:"net_sample_time"` // ms
	NetReceived  uint64  `json:"net_recv_bytes"`
	NetSent      uint64  `json:"net_send_bytes"`
	NetReceivedI uint64  `json:"net_recvi_bytes"`
	NetSentI     uint64  `json:"net_sendi_bytes"`
	Sampled      int64   `json:"srs_sample_time"` // ms
	Received     uint64  `json:"srs_recv_bytes"`
	Sent         uint64  `json:"srs_send_bytes"`
	Conns        int     `json:"conn_sys"`
	ConnsOpen    int     `json:"conn_sys_et"`
	ConnsWaiting int     `json:"conn_sys_tw"`
	ConnsUDP     int     `json:"conn_sys_udp"`
	ConnsOurs    int     `json:"conn_srs"`
}

func (a *API) summaries(*call) any { return summariesAnswer{a.head(), a.summary()} }

// Summaries is what the answer about the machine has as its data.
func (a *API) Summaries() any { return a.summary() }

func (a *API) summary() summariesData {
	now := time.Now()
	m, load := a.machine.latest()
	cwd, _ := os.Getwd() // empty where the folder is gone
	totals := a.o.Registry.Totals()
	conns := totals.Clients
	if a.o.Connections != nil {
		conns = a.o.Connections()
	}
	sampled := int64(0)
	if !m.at.IsZero() {
		sampled = m.at.UnixMilli()
	}
	level := ""
	if a.o.Load != nil {
		level = a.o.Load()
	}
	return summariesData{
		OK: m.ok, NowMS: now.UnixMilli(),
		Self: selfSummary{
			Version: a.o.Version.String(), Weir: a.o.WeirVersion, Load: level,
			Pid: a.o.Pid, Ppid: os.Getppid(), Argv: strings.Join(os.Args, " "), Cwd: cwd,
			MemKB: m.selfKB, MemPercent: share(m.selfKB, m.ramKB), CPUPercent: load.self,
			Uptime: int64(now.Sub(a.o.Started).Seconds()),
		},
		System: systemSummary{
			CPUPercent: load.cpus, DiskBusy: load.disk,
			DiskReadKB: load.readKB, DiskWriteKB: load.writtenKB,
			MemKB: m.ramKB, MemPercent: share(m.ramUsedKB, m.ramKB),
			SwapKB: m.swapKB, SwapPercent: share(m.swapUsedKB, m.swapKB),
			CPUs: m.cpus, CPUsOnline: m.cpusOnline, Uptime: m.uptime, IdleTime: m.idleTime,
			Load1: m.load[0], Load5: m.load[1], Load15: m.load[2],
			NetSampled: sampled, NetReceived: m.public.received, NetSent: m.public.sent,
			NetReceivedI: m.private.received, NetSentI: m.private.sent,
			Sampled: now.UnixMilli(), Received: totals.Usage.Received, Sent: totals.Usage.Sent,
			Conns: m.conns, ConnsOpen: m.connsOpen, ConnsWaiting: m.connsWaiting, ConnsUDP: m.connsUDP,
			ConnsOurs: conns,
		},
	}
}
