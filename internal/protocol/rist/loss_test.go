package rist

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"weir/internal/testkit/relay"
)

// flight is something on its way, in a network without sockets.
type flight struct {
	due  time.Duration
	seq  uint16
	wire []byte // nil: a request
}

// network is two values with a lossy way in between, in a time of its own.
type network struct {
	rtt     time.Duration
	loss    float64
	luck    *rand.Rand
	history history
	buffer  *reorder
	way     []flight
	fits    map[fit]int
	got     []int
	lost    int
}

func (w *network) send(now time.Duration, f flight) {
	if w.luck.Float64() >= w.loss {
		f.due = now + w.rtt/2
		w.way = append(w.way, f)
	}
}

// step is one millisecond.
func (w *network) step(now time.Duration) {
	for len(w.way) > 0 && w.way[0].due <= now {
		f := w.way[0]
		w.way = w.way[1:]
		if f.wire != nil {
			w.fits[w.buffer.push(now, f.seq, f.wire[0] == 1, f.wire[1:])]++
		} else if wire, ok := w.history.again(now, w.rtt, f.seq, nil); ok && len(wire) > 0 {
			w.send(now, flight{seq: f.seq, wire: append([]byte{1}, wire...)})
		}
	}
	for _, seq := range w.buffer.ask(now, w.buffer.patience(w.rtt)) {
		w.send(now, flight{seq: seq})
	}
	got, lost := w.buffer.out(now)
	w.got, w.lost = append(w.got, got...), w.lost+lost
}

// A long time with much loss, where all is asked for and sent again until it has come. Numbers go around twice.
func TestRepairInItsOwnTime(t *testing.T) {
	const n = 150_000
	for name, w := range map[string]network{
		"5 %":          {loss: .05, rtt: 40 * time.Millisecond},
		"10 %":         {loss: .10, rtt: 40 * time.Millisecond},
		"20 %, near":   {loss: .20, rtt: 2 * time.Millisecond},
		"10 %, abroad": {loss: .10, rtt: 150 * time.Millisecond},
	} {
		w.luck = rand.New(rand.NewPCG(1, 2))
		w.history.length, w.buffer, w.fits = length, newReorder(wait, length), map[fit]int{}
		for i := range n {
			now := time.Duration(i) * time.Millisecond
			wire := ts(i)[:cell]
			w.history.put(now, int64(i), wire)
			w.send(now, flight{seq: uint16(i), wire: append([]byte{0}, wire...)})
			w.step(now)
		}
		for i := range 3000 {
			w.step((n + time.Duration(i)) * time.Millisecond)
		}
		first, whole := w.got[0], w.got[len(w.got)-1]-w.got[0]+1
		if first > 5 || whole < n-10 || len(w.got)+w.lost != whole || !slices.IsSorted(w.got) {
			t.Errorf("%s: %d came from %d on, %d lost, of %d", name, len(w.got), first, w.lost, n)
		}
		// Abroad there is time for five requests.
		if most := map[bool]int{true: 0, false: n / 15000}[w.rtt < 100*time.Millisecond]; w.lost > most {
			t.Errorf("%s: %d lost", name, w.lost)
		}
		t.Logf("%s: %d lost, %v", name, w.lost, w.fits)
	}
}

// weather is loss both ways, and what else networks do.
func weather(loss float64) relay.Weather {
	return relay.Weather{Loss: loss, Delay: 15 * time.Millisecond, Jitter: 5 * time.Millisecond, Reorder: .01, Duplicate: .01, Seed: 11}
}

// feed writes numbered packets at about rate a second, until stop or after n; n < 0 is no end.
func feed(t testing.TB, n, rate int, stop <-chan struct{}, write func([]byte) error) (sent int) {
	began := time.Now()
	for i := 0; i != n; i++ {
		if ahead := time.Duration(i)*time.Second/time.Duration(rate) - time.Since(began); ahead > 2*time.Millisecond {
			time.Sleep(ahead)
		}
		select {
		case <-stop:
			return i
		default:
		}
		if err := write(ts(i)); err != nil {
			t.Error(err)
			return i
		}
	}
	return n
}

// whole fails the test unless got is all numbers from its first on, which is at most late, to n.
func whole(t testing.TB, got []int, late, n int) {
	t.Helper()
	if len(got) == 0 || got[0] > late {
		t.Fatalf("%d packets came, from %v on", len(got), got[:min(1, len(got))])
	}
	for i, number := range got {
		if number >= n {
			return
		}
		if number != got[0]+i {
			t.Fatalf("the %dth from %d on is %d", i, got[0], number)
		}
	}
	if last := got[len(got)-1]; last < n-1 {
		t.Fatalf("%d is the last of %d", last, n)
	}
}

// Over a lossy network, in both directions and for RTP and RTCP alike, all comes.
func TestRepair(t *testing.T) {
	const n, rate = 4000, 2000 // 21 Mbps
	for _, loss := range []float64{.05, .10} {
		for kind, name := range map[NACK]string{NACKRange: "range", NACKBitmask: "bitmask"} {
			t.Run(fmt.Sprintf("%v/%s", loss, name), func(t *testing.T) {
				t.Parallel()
				r := listenOn(t, Options{NACK: kind})
				d := readAll(t, r)
				even, _ := relay.NewPair(t, r.Addr().String(), weather(loss), weather(loss))
				s := dialTo(t, even.Addr(), Options{})
				feed(t, n+100, rate, nil, s.WritePacket) // the last may be lost where nobody knows
				eventually(t, func() error {
					if got := d.numbers(); len(got) == 0 || got[len(got)-1] < n {
						return errors.New("too few packets came")
					}
					return nil
				})
				whole(t, d.numbers(), 20, n)
				got, sent := r.Stats(), s.Stats()
				if got.Lost != 0 || got.Recovered < uint64(n*loss*.7) || got.RTT < 30*time.Millisecond || got.RTT > time.Second {
					t.Errorf("%+v", got)
				}
				t.Logf("receiver %+v", got)
				t.Logf("sender %+v", sent)
			})
		}
	}
}

// A network that fails for a while is mended if that was shorter than the buffer; what is lost otherwise is told of.
func TestOutage(t *testing.T) {
	const rate = 1000
	for name, c := range map[string]struct {
		outage time.Duration
		mends  bool
	}{"short": {400 * time.Millisecond, true}, "long": {1500 * time.Millisecond, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := listenOn(t, Options{})
			d := readAll(t, r)
			even, odd := relay.NewPair(t, r.Addr().String(), relay.Weather{}, relay.Weather{})
			s := dialTo(t, even.Addr(), Options{})
			stop := make(chan struct{})
			var feeding sync.WaitGroup
			feeding.Go(func() { feed(t, -1, rate, stop, s.WritePacket) })
			defer feeding.Wait()
			defer close(stop)
			set := func(w relay.Weather) {
				even.Set(w, w)
				odd.Set(w, w)
			}
			d.wait(t, rate/2)
			set(relay.Weather{Loss: 1})
			time.Sleep(c.outage)
			set(relay.Weather{})
			const after = 3 * rate
			eventually(t, func() error {
				if got := d.numbers(); got[len(got)-1] < after {
					return errors.New("nothing comes any more")
				}
				return nil
			})
			d.mu.Lock()
			defer d.mu.Unlock()
			lost := 0
			for i, p := range d.packets {
				if lost += p.Lost; numberIn(p.Data) != numberIn(d.packets[0].Data)+i+lost {
					t.Fatalf("the %dth is %d, with %d lost", i, numberIn(p.Data), lost)
				}
			}
			if st := r.Stats(); (lost == 0) != c.mends || st.Lost != uint64(lost) || st.Recovered < rate/5 || st.Restarts != 0 {
				t.Errorf("%d lost, %+v", lost, st)
			}
		})
	}
}
