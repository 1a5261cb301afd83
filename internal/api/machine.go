package api

import (
	"context"
	"sync"
	"time"
)

// machineEvery is how often the load is sampled, and over how long it is an average.
const machineEvery = 3 * time.Second

// machine watches the load of this process and of the machine it runs on.
type machine struct {
	// Set at construction.
	disks    func() []string
	measures func() bool

	mu   sync.Mutex
	last sample
	load load
}

// sample is what the system tells at one moment. What it does not tell is zero.
type sample struct {
	at time.Time
	ok bool

	cpu    time.Duration // that the process has used
	selfKB uint64        // that the process has in memory

	busy, ticks       uint64 // of all processors, since the start
	readKB, writtenKB uint64
	diskBusy          map[string]time.Duration

	ramKB, ramUsedKB   uint64
	swapKB, swapUsedKB uint64
	cpus, cpusOnline   int
	uptime, idleTime   decimal // seconds
	load               [3]decimal

	public, private                          traffic
	conns, connsOpen, connsWaiting, connsUDP int
}

// traffic is bytes through network interfaces.
type traffic struct{ received, sent uint64 }

// load is what two samples tell together.
type load struct {
	self, cpus, disk  decimal // fractions
	readKB, writtenKB int     // a second
}

// newMachine takes the first sample, so that all but the rates are known at once.
func newMachine(disks func() []string, measures func() bool) *machine {
	if disks == nil {
		disks = func() []string { return nil }
	}
	if measures == nil {
		measures = func() bool { return true }
	}
	m := &machine{disks: disks, measures: measures}
	if measures() {
		m.last = takeSample(disks())
	}
	return m
}

func (m *machine) run(ctx context.Context) error {
	tick := time.NewTicker(machineEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			m.look()
		case <-ctx.Done():
			return nil
		}
	}
}

// look takes a sample. Where nothing is measured, nothing is known.
func (m *machine) look() {
	if m.measures() {
		m.add(takeSample(m.disks()))
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last, m.load = sample{}, load{}
}

func (m *machine) add(s sample) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.load = s.since(m.last)
	m.last = s
}

func (m *machine) latest() (sample, load) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last, m.load
}

// since tells the load between two samples. The disk's is the busiest one's.
func (s sample) since(before sample) load {
	passed := s.at.Sub(before.at)
	if passed <= 0 || before.at.IsZero() {
		return load{}
	}
	l := load{
		self:      decimal(max(0, s.cpu-before.cpu).Seconds() / passed.Seconds()),
		cpus:      share(grown(s.busy, before.busy), grown(s.ticks, before.ticks)),
		readKB:    int(float64(grown(s.readKB, before.readKB)) / passed.Seconds()),
		writtenKB: int(float64(grown(s.writtenKB, before.writtenKB)) / passed.Seconds()),
	}
	for name, busy := range s.diskBusy {
		if was, ok := before.diskBusy[name]; ok {
			l.disk = max(l.disk, min(1, decimal((busy-was).Seconds()/passed.Seconds())))
		}
	}
	return l
}

// grown is how much a counter has grown; one that was reset has not.
func grown(now, before uint64) uint64 {
	return max(now, before) - before
}

// share is part of whole as a fraction of at most 1; of nothing it is none.
func share(part, whole uint64) decimal {
	if whole == 0 {
		return 0
	}
	return decimal(min(1, float64(part)/float64(whole)))
}
