package config

import (
	"bytes"
	"fmt"
	"testing"
)

// vhosts is a file of n virtual hosts.
func vhosts(n int) []byte {
	b := bytes.NewBufferString("listen 1935;\n")
	for n := range n {
		fmt.Fprintf(b, "vhost v%d.example {\n    play {\n        mw_latency 100;\n        gop_cache off;\n    }\n}\n", n)
	}
	return b.Bytes()
}

func withVhosts(t testing.TB, n int) *Config {
	t.Helper()
	c, err := load(Options{File: "x.conf"}, nil, func(string) ([]byte, error) { return vhosts(n), nil })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestVhostOfMany(t *testing.T) {
	for _, n := range []int{1, fewVhosts, fewVhosts + 1, 100} {
		c := withVhosts(t, n)
		if c.places == nil != (n <= fewVhosts) {
			t.Errorf("%d virtual hosts have an index: %t", n, c.places != nil)
		}
		for _, v := range c.Vhosts {
			if c.Vhost(v.Name) != v {
				t.Errorf("of %d, %s is not found", n, v.Name)
			}
		}
		if c.Vhost("none") != nil {
			t.Error("one that is not there, without a default one, is found")
		}
		other, gone := *c, c.Vhosts[n-1]
		other.Vhosts = append([]*Vhost{{Name: DefaultVhost}}, c.Vhosts[:n-1]...)
		for _, v := range other.Vhosts {
			if other.Vhost(v.Name) != v {
				t.Errorf("of %d others, %s is not found", n, v.Name)
			}
		}
		if got := other.Vhost(gone.Name); got != other.Vhosts[0] {
			t.Errorf("in the place of %s is %+v, not the default", gone.Name, got)
		}
	}
}
