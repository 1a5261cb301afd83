package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	resolveTime = 2 * time.Second // that a name server may take
	resolvedFor = 5 * time.Second // that its answer is used; and the last one, while it does not answer
	maxResolved = 1024            // names whose answer is kept
	maxHosts    = 256             // addresses of one name
)

// byName begins an origin that is a name for several: dns://name:port is every address that the name has.
const byName = "dns://"

// resolver looks up the addresses of names, and remembers them for a moment.
type resolver struct {
	lookup func(ctx context.Context, host string) ([]string, error)

	mu    sync.Mutex
	known map[string]*resolved
}

// resolved is what is known of a name.
type resolved struct {
	hosts []string
	err   error         // of the last look-up, if that has failed
	at    time.Time     // of it
	asked chan struct{} // closed when the look-up that is under way is over; nil is none
}

func newResolver() *resolver {
	return &resolver{lookup: net.DefaultResolver.LookupHost, known: map[string]*resolved{}}
}

// all lists the servers that origins stand for. Those whose name has no address now are left out; if that is all of
// them, the error says why.
func (r *resolver) all(ctx context.Context, origins []string) (list []string, err error) {
	lists, errs := make([][]string, len(origins)), make([]error, len(origins))
	var asking sync.WaitGroup
	for i, origin := range origins {
		name, found := strings.CutPrefix(origin, byName)
		if !found {
			lists[i] = []string{origin}
			continue
		}
		asking.Go(func() { // a name that nobody knows must not hold up others
			if lists[i], errs[i] = r.named(ctx, name); errs[i] != nil {
				errs[i] = fmt.Errorf("origin %s: %w", origin, errs[i])
			}
		})
	}
	asking.Wait()
	if list = slices.Concat(lists...); len(list) > 0 {
		return list, nil
	}
	return nil, errors.Join(errs...)
}

// named lists the servers that name:port stands for.
func (r *resolver) named(ctx context.Context, name string) (list []string, err error) {
	host, port, err := net.SplitHostPort(name)
	if err != nil {
		return nil, err
	}
	hosts, err := r.hosts(ctx, host)
	for _, host := range hosts {
		list = append(list, net.JoinHostPort(host, port))
	}
	return list, err
}

// hosts returns the addresses of a name; the last that are known, with an error, while the name server does not answer. All who
// want them at the same time share one look-up, and for a moment its failure.
func (r *resolver) hosts(ctx context.Context, name string) ([]string, error) {
	for {
		r.mu.Lock()
		x := r.known[name]
		if x == nil {
			if len(r.known) >= maxResolved {
				clear(r.known)
			}
			x = &resolved{}
			r.known[name] = x
		}
		if time.Since(x.at) < resolvedFor {
			defer r.mu.Unlock()
			return x.hosts, x.err
		}
		asked := x.asked
		if asked == nil {
			x.asked = make(chan struct{})
			r.mu.Unlock()
			return r.ask(ctx, name, x)
		}
		r.mu.Unlock()
		select {
		case <-asked: // and if who has asked went away before the answer, somebody else does
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// ask looks a name up, for all who wait.
func (r *resolver) ask(ctx context.Context, name string, x *resolved) ([]string, error) {
	limited, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	hosts, err := r.lookup(limited, name)
	slices.Sort(hosts) // name servers turn them round, and so do we
	r.mu.Lock()
	defer r.mu.Unlock()
	close(x.asked)
	x.asked = nil
	switch {
	case err == nil:
		x.hosts, x.err, x.at = hosts[:min(len(hosts), maxHosts)], nil, time.Now()
	case ctx.Err() != nil:
		return x.hosts, err // which says nothing of the name
	default:
		x.err, x.at = err, time.Now()
	}
	return x.hosts, x.err
}
