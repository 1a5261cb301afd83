package remux

import (
	"path"
	"sync"
	"time"

	"weir/internal/config"
	"weir/internal/media"
	"weir/internal/stream"
)

// maxCached is how many bytes of sound of one stream are kept.
const maxCached = 16 << 20

// Cache keeps the newest sounds of streams, as long as fast_cache says: who comes to listen is sent
// them at once.
type Cache struct {
	config func() *config.Config

	mu    sync.Mutex
	rings map[*stream.Stream]*ring
}

// ring is the sounds of one stream.
type ring struct {
	frames []kept
	bytes  int
	end    uint64 // position in the stream behind what has been read
}

// kept is a frame and its position.
type kept struct {
	*media.Frame
	pos uint64
}

// NewCache returns an empty cache, which Standing fills.
func NewCache(c func() *config.Config) *Cache {
	return &Cache{config: c, rings: map[*stream.Stream]*ring{}}
}

// Standing is what fills the cache.
func (c *Cache) Standing() stream.Standing {
	return stream.Standing{
		Name:   "fast_cache",
		Wanted: func(vhost string) bool { return c.limit(vhost) > 0 },
		Run:    c.run,
	}
}

// limit is how much of the past a vhost's listeners are sent.
func (c *Cache) limit(vhost string) time.Duration {
	v := c.config().Vhost(vhost)
	if v == nil || !v.HTTPRemux.Enabled {
		return 0
	}
	if f := formOf(path.Ext(v.HTTPRemux.Mount)); f == nil || f.sound == media.Unknown {
		return 0
	}
	return v.HTTPRemux.FastCache
}

// run keeps a stream's sounds until its publisher ends.
func (c *Cache) run(sub *stream.Subscriber) {
	s := sub.Stream()
	vhost := ""
	if p := s.Publication(); p != nil {
		vhost = p.Vhost
	}
	r := &ring{}
	c.put(s, r)
	defer c.put(s, nil)
	frames := make([]*media.Frame, media.MaxBatch)
	for {
		b, err := sub.ReadNext(frames)
		if err != nil {
			return
		}
		c.keep(r, &b, int64(c.limit(vhost)))
		clear(b.Frames)
	}
}

func (c *Cache) put(s *stream.Stream, r *ring) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r == nil {
		delete(c.rings, s)
		return
	}
	c.rings[s] = r
}

// keep adds a batch's sounds, and forgets the oldest.
func (c *Cache) keep(r *ring, b *stream.Batch, limit int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, f := range b.Frames {
		if int(f.Track) == f.Layout.First(media.Audio) {
			r.frames = append(r.frames, kept{f, b.Pos + uint64(i)})
			r.bytes += f.Size()
		}
	}
	r.end = b.Pos + uint64(len(b.Frames))
	old := 0
	for old < len(r.frames) && (r.bytes > maxCached || r.frames[len(r.frames)-1].DTS-r.frames[old].DTS > limit) {
		r.bytes -= r.frames[old].Size()
		old++
	}
	n := copy(r.frames, r.frames[old:])
	clear(r.frames[n:])
	r.frames = r.frames[:n]
}

// newest returns a stream's newest sounds before a position, if their codec is the one, and the
// position to go on at.
func (c *Cache) newest(s *stream.Stream, codec media.Codec, before uint64) (frames []*media.Frame, next uint64) {
	if c == nil {
		return nil, before
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.rings[s]
	if r == nil {
		return nil, before
	}
	for _, f := range r.frames {
		if f.Source().Codec == codec && f.pos < before {
			frames = append(frames, f.Frame)
		}
	}
	if len(frames) == 0 {
		return nil, before
	}
	return frames, min(before, r.end)
}
