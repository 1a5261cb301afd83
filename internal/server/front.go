package server

import (
	"context"
	"errors"
	"net"
	"sync"

	"weir/internal/listen"
)

// front is a set of listening sockets that may change while the server runs: connections live
// on when the socket they came through is closed.
type front struct {
	// Set at construction.
	options listen.Options
	handle  listen.Handler

	running sync.WaitGroup // of what Serve runs

	mu   sync.Mutex // guards all below
	ctx  context.Context
	open map[string]*listen.Listener // by address as configured
	done bool                        // no new sockets
}

func newFront(o listen.Options, handle listen.Handler) *front {
	return &front{options: o, handle: handle, open: map[string]*listen.Listener{}}
}

// apply opens and closes sockets until those of addrs are open. Sockets that stay are not
// touched. With an error nothing has changed.
func (f *front) apply(addrs []string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	want := map[string]bool{}
	var fresh []string
	for _, a := range addrs {
		if f.open[a] == nil && !want[a] {
			fresh = append(fresh, a)
		}
		want[a] = true
	}
	if f.done {
		return nil
	}
	opened, err := listen.OpenAll(fresh, f.options)
	if err != nil {
		return err
	}
	for i, ln := range opened {
		f.open[fresh[i]] = ln
		f.serve(ln)
	}
	for a, ln := range f.open {
		if !want[a] {
			_ = ln.Close() // never to be used again
			delete(f.open, a)
		}
	}
	return nil
}

// serve accepts from ln once the front runs; mu is held.
func (f *front) serve(ln *listen.Listener) {
	if f.ctx == nil {
		return
	}
	ctx := f.ctx
	f.running.Go(func() {
		if err := listen.Serve(ctx, ln, f.handle); err != nil && !errors.Is(err, net.ErrClosed) {
			f.options.Log.Error("listener ended", "address", ln.Addr(), "cause", err)
		}
	})
}

// Run accepts connections until ctx ends, and waits for all of them.
func (f *front) Run(ctx context.Context) error {
	f.mu.Lock()
	f.ctx = ctx
	for _, ln := range f.open {
		f.serve(ln)
	}
	f.mu.Unlock()
	<-ctx.Done()
	f.shut()
	f.running.Wait()
	return nil
}

// shut closes the sockets for good; connections live on.
func (f *front) shut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = true
	for a, ln := range f.open {
		_ = ln.Close() // never to be used again
		delete(f.open, a)
	}
}
