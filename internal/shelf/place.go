package shelf

import "sync"

// Places are what is where on the web server: for a stream's vhost, and for any other, since a file may be
// asked for by a host that is not the stream's.
type Places[T any] struct {
	mu  sync.Mutex
	all map[spot]placed[T]
}

type spot struct{ vhost, path string }

type placed[T any] struct {
	owner any
	what  T
}

// Put says what is at a path. An empty path is nowhere.
func (p *Places[T]) Put(owner any, vhost, at string, what T) {
	if at == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = map[spot]placed[T]{}
	}
	p.all[spot{vhost, at}] = placed[T]{owner, what}
	p.all[spot{"", at}] = placed[T]{owner, what}
}

// Take says that what the owner had at a path is not there any more.
func (p *Places[T]) Take(owner any, vhost, at string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, where := range [...]spot{{vhost, at}, {"", at}} {
		if is, ok := p.all[where]; ok && is.owner == owner {
			delete(p.all, where)
		}
	}
}

// Find returns what is at a path, for a client of that vhost.
func (p *Places[T]) Find(vhost, at string) (what T, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	is, ok := p.all[spot{vhost, at}]
	if !ok {
		is, ok = p.all[spot{"", at}]
	}
	return is.what, ok
}

// Len returns how many there are, each twice.
func (p *Places[T]) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.all)
}
