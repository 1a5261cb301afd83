package stream

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestIdlePublisher has the registry end a publisher whom only a recorder reads, though it
// sends nothing itself.
func TestIdlePublisher(t *testing.T) {
	const limit = 20 * time.Second
	synctest.Test(t, func(t *testing.T) {
		rules := cached
		rules.Idle = limit
		g := newRegistry(rules)
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan struct{})
		go func() { defer close(ran); _ = g.Run(ctx) }()
		defer func() { cancel(); <-ran }()
		q := request("s")
		var cause error
		kicked := make(chan struct{})
		q.Kick = func(err error) { cause = err; close(kicked) }
		p := publish(t, g, q)
		p.must(t, "K")
		viewer := request("s")
		viewer.Viewer = true
		r := subscribe(t, g, viewer)
		o := &output{}
		_, release, err := Derive(r.Stream(), "recorder", o.start)
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		time.Sleep(time.Minute)
		select {
		case <-kicked:
			t.Fatal("it is watched, and is ended for", cause)
		default:
		}
		left := time.Now()
		r.Close()
		<-kicked
		if took := time.Since(left); took < limit || took > limit+time.Second {
			t.Errorf("ended after %s", took)
		}
		if !errors.Is(cause, ErrIdle) || !strings.HasSuffix(cause.Error(), ": 20s") {
			t.Errorf("ended for %v", cause)
		}
		publish(t, g, request("s")) // the name is free, though the session has not ended
		if err := p.write("K"); !errors.Is(err, ErrIdle) {
			t.Errorf("the old one's write gives %v", err)
		}
		p.Lost(errCut)
	})
}
