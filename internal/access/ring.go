package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

const (
	maxKeys   = 1 << 20          // bytes of a set of keys
	keyWait   = 5 * time.Second  // for a set of keys to come
	keyFresh  = 5 * time.Minute  // after which a set is looked at again
	keyHurry  = 10 * time.Second // the same, for a key that it does not have, and after a failure
	maxSource = 64               // sets that are kept
)

// errKeys says that there are no keys to hold a token against.
var errKeys = errors.New("access: no keys")

// rings are sets of public keys, by where they come from.
type rings struct {
	log *slog.Logger

	mu  sync.Mutex
	all map[string]*ring
}

// ring is one set. It is kept when a newer one cannot be had.
type ring struct {
	source string
	log    *slog.Logger

	turn   chan struct{} // cap 1: full while somebody loads
	mu     sync.Mutex
	keys   keyfunc.Keyfunc // nil: none yet
	stamp  stamp
	looked time.Time
	failed bool
}

// stamp tells one state of a file from another.
type stamp struct {
	at   time.Time
	size int64
}

// key finds the key that a token names.
func (s *rings) key(ctx context.Context, source string, token *jwt.Token) (any, error) {
	r := s.ring(source)
	keys, age := r.now()
	if keys == nil || age > keyFresh || r.isFile() {
		r.load(ctx, keys == nil)
		keys, age = r.now()
	}
	if keys == nil {
		return nil, errKeys
	}
	key, err := keys.Keyfunc(token)
	if err == nil || age < keyHurry {
		return key, err
	}
	r.load(ctx, true)
	keys, _ = r.now()
	return keys.Keyfunc(token)
}

func (s *rings) ring(source string) *ring {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.all[source]; r != nil {
		return r
	}
	if s.all == nil || len(s.all) >= maxSource {
		s.all = map[string]*ring{} // what the configuration had long ago goes
	}
	r := &ring{source: source, log: s.log, turn: make(chan struct{}, 1)}
	s.all[source] = r
	return r
}

func (r *ring) isFile() bool {
	return !strings.HasPrefix(r.source, "http://") && !strings.HasPrefix(r.source, "https://")
}

// now returns the keys, and for how long nobody has looked for others.
func (r *ring) now() (keyfunc.Keyfunc, time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys, time.Since(r.looked)
}

// load looks for keys, unless somebody just has. One client does; the others wait for it only if
// they have to.
func (r *ring) load(ctx context.Context, wait bool) {
	began := time.Now()
	if !r.enter(ctx, wait) {
		return
	}
	defer func() { <-r.turn }()
	r.mu.Lock()
	done := r.looked.After(began) || r.failed && time.Since(r.looked) < keyHurry && !r.isFile()
	was := r.stamp
	r.mu.Unlock()
	if done {
		return
	}
	keys, now, err := r.read(context.WithoutCancel(ctx), was) // others need them too, if this client leaves
	r.mu.Lock()
	defer r.mu.Unlock()
	r.looked, r.stamp = time.Now(), now
	if err != nil {
		if !r.failed {
			r.log.Error("keys for tokens cannot be read: those there were are in force", "jwks", bareSource(r.source), "cause", err)
		}
		r.failed = true
		return
	}
	r.failed = false
	if keys != nil {
		r.keys = keys
	}
}

// enter takes the turn.
func (r *ring) enter(ctx context.Context, wait bool) bool {
	if !wait {
		select {
		case r.turn <- struct{}{}:
			return true
		default:
			return false
		}
	}
	select {
	case r.turn <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// read reads the set; nil is the same as before.
func (r *ring) read(ctx context.Context, before stamp) (keyfunc.Keyfunc, stamp, error) {
	var raw []byte
	if r.isFile() {
		info, err := os.Stat(r.source)
		if err != nil {
			return nil, before, err
		}
		now := stamp{info.ModTime(), info.Size()}
		if now == before {
			return nil, before, nil
		}
		before = now
		f, err := os.Open(r.source)
		if err != nil {
			return nil, before, err
		}
		defer f.Close()
		if raw, err = limited(f); err != nil {
			return nil, before, err
		}
	} else {
		var err error
		if raw, err = fetch(ctx, r.source); err != nil {
			return nil, before, err
		}
	}
	keys, err := keyfunc.NewJWKSetJSON(json.RawMessage(raw))
	if err != nil {
		return nil, before, fmt.Errorf("no set of keys (RFC 7517): %w", err)
	}
	return keys, before, nil
}

func fetch(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, keyWait)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, errors.New("the address cannot be read")
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	w, err := client.Do(q)
	if err != nil {
		return nil, errors.Unwrap(err) // without the address
	}
	defer w.Body.Close()
	if w.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP status %d", w.StatusCode)
	}
	return limited(w.Body)
}

func limited(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxKeys+1))
	if err == nil && len(raw) > maxKeys {
		err = fmt.Errorf("longer than %d bytes", maxKeys)
	}
	return raw, err
}

// bareSource is a source for the log, without a query.
func bareSource(source string) string {
	source, _, _ = strings.Cut(source, "?")
	return source
}
