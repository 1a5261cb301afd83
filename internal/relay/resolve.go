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
	known map[string]resolved
}

type resolved struct {
	hosts []string
	at    time.Time
}

func newResolver() *resolver {
	return &resolver{lookup: net.DefaultResolver.LookupHost, known: map[string]resolved{}}
}

// all lists the servers that origins stand for. Those whose name has no address now are left out; if that is all of
// them, the error says why.
func (r *resolver) all(ctx context.Context, origins []string) (list []string, err error) {
	for _, origin := range origins {
		name, found := strings.CutPrefix(origin, byName)
		if !found {
			list = append(list, origin)
			continue
		}
		host, port, e := net.SplitHostPort(name)
		if e != nil {
			err = errors.Join(err, fmt.Errorf("origin %s: %w", origin, e))
			continue
		}
		hosts, e := r.hosts(ctx, host)
		if e != nil {
			err = errors.Join(err, fmt.Errorf("origin %s: %w", origin, e))
		}
		for _, host := range hosts {
			list = append(list, net.JoinHostPort(host, port))
		}
	}
	if len(list) > 0 {
		return list, nil
	}
	return nil, err
}

// hosts returns the addresses of a name; the last that are known, with an error, while the name server does not answer.
func (r *resolver) hosts(ctx context.Context, name string) ([]string, error) {
	r.mu.Lock()
	before := r.known[name]
	r.mu.Unlock()
	if time.Since(before.at) < resolvedFor {
		return before.hosts, nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	hosts, err := r.lookup(ctx, name)
	if err != nil {
		return before.hosts, err
	}
	slices.Sort(hosts) // name servers turn them round, and so do we
	hosts = hosts[:min(len(hosts), maxHosts)]
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.known) >= maxResolved {
		clear(r.known)
	}
	r.known[name] = resolved{hosts, time.Now()}
	return hosts, nil
}
