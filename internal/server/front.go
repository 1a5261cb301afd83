package server

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
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
// touched. With an error those that were open are open still.
func (f *front) apply(addrs []string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done {
		return nil
	}
	var fresh, stale []string
	addrs = listen.Apart(addrs)
	for _, a := range addrs {
		if f.open[a] == nil && !slices.Contains(fresh, a) {
			fresh = append(fresh, a)
		}
	}
	for a := range f.open {
		if !slices.Contains(addrs, a) {
			stale = append(stale, a)
		}
	}
	err := f.add(fresh)
	if err == nil {
		f.remove(stale)
		return nil
	}
	if len(stale) == 0 {
		return err
	}
	f.remove(stale) // they may be in the way: 1935 of 127.0.0.1:1935
	if err = f.add(fresh); err != nil {
		err = errors.Join(err, f.add(stale))
	}
	return err
}

// add opens all of addrs or none; mu is held.
func (f *front) add(addrs []string) error {
	opened, err := listen.OpenAll(addrs, f.options)
	if err != nil {
		return err
	}
	for i, ln := range opened {
		f.open[addrs[i]] = ln
		f.serve(ln)
	}
	return nil
}

// remove closes the sockets of addrs; mu is held.
func (f *front) remove(addrs []string) {
	for _, a := range addrs {
		_ = f.open[a].Close() // never to be used again
		delete(f.open, a)
	}
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
	f.remove(slices.Collect(maps.Keys(f.open)))
}
