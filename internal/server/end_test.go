package server

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// part is a service that ends so long after its context, or at once with an error.
type part struct {
	lasts time.Duration
	err   error
}

func (p part) Run(ctx context.Context) error {
	if p.err != nil {
		return p.err
	}
	<-ctx.Done()
	time.Sleep(p.lasts)
	return nil
}

type namedPart struct {
	part
	name string
}

func (p namedPart) Name() string { return p.name }

// TestStuck has services end in time, late, or because one of them fails.
func TestStuck(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		services []Service
		want     error
		says     string
		after    time.Duration
	}{
		"all in time": {[]Service{part{lasts: time.Second}, part{}}, nil, "", time.Second},
		"just":        {[]Service{part{lasts: stopTime - 1}}, nil, "", stopTime - 1},
		"two hang": {[]Service{namedPart{part{lasts: time.Hour}, "the door"}, part{}, part{lasts: time.Minute}},
			ErrStuck, "server.part, the door", stopTime},
		"one fails":       {[]Service{part{err: broken}, part{}}, broken, "broken", 0},
		"one fails, hang": {[]Service{part{err: broken}, namedPart{part{lasts: time.Hour}, "the door"}}, ErrStuck, "the door", stopTime},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				ctx, cancel := context.WithCancel(t.Context())
				if c.services[0] != (part{err: broken}) {
					cancel()
				}
				start := time.Now()
				err := runAll(ctx, c.services, slog.New(slog.NewTextHandler(&log, nil)))
				took := time.Since(start)
				cancel()
				time.Sleep(2 * time.Hour) // those that were left end too
				if !errors.Is(err, c.want) || err != nil && !strings.Contains(err.Error(), c.says) || took != c.after {
					t.Errorf("%v after %s, want %v with %q after %s", err, took, c.want, c.says, c.after)
				}
				if told := strings.Contains(log.String(), "do not end"); told != errors.Is(c.want, ErrStuck) {
					t.Errorf("the log says %s", &log)
				}
			})
		})
	}
}

// TestPartsNamed holds that a stuck part of the server can be told from the others.
func TestPartsNamed(t *testing.T) {
	r := launch(t, "listen "+free(t)+";\nvhost __defaultVhost__ {\n}\n")
	defer r.stop()
	seen := map[string]bool{}
	for _, s := range r.services() {
		name := nameOf(s)
		if name == "" || seen[name] {
			t.Errorf("two parts are named %q", name)
		}
		seen[name] = true
	}
}
