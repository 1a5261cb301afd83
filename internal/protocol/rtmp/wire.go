package rtmp

import (
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"

	"weir/internal/fanout"
	"weir/internal/media"
	"weir/internal/stream"
)

// wire is a stream's newest media as the bytes that its players are sent: one log that they all
// write from. After the first message of a chunk stream, which each player gets with a time of
// its own, the others carry only their distance from the one before, and so are the same for
// everybody.
//
// The log has runs. In a run each message follows the one before; where that cannot be, because
// headers, publisher or clock have changed, or time steps back, a new run begins, and players
// enter it as if they had just come.
//
// Its positions are those of the stream's frames. Whoever comes first to a frame puts it in.
type wire struct {
	size  int           // of chunks
	next  atomic.Uint64 // position behind the last frame; changes under mu
	ranks atomic.Int64  // of the players that have come, and where those of another stream begin

	mu    sync.RWMutex
	mux   mux
	run   uint32
	base  uint64 // position of the first frame
	marks []mark
	from  int64 // offset of the first frame
	store fanout.Store

	reduce bool         // repeated headers are left out
	time   [slots]int64 // of the newest message of the run, ms of the stream's time
	open   uint8        // slots with a message in the run
	room   []message    // for reuse
	pieces net.Buffers  // for reuse
	heads  []byte
}

// mark is where the bytes of a frame end, and what a player needs to have been sent before it is
// sent them.
type mark struct {
	end   int64
	run   uint32
	slots uint8 // the chunk streams of its messages
	own   uint8 // that of the frame itself, if it has a message
}

// The chunk streams that media go on, as bits.
const (
	audioSlot = iota
	videoSlot
	dataSlot
	slots
)

func slotOf(chunk uint32) int {
	switch chunk {
	case audioChunk:
		return audioSlot
	case videoChunk:
		return videoSlot
	}
	return dataSlot
}

// wireKey names the wire of a stream, by the size of its chunks and where it lies.
type wireKey struct {
	size int
	file bool
}

// wireOf returns the stream's wire, which its players share.
func wireOf(s *stream.Stream, key wireKey, describe func(*media.Meta) message) (*wire, func(), error) {
	return stream.Derive(s, key, func(sub *stream.Subscriber) (stream.Output[*wire], error) {
		w := &wire{size: key.size, mux: mux{describe: describe}}
		w.ranks.Store(rand.Int64N(1 << 20))
		if !key.file {
			return stream.Output[*wire]{Value: w}, nil
		}
		var err error
		if w.store, err = fanout.NewFile(); err != nil {
			return stream.Output[*wire]{}, err
		}
		return stream.Output[*wire]{Value: w, Run: func() {
			<-sub.Done()
			w.store.Close()
		}}, nil
	})
}

// extend puts those of a batch's frames in that are not there, and forgets those that the
// stream has forgotten.
func (w *wire) extend(b *stream.Batch, reduce bool) error {
	end := b.Pos + uint64(len(b.Frames))
	if w.next.Load() >= end {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	next := w.next.Load()
	if next >= end {
		return nil
	}
	if b.Pos > next || len(w.marks) == 0 {
		w.skip(b.Pos)
		next = b.Pos
	}
	w.forget(b.Base)
	if reduce != w.reduce {
		w.reduce = reduce
		w.breakOff()
	}
	w.pieces, w.heads = w.pieces[:0], w.heads[:0]
	from := w.store.End()
	at := from
	for _, f := range b.Frames[next-b.Pos:] {
		at = w.add(f, at)
	}
	err := w.store.Append(w.pieces, at-from, next+1 == end)
	clear(w.pieces)
	if err != nil {
		w.skip(end) // players send these frames by themselves
		return err
	}
	w.next.Store(end)
	return nil
}

// skip goes on at another position: nobody has read what is between.
func (w *wire) skip(pos uint64) {
	w.store.Drop(w.store.End())
	w.marks, w.base, w.from = w.marks[:0], pos, w.store.End()
	w.next.Store(pos)
	w.breakOff()
}

// breakOff begins a run.
func (w *wire) breakOff() {
	w.run++
	w.open = 0
}

// forget drops the frames before pos.
func (w *wire) forget(pos uint64) {
	if pos <= w.base {
		return
	}
	n := int(min(pos-w.base, uint64(len(w.marks))))
	if n == 0 || n < len(w.marks)/8 { // rather rarely
		return
	}
	w.from = w.marks[n-1].end
	w.base += uint64(n)
	w.marks = w.marks[:copy(w.marks, w.marks[n:])]
	w.store.Drop(w.from)
}

// add appends a frame's pieces, which begin at an offset, and returns where they end.
func (w *wire) add(f *media.Frame, at int64) int64 {
	ms, own := millis(f.DTS), frameMessage(f)
	if w.breaks(f, &own, ms) {
		w.breakOff()
		w.mux.layout = f.Layout
	}
	c := mark{run: w.run}
	from := len(w.pieces)
	w.room = w.mux.turn(w.room[:0], f.Layout, 0, w.reduce)
	for i := range w.room {
		m := &w.room[i]
		slot := slotOf(m.chunk)
		c.slots |= 1 << slot
		if w.open&(1<<slot) != 0 {
			w.put(m, w.time[slot]) // headers have no time of their own
		}
	}
	if len(own.body) > 0 {
		slot := slotOf(own.chunk)
		c.own = 1 << slot
		c.slots |= c.own
		w.put(&own, ms)
	}
	clear(w.room)
	for _, p := range w.pieces[from:] {
		at += int64(len(p))
	}
	c.end = at
	w.marks = append(w.marks, c)
	return at
}

// breaks reports whether f, with its message at the time ms, cannot follow the frame before it.
func (w *wire) breaks(f *media.Frame, own *message, ms int64) bool {
	if prev := w.mux.layout; f.Layout != prev {
		change := f.Layout.Since(prev)
		if change.Cut() || change&media.ChangeMeta != 0 || prev == nil || f.Layout.Offset != prev.Offset {
			return true
		}
	}
	slot := slotOf(own.chunk)
	if len(own.body) == 0 || w.open&(1<<slot) == 0 {
		return false
	}
	step := ms - w.time[slot]
	return step < 0 || step >= extendedTime
}

// put adds a message's pieces. The first of a chunk stream in a run has none: each player is
// sent its own.
func (w *wire) put(m *message, ms int64) {
	slot := slotOf(m.chunk)
	if w.open&(1<<slot) != 0 {
		w.pieces, w.heads = appendFollowers(w.pieces, w.heads, m, uint32(ms-w.time[slot]), w.size)
	}
	w.open |= 1 << slot
	w.time[slot] = ms
}

// place is where a player is in a wire.
type place struct {
	run    uint32
	opened uint8 // the chunk streams on which it has been sent what the wire's next message builds on
}

// span tells how to send a batch: the first plain frames as messages of the player's own, and
// then the wire's bytes from one offset to another. It moves the player on. W.mu is held for
// reading, until the bytes are sent.
func (w *wire) span(b *stream.Batch, at *place) (plain int, from, to int64) {
	n := len(b.Frames)
	if b.Pos < w.base || b.Pos+uint64(n) > w.base+uint64(len(w.marks)) {
		*at = place{} // gone already, or not put in
		return n, 0, 0
	}
	first := int(b.Pos - w.base)
	marks := w.marks[first : first+n]
	now := *at
	for i := range marks {
		c := &marks[i]
		if c.run == now.run && c.slots&^now.opened == 0 {
			continue
		}
		plain = i + 1
		now = *at
		for j := range marks[:plain] {
			now.plain(&marks[j])
		}
	}
	*at = now
	from = w.from
	if first+plain > 0 {
		from = w.marks[first+plain-1].end
	}
	return plain, from, marks[n-1].end
}

// plain moves over a frame that the player is sent as messages of its own: what came on its
// chunk streams before the frame itself had the player's time, not the wire's.
func (p *place) plain(c *mark) {
	if c.run != p.run {
		*p = place{run: c.run}
	}
	p.opened = p.opened&^(c.slots&^c.own) | c.own
}
