package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/stream"
)

// TestGolden compares answers with the golden files: keys, their order and types always,
// values too where they are the test's own.
func TestGolden(t *testing.T) {
	shapes := map[string]string{
		"root": "/", "api": "/api/", "v1": "/api/v1/",
		"versions": "/api/v1/versions", "summaries": "/api/v1/summaries",
		"vhosts": "/api/v1/vhosts/", "vhost": "/api/v1/vhosts/{__defaultVhost__}",
		"streams": "/api/v1/streams/", "stream": "/api/v1/streams/{cam}",
		"clients": "/api/v1/clients/", "client": "/api/v1/clients/pub00001",
	}
	values := []string{"versions", "vhosts", "vhost", "streams", "stream", "clients", "client"}
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		ctx, cancel := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() { _ = s.registry.Run(ctx) })
		for range 40 { // seconds; the rates are averages over 30
			time.Sleep(time.Second / 2) // never when the rates are sampled
			s.traffic.in.Received.Add(1_000_000 / 8)
			s.traffic.out.Sent.Add(16_000 / 8)
			time.Sleep(time.Second / 2)
		}
		cancel()
		run.Wait()
		for name, path := range shapes {
			for _, x := range []string{stream.DefaultVhost, "cam"} {
				path = strings.ReplaceAll(path, "{"+x+"}", s.id(x))
			}
			w := s.ask("GET", path)
			if kind := w.Header().Get("Content-Type"); w.Code != 200 || kind != "application/json" {
				t.Errorf("%s: status %d, %s", name, w.Code, kind)
			}
			compare(t, name, s.ids().Replace(w.Body.String()), slices.Contains(values, name))
		}
	})
}

func compare(t *testing.T, name, got string, values bool) {
	t.Helper()
	golden, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	have, want := outline(t, got, values), outline(t, string(golden), values)
	if have != want {
		t.Errorf("%s:\n%s\nwant\n%s", name, have, want)
	}
}

// outline writes a JSON text without its spaces, and without values if they do not matter:
// then only their types are left. The items of lists are sorted, for the registry's order is
// by ids that it makes up.
func outline(t *testing.T, text string, values bool) string {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	out := outlineNext(t, dec, values)
	if _, err := dec.Token(); err != io.EOF {
		t.Fatalf("more than one value: %s", text)
	}
	return out
}

func outlineNext(t *testing.T, dec *json.Decoder, values bool) string {
	t.Helper()
	token, err := dec.Token()
	if err != nil {
		t.Fatal(err)
	}
	switch v := token.(type) {
	case json.Delim:
		var parts []string
		for dec.More() {
			part := ""
			if v == '{' {
				key, err := dec.Token()
				if err != nil {
					t.Fatal(err)
				}
				part = fmt.Sprintf("%v:", key)
			}
			parts = append(parts, part+outlineNext(t, dec, values))
		}
		if _, err := dec.Token(); err != nil {
			t.Fatal(err)
		}
		if v == '[' {
			slices.Sort(parts)
			return "[" + strings.Join(parts, "\n ") + "]"
		}
		return "{" + strings.Join(parts, " ") + "}"
	case json.Number:
		if !values {
			return map[bool]string{true: "decimal", false: "whole"}[strings.Contains(v.String(), ".")]
		}
	}
	if values {
		return fmt.Sprint(token)
	}
	return fmt.Sprintf("%T", token)
}

func TestSummariesTellTheTruth(t *testing.T) {
	s := newStudio(t)
	s.traffic.in.Received.Add(5)
	s.traffic.out.Sent.Add(6)
	var got summariesAnswer
	dec := json.NewDecoder(bytes.NewReader(s.ask("GET", "/api/v1/summaries").Body.Bytes()))
	if err := dec.Decode(&got); err != nil {
		t.Fatal(err)
	}
	self, system := got.Data.Self, got.Data.System
	if self.Uptime != 3600 || self.Pid != 4242 || self.Ppid != os.Getppid() || self.Weir != "0.1" || self.MemKB < 1000 {
		t.Errorf("self = %+v", self)
	}
	if system.Received != 5 || system.Sent != 6 || system.ConnsOurs != 3 || system.CPUs < system.CPUsOnline || system.CPUsOnline < 1 {
		t.Errorf("system = %+v", system)
	}
	if off := time.Since(time.UnixMilli(got.Data.NowMS)); off < 0 || off > time.Minute {
		t.Errorf("now is %v off", off)
	}
}
