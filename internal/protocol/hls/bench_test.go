//go:build unix

package hls

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/internal/config"
	"weir/internal/media"
	"weir/internal/shelf"
	"weir/internal/stream"
	"weir/internal/testkit/studio"
)

// packing returns a packager that nobody feeds yet, and its rig, which has not been started.
func packing(b *testing.B, hls string) *tsPackager {
	r := newRig(b, hls)
	c := r.Config.Load()
	s := New(Options{Config: func() *config.Config { return c }})
	p := &tsPackager{packager: packager{server: s, name: shelf.Name{Vhost: stream.DefaultVhost, App: "live", Stream: "a"}, cut: true}}
	p.look()
	p.output = s.output(p.name, p.vhost, 0, false)
	return p
}

// BenchmarkSecond is a second of 2 Mbit/s, made into segments of 2 s.
func BenchmarkSecond(b *testing.B) {
	for _, from := range []string{"memory", "disk", "disk, encrypted"} {
		b.Run(from, func(b *testing.B) {
			hls := "hls_fragment 2; hls_window 12; hls_serve_from " + strings.TrimSuffix(from, ", encrypted") + ";"
			if from == "disk, encrypted" {
				hls += "hls_keys on;"
			}
			p := packing(b, hls)
			studio.Seconds(b, studio.Picture(true, 40000, 0), studio.Picture(false, 7800, 0), p.frame)
			p.finish()
		})
	}
}

// BenchmarkClients is 1,000 connections that stay, each of which fetches its playlist and a
// segment. One operation is both of one client.
func BenchmarkClients(b *testing.B) {
	for _, from := range []string{"memory", "disk"} {
		b.Run(from, func(b *testing.B) {
			r := newRig(b, "hls_fragment 2; hls_window 12; hls_serve_from "+from+";")
			r.start()
			defer r.Stop()
			o := packedOutput(b, r)
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			web := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				h := r.server.Route(q)
				if h == nil {
					h = http.NotFoundHandler()
				}
				h.ServeHTTP(w, q)
			})}
			go func() { _ = web.Serve(ln) }() // ends with Close
			defer web.Close()
			clients := make([]*client, 1000)
			for i := range clients {
				clients[i] = dialClient(b, ln.Addr().String(), o.list[0].path)
				defer clients[i].conn.Close()
			}
			before, n := studio.CPU(), 0
			for b.Loop() {
				var work sync.WaitGroup
				for part := range 4 {
					work.Go(func() {
						for i := part; i < len(clients); i += 4 {
							clients[i].poll(b)
						}
					})
				}
				work.Wait()
				n += len(clients)
			}
			b.ReportMetric(float64(studio.CPU()-before)/float64(n)/float64(time.Microsecond), "cpu-us/client")
		})
	}
}

// packedOutput has a stream of segments of 500 kB.
func packedOutput(b *testing.B, r *rig) *output {
	v := r.Config.Load().Vhosts[0]
	r.server.o.OnSegment = nil // there is no publisher to tell of
	p := &tsPackager{packager: packager{server: r.server, name: shelf.Name{Vhost: v.Name, App: "live", Stream: "a"}}}
	p.look()
	p.output = r.server.output(p.name, p.vhost, 0, false)
	l := &media.Layout{Tracks: []*media.Track{studio.Pictures()}}
	for n := range int64(500) {
		f := media.NewFrame(nil, studio.Picture(true, 10000, 0))
		f.Layout, f.Key, f.DTS, f.PTS = l, n%50 == 0, n*4e7, n*4e7
		p.frame(f)
	}
	if p, _ := p.output.look(); p == nil {
		b.Fatal("no playlist")
	}
	return p.output
}

type client struct {
	conn              net.Conn
	in                *bufio.Reader
	playlist, segment string
}

func dialClient(b *testing.B, addr, segment string) *client {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	c := &client{conn: conn, in: bufio.NewReader(conn)}
	id := idIn.FindSubmatch(c.get(b, "/live/a.m3u8"))
	if id == nil {
		b.Fatal("no session")
	}
	c.playlist = "/live/a.m3u8?hls_ctx=" + string(id[1])
	c.segment = segment + "?hls_ctx=" + string(id[1])
	return c
}

func (c *client) get(b *testing.B, path string) []byte {
	if _, err := fmt.Fprintf(c.conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path); err != nil {
		b.Fatal(err)
	}
	a, err := http.ReadResponse(c.in, nil)
	if err != nil || a.StatusCode != http.StatusOK {
		b.Fatal(a, err)
	}
	body, err := io.ReadAll(a.Body)
	if err != nil {
		b.Fatal(err)
	}
	return body
}

func (c *client) poll(b *testing.B) {
	if n := len(c.get(b, c.playlist)); n < 200 {
		b.Errorf("playlist of %d bytes", n)
	}
	if n := len(c.get(b, c.segment)); n < 400_000 {
		b.Errorf("segment of %d bytes", n)
	}
}
