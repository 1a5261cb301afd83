//go:build soak

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/internal/protocol/rtmp"
)

// soakTime is how long the soak takes, unless WEIR_SOAK says otherwise.
const soakTime = 10 * time.Minute

// heapSlack is by how much the heap may be larger at the end of a soak than a third into it.
const heapSlack = 8 << 20

// TestSoakChurn has publishers and players come and go, cleanly or not, on a few names, and
// holds that the server's memory stays where it was and that all ends with them.
func TestSoakChurn(t *testing.T) {
	lasts := soakLasts(t)
	f := serve(t, conf{global: "max_connections 2000;"})
	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	var published, played atomic.Uint64
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() { churn(ctx, func() { published.Add(soakPublish(ctx, f, n%4)) }) })
	}
	for n := range 40 {
		all.Go(func() { churn(ctx, func() { played.Add(soakPlay(ctx, f, n%4)) }) })
	}
	early := heapAfter(ctx, lasts/3)
	all.Wait()
	var late uint64
	poll(func() bool { // the server notices in its own time that they have left
		late = heapAfter(context.Background(), 0)
		return late <= early+heapSlack
	})
	t.Logf("%d messages published, %d played, heap %d KiB and %d KiB", published.Load(), played.Load(), early>>10, late>>10)
	if published.Load() == 0 || played.Load() == 0 {
		t.Error("nothing went through")
	}
	if late > early+heapSlack {
		t.Errorf("the heap has grown from %d to %d bytes", early, late)
	}
}

// soakLasts is how long a soak takes.
func soakLasts(t *testing.T) time.Duration {
	t.Helper()
	s := os.Getenv("WEIR_SOAK")
	if s == "" {
		return soakTime
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestSoakReload reloads changing files under load for as long as a soak takes.
func TestSoakReload(t *testing.T) {
	const pause = 500 * time.Millisecond
	reloadLoad(t, int(soakLasts(t)/(2*pause)), pause)
}

// churn does what it is told again and again, with a breath between: the log of a busy name
// would fill the memory that is measured.
func churn(ctx context.Context, do func()) {
	for ctx.Err() == nil {
		do()
		time.Sleep(200 * time.Millisecond)
	}
}

func heapAfter(ctx context.Context, d time.Duration) uint64 {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// soakPublish publishes for up to five seconds and leaves in one of the ways that encoders
// leave. It returns how many messages it has sent; a busy name is none.
func soakPublish(ctx context.Context, f *fixture, stream int) (sent uint64) {
	c, ctx, leave := soakClient(ctx, f, stream)
	if c == nil {
		return 0
	}
	defer leave()
	if c.Publish(ctx) != nil {
		return 0
	}
	go func() { // the server's acks and pings
		for {
			if _, err := c.ReadMessage(); err != nil {
				return
			}
		}
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	body := make([]byte, 4000)
	for n := uint32(0); ; n++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return sent
		}
		body[0], body[1] = 0x27, 1
		if n%50 == 0 {
			body[0] = 0x17
		}
		if c.WriteMessage(rtmp.Message{Kind: 9, Chunk: 6, Stream: c.Stream(), Time: n * 20, Body: body}) != nil {
			return sent
		}
		sent++
	}
}

// soakPlay plays for up to five seconds, and sometimes does not read for a while.
func soakPlay(ctx context.Context, f *fixture, stream int) (got uint64) {
	c, ctx, leave := soakClient(ctx, f, stream)
	if c == nil {
		return 0
	}
	defer leave()
	if c.Play(ctx) != nil {
		return 0
	}
	for ctx.Err() == nil {
		if _, err := c.ReadMessage(); err != nil {
			return got
		}
		got++
		if rand.IntN(200) == 0 {
			time.Sleep(500 * time.Millisecond)
		}
	}
	return got
}

func soakClient(ctx context.Context, f *fixture, stream int) (*rtmp.Client, context.Context, func()) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(100+rand.IntN(5000))*time.Millisecond)
	c, err := rtmp.Dial(ctx, fmt.Sprintf("rtmp://%s/live/soak%d", f.rtmp, stream), rtmp.DialOptions{})
	if err != nil {
		cancel()
		return nil, nil, nil
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	return c, ctx, func() {
		stop()
		cancel()
		_ = c.Close()
	}
}
