package fanout

import (
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"

	"weir/internal/media"
	"weir/internal/stream"
)

// lag is how many frames a log keeps that its stream has forgotten: the stream keeps those behind a
// reader's newest batch, and the log so also that batch, however long the reader takes.
const lag = media.MaxBatch

// Encoder makes the bytes of a log. Its methods are called under the log's lock: they must
// neither block nor call the stream.
type Encoder interface {
	// Append appends the bytes of a frame, in as many pieces as it likes, none of which is empty
	// for a frame that the format cannot carry. Each of the stream's frames comes once and in
	// order. Follows says that the bytes will be read behind those of the call before; if it is
	// false, frames are missing between, or there was none: all who read go on with an opening of
	// their own that fits to f, so headers and tables need not be repeated here.
	//
	// The pieces must stay untouched until a call with an empty dst: they are copied before it.
	// So the encoder may keep one buffer, and begin it anew whenever dst is empty.
	Append(dst net.Buffers, f *media.Frame, follows bool) net.Buffers
}

// Log is a stream's newest frames as bytes that all players are sent: a derivation of the stream.
// Its positions are those of the stream's frames. Whoever of its readers comes first to a frame
// puts it in, by Extend. It may be used by any number of goroutines.
type Log struct {
	next  atomic.Uint64 // position behind the last frame; changes under mu
	ranks atomic.Int64  // of the players that have come, and where those of another log begin

	sub *stream.Subscriber // set at construction: holds the frames that are not in

	mu      sync.RWMutex // taken before the locks of the hub
	encoder Encoder
	base    uint64  // position of the first frame
	marks   []int64 // where the bytes of each frame end
	from    int64   // offset of the first frame
	store   Store
	follows bool
	pieces  net.Buffers // for reuse
}

// logKey names a log among the stream's derivations.
type logKey struct {
	key  any
	file bool
}

// LogOf returns the stream's log under key, a comparable value of a type of the caller's own, and
// makes it with a new encoder if there is none. It lies in a file of memory, out of which shards
// send without copying, or on the heap, which is better for who writes by other means; the two are
// different logs. The error is stream.ErrClosed where the stream has ended, or says that there are
// no such files on this system. Release must be called when the reader is done with the log.
func LogOf(s *stream.Stream, key any, file bool, encoder func() Encoder) (l *Log, release func(), err error) {
	return stream.Derive(s, logKey{key, file}, func(sub *stream.Subscriber) (stream.Output[*Log], error) {
		l := &Log{sub: sub, encoder: encoder()}
		l.ranks.Store(rand.Int64N(1 << 20))
		if !file {
			return stream.Output[*Log]{Value: l}, nil
		}
		var err error
		if l.store, err = NewFile(); err != nil {
			return stream.Output[*Log]{}, err
		}
		return stream.Output[*Log]{Value: l, Run: func() {
			<-sub.Done()
			l.mu.Lock()
			defer l.mu.Unlock()
			l.store.Close()
		}}, nil
	})
}

// Rank returns a number for a new player, by which those of one log are spread in time.
func (l *Log) Rank() int64 { return l.ranks.Add(1) }

// Extend puts those of a batch's frames in that are not there, and forgets those that the stream
// has forgotten a while ago. The batch is one that Subscriber.Take or Subscriber.ReadNext has
// given, and all calls are for the log's own stream. The error, which one reader is told of, says
// that the file of memory cannot grow: all lose what is in it, and the log goes on on the heap.
func (l *Log) Extend(b *stream.Batch) error {
	end := b.Pos + uint64(len(b.Frames))
	if l.next.Load() >= end {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	next := l.next.Load()
	if next >= end {
		return nil
	}
	var between []*media.Frame // which a slower reader has not put in yet
	if b.Pos > next && len(l.marks) > 0 {
		between = l.sub.Stream().Between(next, b.Pos)
	}
	if b.Pos > next && between == nil || len(l.marks) == 0 {
		l.skip(b.Pos)
	}
	l.forget(b.Base)
	err := l.add(between)
	if err == nil {
		err = l.add(b.Frames[max(l.next.Load(), b.Pos)-b.Pos:])
	}
	if err != nil {
		l.store.spill()
		l.skip(end)
	}
	l.next.Store(end)
	l.sub.Hold(end)
	return err
}

// add appends frames; mu is held.
func (l *Log) add(frames []*media.Frame) error {
	if len(frames) == 0 {
		return nil
	}
	l.pieces = l.pieces[:0]
	from := l.store.End()
	at := from
	for _, f := range frames {
		n := len(l.pieces)
		l.pieces = l.encoder.Append(l.pieces, f, l.follows)
		l.follows = true
		for _, p := range l.pieces[n:] {
			at += int64(len(p))
		}
		l.marks = append(l.marks, at)
	}
	err := l.store.Append(l.pieces, at-from, len(frames) == 1)
	clear(l.pieces)
	if cap(l.pieces) > keptPieces {
		l.pieces = nil
	}
	return err
}

// skip goes on at another position: nobody has read what is between. Mu is held.
func (l *Log) skip(pos uint64) {
	l.store.Drop(l.store.End())
	l.marks, l.base, l.from = l.marks[:0], pos, l.store.End()
	l.next.Store(pos)
	l.follows = false
}

// forget drops the frames longer than lag before pos; mu is held.
func (l *Log) forget(pos uint64) {
	if pos <= l.base+lag {
		return
	}
	n := int(min(pos-lag-l.base, uint64(len(l.marks))))
	if n < len(l.marks)/8 { // rather rarely
		return
	}
	l.from = l.marks[n-1]
	l.base += uint64(n)
	l.marks = l.marks[:copy(l.marks, l.marks[n:])]
	l.store.Drop(l.from)
}

// span returns where the bytes of n frames from pos on are; they are not there if another reader
// has had them forgotten, or if Extend has not been called for them. Mu is held for reading, until
// they are sent.
func (l *Log) span(pos uint64, n int) (from, to int64, ok bool) {
	if pos < l.base || pos+uint64(n) > l.base+uint64(len(l.marks)) {
		return 0, 0, false
	}
	from = l.from
	first := int(pos - l.base)
	if first > 0 {
		from = l.marks[first-1]
	}
	if n == 0 {
		return from, from, true
	}
	return from, l.marks[first+n-1], true
}

// Slices appends the bytes of n frames from pos on, in pieces that stay good for as long as
// somebody has them, and must not be changed. They are not there, and dst comes back as it is, if
// the reader has been so slow that others had them forgotten, after Extend: it has lost those
// frames, and goes on behind them with an opening of its own.
func (l *Log) Slices(dst net.Buffers, pos uint64, n int) (out net.Buffers, ok bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	from, to, ok := l.span(pos, n)
	if !ok {
		return dst, false
	}
	out, err := l.store.Slices(dst, from, to)
	return out, err == nil
}

// Send sends a shard's player what is in the desk, and then the bytes of n frames from pos on. If
// they are not there, as with Slices, it sends nothing.
func (l *Log) Send(to *Follower, d *Desk, pos uint64, n int) (ok bool, err error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	from, end, ok := l.span(pos, n)
	if !ok {
		return false, nil
	}
	out := l.store.Burst(d.Pieces, from, end)
	d.Pieces = out.Pieces
	return true, to.Send(d, &out)
}
