package config

import (
	"bytes"
	"fmt"
	"testing"
)

// BenchmarkLoad is what a start and a reload cost: with every directive, as conf/full.conf has
// them, and with 1,000 virtual hosts.
func BenchmarkLoad(b *testing.B) {
	for _, x := range []struct {
		name string
		conf []byte
	}{
		{"full", bytes.Replace(Catalogue(), []byte("is_full on;"), []byte("is_full off;"), 1)},
		{"vhosts-1000", vhosts(1000)},
	} {
		b.Run(x.name, func(b *testing.B) {
			open := func(string) ([]byte, error) { return x.conf, nil }
			b.SetBytes(int64(len(x.conf)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := load(Options{File: "x.conf"}, nil, open); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkVhost looks up the rules of a virtual host, as every batch of frames does.
func BenchmarkVhost(b *testing.B) {
	for _, size := range []int{1, 1000} {
		b.Run(fmt.Sprint("of-", size), func(b *testing.B) {
			c := withVhosts(b, size)
			b.ReportAllocs()
			for n := 0; b.Loop(); n += 7 {
				want := c.Vhosts[n%size]
				if got := c.Vhost(want.Name); got != want {
					b.Fatal(got)
				}
			}
		})
	}
}
