//go:build unix

package hls

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"weir/internal/testkit/studio"
	"weir/internal/web"
)

const (
	blockedClients = 500
	partFrames     = 5  // at 25 a second, of parts of 200 ms
	groupParts     = 10 // of segments of 2 s
)

// BenchmarkBlocked is 500 players of low latency, all of which wait for the next part of a stream of 2 Mbit/s. One
// operation is one part. What is told is how long after the frame by which it is complete they have the playlist.
func BenchmarkBlocked(b *testing.B) {
	r := newRig(b, "hls_fragment 2; hls_window 20; hls_low_latency on; hls_part 0.2; hls_serve_from memory;")
	r.start()
	defer r.Stop()
	site := web.New(web.Options{Config: r.Config.Load, Routes: []web.Route{r.server.Route}})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := web.HTTPServer(site, r.server.o.Log)
	go func() { _ = server.Serve(ln) }() // ends with Close
	defer server.Close()

	e := r.Publish("live", "a")
	var mu sync.Mutex
	written := map[int]time.Time{} // when each picture was, by its number
	ctx, stop := context.WithCancel(b.Context())
	var work sync.WaitGroup
	defer work.Wait()
	defer stop()
	work.Go(func() {
		key := studio.Picture(true, 40000, 0)
		delta := studio.Picture(false, 9200, 0)
		for n, start := 0, time.Now(); ctx.Err() == nil; n++ {
			time.Sleep(time.Until(start.Add(time.Duration(n) * 40 * time.Millisecond)))
			data := delta
			if n%(partFrames*groupParts) == 0 {
				data = key
			}
			mu.Lock()
			written[n] = time.Now()
			mu.Unlock()
			e.Write(0, int64(n)*40, n%(partFrames*groupParts) == 0, data)
			e.Write(1, int64(n)*40, true, make([]byte, 370))
		}
	})
	time.Sleep(5 * time.Second) // two segments

	delays := make(chan time.Duration, blockedClients)
	clients := make([]*waiter, blockedClients)
	for i := range clients {
		clients[i] = dialWaiter(b, ln.Addr().String())
		defer clients[i].conn.Close()
	}
	mu.Lock()
	next := len(written)/partFrames + 3 // counted from the first part
	mu.Unlock()
	var all []time.Duration
	before, n := studio.CPU(), 0
	for b.Loop() {
		for _, c := range clients {
			go func() {
				c.get(b, fmt.Sprintf("/live/a.m3u8?hls_ctx=%s&_HLS_msn=%d&_HLS_part=%d", c.id, next/groupParts, next%groupParts))
				at := time.Now()
				mu.Lock()
				complete := written[(next+1)*partFrames]
				mu.Unlock()
				delays <- at.Sub(complete)
			}()
		}
		for range clients {
			all = append(all, <-delays)
		}
		next++
		n++
	}
	slices.Sort(all)
	if len(all) > 0 {
		ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
		b.ReportMetric(ms(all[len(all)/2]), "p50-ms")
		b.ReportMetric(ms(all[len(all)*99/100]), "p99-ms")
		b.ReportMetric(float64(studio.CPU()-before)/float64(n)/blockedClients/float64(time.Microsecond), "cpu-us/wake")
	}
	_ = e.Publisher.Close()
}

// waiter is a player's connection.
type waiter struct {
	conn net.Conn
	in   *bufio.Reader
	id   string
	body [32 << 10]byte
}

func dialWaiter(b *testing.B, addr string) *waiter {
	b.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	c := &waiter{conn: conn, in: bufio.NewReaderSize(conn, 16<<10)}
	found := idIn.FindSubmatch(c.get(b, "/live/a.m3u8"))
	if found == nil {
		b.Fatal("no session")
	}
	c.id = string(found[1])
	return c
}

// get reads as little as it must: what it costs is in the figures too.
func (c *waiter) get(b *testing.B, path string) []byte {
	if _, err := io.WriteString(c.conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		b.Error(err)
		return nil
	}
	size := -1
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			b.Error(err)
			return nil
		}
		if len(line) <= 2 {
			break
		}
		if size < 0 && !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")) {
			b.Errorf("%s: %s", path, line)
		}
		size = max(size, 0)
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			size, _ = strconv.Atoi(string(bytes.TrimSpace(value))) // zero is seen below
		}
	}
	body := c.body[:min(size, len(c.body))]
	if _, err := io.ReadFull(c.in, body); err != nil || size == 0 || size > len(c.body) {
		b.Errorf("%d bytes: %v", size, err)
	}
	return body
}
