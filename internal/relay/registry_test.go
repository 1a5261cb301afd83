package relay

import (
	"log/slog"
	"testing"
	"time"

	"weir/internal/cluster"
	"weir/internal/stream"
)

// TestLost has two publishers want a stream at once, of whom one is refused in the end: the other is told that the place is lost.
func TestLost(t *testing.T) {
	v := New(Options{Log: slog.New(slog.DiscardHandler)})
	d, err := cluster.New(cluster.Options{
		Registry: "redis://127.0.0.1:1/0", Lease: time.Second, Log: v.o.Log, // nobody is there: all claims are granted
		Self: func() cluster.Node { return cluster.Node{ID: "a", Host: "127.0.0.1", RTMP: 1935} },
	})
	if err != nil {
		t.Fatal(err)
	}
	r := &stream.Request{Vhost: "v", App: "live", Stream: "s"}
	var both [2]*held
	for i := range both {
		c, err := d.Claim(t.Context(), keyOf(r))
		if err != nil {
			t.Fatal(err)
		}
		both[i] = v.hold(d, c, r)
	}
	both[1].Close()
	if d.Claims() != 1 {
		t.Errorf("%d claims are left", d.Claims())
	}
	v.lost(keyOf(r), cluster.Node{ID: "b"})
	select {
	case to := <-both[0].taken:
		if to.ID != "b" {
			t.Errorf("the place is said to be lost to %q", to.ID)
		}
	default:
		t.Error("who publishes is not told")
	}
	both[0].Close()
	if len(v.held) != 0 || d.Claims() != 0 {
		t.Errorf("%d places and %d claims are left", len(v.held), d.Claims())
	}
}
