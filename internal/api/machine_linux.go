package api

import (
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// takeSample asks the kernel.
func takeSample(disks []string) sample {
	p := proc{os.DirFS("/")}
	s := p.sample(disks, publicInterface)
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		s.ok = false
	}
	s.cpu = time.Duration(used.Utime.Nano() + used.Stime.Nano())
	return s
}

// proc reads the kernel's files, see proc(5). Root is "/" but in tests. A file that is not
// there, or has another form, gives zeros.
type proc struct {
	root fs.FS
}

func (p proc) sample(disks []string, public func(string) bool) sample {
	s := sample{at: time.Now()}
	s.selfKB = p.resident()
	p.memory(&s)
	p.processors(&s)
	p.disks(&s, disks)
	p.interfaces(&s, public)
	p.sockets(&s)
	s.ok = s.ticks > 0 && s.ramKB > 0
	return s
}

// lines gives a file's lines as words.
func (p proc) lines(name string) [][]string {
	text, err := fs.ReadFile(p.root, name)
	if err != nil {
		return nil
	}
	var lines [][]string
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 0 {
			lines = append(lines, words)
		}
	}
	return lines
}

// table gives the lines of a file by their first word without its colon; of several with the
// same, the last.
func (p proc) table(name string) map[string][]string {
	table := map[string][]string{}
	for _, words := range p.lines(name) {
		table[strings.TrimSuffix(words[0], ":")] = words[1:]
	}
	return table
}

// count reads the word at i as a number.
func count(words []string, i int) uint64 {
	if i >= len(words) {
		return 0
	}
	n, _ := strconv.ParseUint(words[i], 10, 64) // zero if it is none
	return n
}

// after reads the word behind a given one as a number.
func after(words []string, name string) int {
	i := slices.Index(words, name)
	if i < 0 {
		return 0
	}
	return int(count(words, i+1))
}

// amount reads the word at i of the file's first line as a number with a fraction.
func amount(lines [][]string, i int) decimal {
	if len(lines) == 0 || i >= len(lines[0]) {
		return 0
	}
	f, _ := strconv.ParseFloat(lines[0][i], 64) // zero if it is none
	return decimal(f)
}

func (p proc) resident() uint64 {
	pages := p.lines("proc/self/statm")
	if len(pages) == 0 {
		return 0
	}
	return count(pages[0], 1) * uint64(os.Getpagesize()) / 1024
}

// memory counts as used what is neither free nor a cache.
func (p proc) memory(s *sample) {
	info := p.table("proc/meminfo")
	kb := func(name string) uint64 { return count(info[name], 0) }
	s.ramKB, s.swapKB = kb("MemTotal"), kb("SwapTotal")
	s.ramUsedKB = grown(s.ramKB, kb("MemFree")+kb("Buffers")+kb("Cached"))
	s.swapUsedKB = grown(s.swapKB, kb("SwapFree"))
}

// The words of /proc/stat's first line, after "cpu": user nice system idle iowait irq softirq
// steal. What follows is counted among them already.
func (p proc) processors(s *sample) {
	const idle, iowait, all = 3, 4, 8
	for name, words := range p.table("proc/stat") {
		switch {
		case name == "cpu":
			for i := range min(all, len(words)) {
				s.ticks += count(words, i)
			}
			s.busy = grown(s.ticks, count(words, idle)+count(words, iowait))
		case strings.HasPrefix(name, "cpu"):
			s.cpusOnline++
		}
	}
	folders, _ := fs.Glob(p.root, "sys/devices/system/cpu/cpu[0-9]*") // the pattern is good
	s.cpus = max(len(folders), s.cpusOnline)
	up, load := p.lines("proc/uptime"), p.lines("proc/loadavg")
	s.uptime, s.idleTime = amount(up, 0), amount(up, 1)
	for i := range s.load {
		s.load[i] = amount(load, i)
	}
}

// disks reads the traffic of all disks, and how long those named were busy: by default the
// real ones, as opposed to partitions and loops.
func (p proc) disks(s *sample, names []string) {
	pages := p.table("proc/vmstat")
	s.readKB, s.writtenKB = count(pages["pgpgin"], 0), count(pages["pgpgout"], 0)
	const name, busy = 2, 12 // of the words; busy is in ms
	s.diskBusy = map[string]time.Duration{}
	for _, words := range p.lines("proc/diskstats") {
		if len(words) <= busy {
			continue
		}
		wanted := slices.Contains(names, words[name])
		if len(names) == 0 {
			_, err := fs.Stat(p.root, "sys/block/"+words[name]+"/device")
			wanted = err == nil
		}
		if wanted {
			s.diskBusy[words[name]] = time.Duration(count(words, busy)) * time.Millisecond
		}
	}
}

func (p proc) interfaces(s *sample, public func(string) bool) {
	text, err := fs.ReadFile(p.root, "proc/net/dev")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(text)) {
		name, counters, ok := strings.Cut(line, ":")
		if !ok {
			continue // a heading
		}
		side := &s.private
		if public(strings.TrimSpace(name)) {
			side = &s.public
		}
		words := strings.Fields(counters)
		side.received += count(words, 0)
		side.sent += count(words, 8)
	}
}

// sockets reads sums only: the kernel's lists of sockets grow long.
func (p proc) sockets(s *sample) {
	four, six := p.table("proc/net/sockstat"), p.table("proc/net/sockstat6")
	s.connsWaiting = after(four["TCP"], "tw")
	s.conns = after(four["TCP"], "inuse") + after(six["TCP6"], "inuse") + s.connsWaiting
	s.connsUDP = after(four["UDP"], "inuse") + after(six["UDP6"], "inuse")
	var names []string // a line of names goes before each line of values
	for _, words := range p.lines("proc/net/snmp") {
		if words[0] != "Tcp:" {
			continue
		}
		if i := slices.Index(names, "CurrEstab"); i >= 0 {
			s.connsOpen = int(count(words, i))
		}
		names = words
	}
}

// publicInterface reports whether an interface has an address that the world can reach.
func publicInterface(name string) bool {
	face, err := net.InterfaceByName(name)
	if err != nil {
		return false
	}
	addrs, err := face.Addrs()
	if err != nil {
		return false
	}
	return slices.ContainsFunc(addrs, func(a net.Addr) bool {
		prefix, err := netip.ParsePrefix(a.String())
		ip := prefix.Addr()
		return err == nil && ip.IsGlobalUnicast() && !ip.IsPrivate()
	})
}
