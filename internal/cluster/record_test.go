package cluster

import (
	"math"
	"reflect"
	"strings"
	"testing"
)

var nodes = map[string]Node{
	`{"id":"51xq2938","host":"10.0.0.1","rtmp":1935,"http":8080,"api":1985,"load":0.25,"clients":7,"streams":3,"claims":2,"lease":5000}`: {"51xq2938", "10.0.0.1", 1935, 8080, 1985, 0.25, 7, 3, 2, 5000, false},
	`{"id":"a","host":"::1","draining":true,"later":{"x":[1]}}`:                                                                          {ID: "a", Host: "::1", Draining: true},
	`{"id":"a-B_1.c","host":"media.example.com","load":-1,"clients":-5}`:                                                                 {ID: "a-B_1.c", Host: "media.example.com"},
	`{"id":"a","load":1e300}`:                {ID: "a", Load: 1},
	`{"id":"a","claims":-1,"lease":-1}`:      {ID: "a"},
	`{"id":"a","lease":9223372036854775807}`: {ID: "a", Lease: 60000},
}

var noNodes = []string{
	"", "null", "{}", "[]", `{"id":""}`, `{"id":"a b"}`, `{"id":"` + strings.Repeat("a", maxID+1) + `"}`, `{"id":"a","rtmp":65536}`,
	`{"id":"a","api":-1}`, `{"id":"a","rtmp":"1935"}`, `{"id":"a","host":"a/b"}`, `{"id":"a","host":"a b"}`, `{"id":"a","host":"a\r\nb"}`,
	`{"id":"a","host":"` + strings.Repeat("a", maxHost+1) + `"}`, `{"id":"a","load":1e999}`, `{"id":"a"}` + strings.Repeat(" ", maxRecord),
}

var owners = map[string]owner{
	"a 1":                       {"a", 1},
	"51xq2938 1764000000000000": {"51xq2938", 1764000000000000},
	"a 18446744073709551615":    {"a", math.MaxUint64},
}

var noOwners = []string{"", "a", "a ", " 1", "a 1 ", "a x", "a -1", "a b 1", "a 18446744073709551616", strings.Repeat("a", maxID+1) + " 1", "a " + strings.Repeat("0", maxOwner)}

var events = map[string]event{
	"c a 1 __defaultVhost__/live/livestream": {claimed, owner{"a", 1}, "__defaultVhost__/live/livestream"},
	"r a 1 v/a/s p a c e":                    {released, owner{"a", 1}, "v/a/s p a c e"},
	"l a 1  ":                                {lost, owner{"a", 1}, " "},
}

var noEvents = []string{"", "c", "c ", "c a", "c a 1", "c a 1 ", "x a 1 k", "ca 1 k", "c a x k", "c  1 k", "c a 1 " + strings.Repeat("k", maxKey+1)}

func TestRecords(t *testing.T) {
	for text, want := range nodes {
		got, err := ParseNode([]byte(text))
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		record, err := got.record()
		if again, e := ParseNode(record); err != nil || e != nil || again != got {
			t.Errorf("%s: again %+v, %v, %v", text, again, err, e)
		}
		for n := range text {
			if _, err := ParseNode([]byte(text[:n])); err == nil {
				t.Errorf("%s: cut at %d it is a node", text, n)
			}
		}
	}
	for _, text := range noNodes {
		if n, err := ParseNode([]byte(text)); err == nil {
			t.Errorf("%.100s: %+v", text, n)
		}
	}
	for text, want := range owners {
		if got, err := parseOwner(text); err != nil || got != want || got.String() != text {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range noOwners {
		if got, err := parseOwner(text); err == nil {
			t.Errorf("%s: %+v", text, got)
		}
	}
	for text, want := range events {
		if got, err := parseEvent(text); err != nil || !reflect.DeepEqual(got, want) || got.String() != text {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range noEvents {
		if got, err := parseEvent(text); err == nil {
			t.Errorf("%.100s: %+v", text, got)
		}
	}
	if n := (Node{ID: "a", Load: math.NaN()}); n.check() != nil || n.Load != 1 {
		t.Errorf("a load that is no number is %v", n.Load)
	}
	big := Node{ID: strings.Repeat("a", maxID), Host: strings.Repeat("h", maxHost), RTMP: 65535, HTTP: 65535, API: 65535, Load: math.Pi / 4, Clients: math.MaxInt, Streams: math.MaxInt, Claims: math.MaxInt, Lease: math.MaxInt64, Draining: true}
	if record, err := big.record(); err != nil || len(record) > maxRecord {
		t.Errorf("%d bytes: %v", len(record), err)
	}
}

func FuzzRecords(f *testing.F) {
	for text := range nodes {
		f.Add(text)
	}
	for text := range owners {
		f.Add(text)
	}
	for text := range events {
		f.Add(text)
	}
	for _, list := range [][]string{noNodes, noOwners, noEvents} {
		for _, text := range list {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := ParseNode([]byte(text)); err == nil {
			record, err := n.record()
			if again, e := ParseNode(record); err != nil || e != nil || again != n {
				t.Errorf("%q: %+v and %+v, %v, %v", text, n, again, err, e)
			}
		}
		if o, err := parseOwner(text); err == nil {
			if again, err := parseOwner(o.String()); err != nil || again != o {
				t.Errorf("%q: %+v and %+v, %v", text, o, again, err)
			}
		}
		if e, err := parseEvent(text); err == nil {
			if again, err := parseEvent(e.String()); err != nil || again != e {
				t.Errorf("%q: %+v and %+v, %v", text, e, again, err)
			}
		}
	})
}
