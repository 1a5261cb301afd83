package shelf

import (
	"errors"
	"sync"
	"time"

	"weir/internal/stream"
)

const (
	// maxSought is how many streams that are not here may be asked for at once: anybody can ask for any name.
	maxSought = 256
	// maxWished is how many streams may be kept here for those who ask without a session.
	maxWished = 4096
	// leastWish is for how long a stream is kept, at the least, when nobody asks for it any more.
	leastWish = 10 * time.Second
)

// ErrCrowded is that too many other streams are asked for.
var ErrCrowded = errors.New("too many streams are being fetched: ask again in a moment")

// Wishes are streams that are brought here for players who are no readers of the registry, or not yet: they ask for a
// list now and again, and nothing tells that they have gone but their silence.
type Wishes struct {
	registry func() *stream.Registry

	mu       sync.Mutex // guards what follows
	all      map[Name]*wish
	sought   int // of them, that have never come
	stopping bool
}

// wish is one stream's.
type wish struct {
	asking  int       // requests that go on
	came    bool      // it has been here
	until   time.Time // when nobody is taken to want it any more, once no request goes on
	release func()    // of the registry's; nil: those who ask have sessions
}

// NewWishes returns none yet.
func NewWishes(registry func() *stream.Registry) *Wishes {
	return &Wishes{registry: registry, all: map[Name]*wish{}}
}

// Asking is a request that goes on.
type Asking struct {
	of   *Wishes
	name Name
	wish *wish
}

// Ask counts a request for a stream, which is here already or not. It is ErrCrowded if there are too many others. The
// caller says Done.
func (w *Wishes) Ask(n Name, here bool) (*Asking, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopping {
		return nil, ErrStopped
	}
	x := w.all[n]
	if x == nil {
		if len(w.all) >= maxWished || !here && w.sought >= maxSought {
			return nil, ErrCrowded
		}
		x = &wish{came: here}
		w.all[n] = x
		if !here {
			w.sought++
		}
	}
	x.asking++
	return &Asking{w, n, x}, nil
}

// Summon has the stream brought here for the request, as r names it, and for a while behind it. It asks no gate.
func (a *Asking) Summon(r *stream.Request) {
	w := a.of
	w.mu.Lock()
	wanted := a.wish.release != nil || w.stopping
	w.mu.Unlock()
	if wanted {
		return
	}
	release := w.registry().Summon(r)
	w.mu.Lock()
	if a.wish.release == nil && !w.stopping {
		a.wish.release, release = release, nil
	}
	w.mu.Unlock()
	if release != nil { // somebody was faster
		release()
	}
}

// Done is the end of the request. If the stream has come, it stays for so long, or for what is the least, until somebody
// asks again.
func (a *Asking) Done(came bool, limit time.Duration) {
	w, x := a.of, a.wish
	w.mu.Lock()
	x.asking--
	if came {
		w.arrived(x)
		if until := time.Now().Add(max(limit, leastWish)); until.After(x.until) {
			x.until = until
		}
	}
	release := w.settle(a.name, x, time.Now())
	w.mu.Unlock()
	if release != nil {
		release()
	}
}

// arrived notes that a stream has been here; mu is held.
func (w *Wishes) arrived(x *wish) {
	if !x.came {
		x.came = true
		w.sought--
	}
}

// settle forgets a stream that nobody wants any more, and returns what is left to be called then; mu is held.
func (w *Wishes) settle(n Name, x *wish, now time.Time) (release func()) {
	if x.asking > 0 || x.release != nil && x.until.After(now) {
		return nil
	}
	delete(w.all, n)
	w.arrived(x)
	return x.release
}

// Expire lets go of streams that nobody asks for any more.
func (w *Wishes) Expire(now time.Time) {
	w.mu.Lock()
	var list []func()
	for n, x := range w.all {
		if release := w.settle(n, x, now); release != nil {
			list = append(list, release)
		}
	}
	w.mu.Unlock()
	for _, release := range list {
		release()
	}
}

// Stop lets go of all.
func (w *Wishes) Stop() {
	w.mu.Lock()
	w.stopping = true
	var list []func()
	for _, x := range w.all {
		if x.release != nil {
			list = append(list, x.release)
			x.release = nil
		}
	}
	w.mu.Unlock()
	for _, release := range list {
		release()
	}
}

// Len returns how many streams there are, and how many of them have never come.
func (w *Wishes) Len() (all, sought int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.all), w.sought
}
