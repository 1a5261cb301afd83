package bench

import (
	"sync"
	"time"
)

// beat is how often the meter looks how late the tool itself wakes.
const beat = 20 * time.Millisecond

// meter watches the tool while it measures: whoever is late himself cannot tell how late others
// are. It is for one goroutine.
type meter struct {
	from, to time.Time
	cpu      time.Duration
	lag      histogram

	stop chan struct{}
	wg   sync.WaitGroup
}

func (m *meter) begin() {
	m.from, m.cpu = time.Now(), cpuTime()
	m.stop = make(chan struct{})
	m.wg.Go(m.run)
}

func (m *meter) end() {
	close(m.stop)
	m.wg.Wait()
	m.to, m.cpu = time.Now(), cpuTime()-m.cpu
}

// span is how long it has measured.
func (m *meter) span() time.Duration { return m.to.Sub(m.from) }

// load returns how many cores the tool has used.
func (m *meter) load() float64 { return m.cpu.Seconds() / max(m.span().Seconds(), 0.001) }

func (m *meter) run() {
	timer := time.NewTimer(beat)
	defer timer.Stop()
	for {
		due := time.Now().Add(beat)
		timer.Reset(beat)
		select {
		case <-timer.C:
			m.lag.add(time.Since(due))
		case <-m.stop:
			return
		}
	}
}
