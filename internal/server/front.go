package server

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"sync"
	"syscall"

	"weir/internal/listen"
)

// front is a set of listening sockets that may change while the server runs: connections live
// on when the socket they came through is closed.
type front struct {
	// Set at construction.
	name    string // for the log
	options listen.Options
	handle  listen.Handler

	running sync.WaitGroup // of what Serve runs

	mu   sync.Mutex // guards all below
	ctx  context.Context
	open map[string]*listen.Listener // by address as configured
	done bool                        // no new sockets
}

func newFront(name string, o listen.Options, handle listen.Handler) *front {
	return &front{name: name, options: o, handle: handle, open: map[string]*listen.Listener{}}
}

// Name tells the front from others in the log.
func (f *front) Name() string { return f.name }

// grow opens those of addrs that are not open, or none with an error. It closes nothing.
func (f *front) grow(addrs []string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done {
		return nil
	}
	var fresh []string
	for _, a := range listen.Apart(addrs) {
		if f.open[a] == nil && !slices.Contains(fresh, a) {
			fresh = append(fresh, a)
		}
	}
	return f.add(fresh)
}

// prune closes what is not one of addrs. The other sockets are not touched.
func (f *front) prune(addrs []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	addrs = listen.Apart(addrs)
	for a := range f.open {
		if !slices.Contains(addrs, a) {
			f.remove([]string{a})
		}
	}
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

// sockets are those that are open.
func (f *front) sockets() (list []syscall.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range slices.Sorted(maps.Keys(f.open)) {
		list = append(list, f.open[a])
	}
	return list
}

// shut closes the sockets for good; connections live on.
func (f *front) shut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = true
	f.remove(slices.Collect(maps.Keys(f.open)))
}
