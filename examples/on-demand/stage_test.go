package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// theatre is a stage whose publishers and server are the test's.
type theatre struct {
	*stage
	mu      sync.Mutex
	began   []time.Time // of publishers
	now     int         // publishers at work
	token   string      // of the newest
	die     chan error  // ends a publisher
	waiting bool        // what the server says
}

func open(t *testing.T, o stageOptions) *theatre {
	t.Helper()
	h := &theatre{die: make(chan error), waiting: true}
	o.catalogue = catalogue{{"live/*", "test"}}
	if o.most == 0 {
		o.most = 10
	}
	o.linger = 5 * time.Second
	o.waiting = func(context.Context, string) bool { return h.waiting }
	o.publish = func(ctx context.Context, address, _ string) error {
		h.mu.Lock()
		h.began, h.now = append(h.began, time.Now()), h.now+1
		_, h.token, _ = strings.Cut(address, "token=")
		h.mu.Unlock()
		defer func() { h.mu.Lock(); h.now--; h.mu.Unlock() }()
		select {
		case <-ctx.Done():
			time.Sleep(time.Second) // it takes leave
			return nil
		case err := <-h.die:
			return err
		}
	}
	h.stage = newStage(context.Background(), o)
	t.Cleanup(h.close)
	return h
}

// counts returns how many publishers have begun, and how many are at work.
func (h *theatre) counts() (began, now int) {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.began), h.now
}

func (h *theatre) want(t *testing.T, when string, began, now int) {
	t.Helper()
	if b, n := h.counts(); b != began || n != now {
		t.Errorf("%s: %d publishers have begun and %d work; want %d, %d", when, b, n, began, now)
	}
}

func on(stream, client string) *event {
	return &event{ClientID: client, Vhost: "__defaultVhost__", StreamURL: "/live/" + stream, StreamID: "vid-" + stream}
}

func TestViewersShareAPublisher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, stageOptions{})
		var race sync.WaitGroup
		for n := range 20 {
			race.Go(func() {
				if err := h.arrive(on("a", fmt.Sprint(n))); err != nil {
					t.Error(err)
				}
			})
		}
		race.Wait()
		h.want(t, "20 have come", 1, 1)
		if err := h.arrive(on("b", "0")); err != nil {
			t.Error(err)
		}
		h.want(t, "one has come to another stream", 2, 2)
		for n := range 20 {
			h.leave(on("a", fmt.Sprint(n)))
			h.leave(on("a", fmt.Sprint(n)))
		}
		time.Sleep(4 * time.Second)
		h.want(t, "it lingers", 2, 2)
		time.Sleep(3 * time.Second)
		h.want(t, "it has ended", 2, 1)
	})
}

func TestViewerComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, stageOptions{})
		_ = h.arrive(on("a", "1"))
		h.leave(on("a", "1"))
		time.Sleep(4 * time.Second)
		_ = h.arrive(on("a", "2"))
		time.Sleep(time.Minute)
		h.want(t, "somebody came while it lingered", 1, 1)
		h.leave(on("a", "2"))
		time.Sleep(5*time.Second + time.Millisecond)
		_ = h.arrive(on("a", "3"))
		time.Sleep(time.Second)
		h.want(t, "somebody came while it took leave", 2, 1)
	})
}

func TestDeadPublisherIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, stageOptions{})
		_ = h.arrive(on("a", "1"))
		for range 8 {
			h.die <- errors.New("the source is broken")
			time.Sleep(31 * time.Second)
		}
		h.want(t, "somebody waits", 9, 1)
		for n, want := range []int{1, 2, 4, 8, 16, 30, 30, 30} {
			if d := h.began[n+1].Sub(h.began[n]).Round(time.Second); n == 0 && d != time.Second || d < time.Duration(want)*time.Second {
				t.Errorf("publisher %d began %s after the one before, want %d s and more", n+1, d, want)
			}
		}
		h.waiting = false
		h.die <- errors.New("nobody has been watching")
		time.Sleep(time.Minute)
		h.want(t, "the server knows no viewer", 9, 0)
		h.waiting = true
		_ = h.arrive(on("a", "2"))
		h.want(t, "a new viewer", 10, 1)
	})
}

func TestStageIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, stageOptions{most: 2})
		if err := errors.Join(h.arrive(on("a", "1")), h.arrive(on("b", "1")), h.arrive(on("a", "2"))); err != nil {
			t.Error(err)
		}
		if err := h.arrive(on("c", "1")); err == nil {
			t.Error("there are three publishers, and at most 2 are allowed")
		}
		elsewhere := on("a", "1")
		elsewhere.StreamURL = "/other/a"
		if err := h.arrive(elsewhere); err != nil {
			t.Errorf("a stream that is not ours: %v", err)
		}
		h.want(t, "two streams", 2, 2)
	})
}

func TestOnlyOurPublishersAreLetIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, stageOptions{})
		e := on("a", "9")
		if err := h.admit(e); err == nil {
			t.Error("a stranger may publish what nobody watches")
		}
		_ = h.arrive(on("a", "1"))
		h.counts()
		e.Param = "?x=y&token=" + h.token
		if err := h.admit(e); err != nil {
			t.Errorf("our publisher: %v", err)
		}
		for _, param := range []string{"", "?token=", "?token=x", "?Token=" + h.token, "token"} {
			if e.Param = param; h.admit(e) == nil {
				t.Errorf("a stranger with %q may publish", param)
			}
		}
		e.StreamURL = "/other/a"
		if err := h.admit(e); err != nil {
			t.Errorf("a stream that is not ours: %v", err)
		}
	})
}
