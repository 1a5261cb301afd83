package api

import (
	"fmt"
	"testing"

	"weir/internal/stream"
)

// BenchmarkAnswer asks a server of 10,000 streams, each with somebody who waits for it.
func BenchmarkAnswer(b *testing.B) {
	s := newStudio(b)
	for n := range 10_000 {
		s.subscribe(b, &stream.Request{ID: fmt.Sprintf("z%07d", n), Vhost: stream.DefaultVhost, App: "live", Stream: fmt.Sprint(n)})
	}
	for _, x := range []struct{ name, path string }{
		{"stream", "/api/v1/streams/" + s.id("cam")},
		{"streams-10", "/api/v1/streams/?start=5000"},
		{"client", "/api/v1/clients/z0005000"},
		{"clients-10", "/api/v1/clients/?start=5000"},
		{"vhost", "/api/v1/vhosts/" + s.id(stream.DefaultVhost)},
		{"summaries", "/api/v1/summaries"},
	} {
		b.Run(x.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if w := s.ask("GET", x.path); w.Body.Len() < 100 {
					b.Fatal(w.Body)
				}
			}
		})
	}
}
