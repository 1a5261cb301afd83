package fanout

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"time"

	"weir/internal/stream"
)

// WriteTimeout is how long one write may take.
const WriteTimeout = 30 * time.Second

// MaxWrite is after how many bytes a batch is written in parts by who waits until they have left:
// a third of a megabit a second gets through within WriteTimeout.
const MaxWrite = 1 << 20

// maxReplies is how many bytes of replies may wait for a peer who does not read.
const maxReplies = 64 << 10

// ErrReplies ends a peer who asks without end.
var ErrReplies = errors.New("client sends commands and does not read the replies")

// Outbox is the writing side of a connection. Replies and media leave in whole messages and
// never in each other's middle. A reply never waits for a slow peer: while media is being
// written it is set aside, and leaves right after.
type Outbox struct {
	// Set at construction.
	Conn    net.Conn
	Traffic *stream.Traffic                            // counts what is sent; changed by Count
	Write   func(net.Conn, net.Buffers) (int64, error) // nil for the buffers' own

	turn sync.Mutex // held while writing

	mu      sync.Mutex
	replies []byte
	armed   bool      // a write has a time limit
	last    time.Time // when writing ends for good; zero is not yet
	cut     bool      // a write has failed, maybe in the middle of a message
}

// Queue sets replies aside, whole messages, for the next flush. They are the outbox's then.
func (o *Outbox) Queue(replies []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.replies == nil {
		o.replies = replies
		return
	}
	o.replies = append(o.replies, replies...)
}

// Reply sends replies, whole messages, behind those that are queued. They are the outbox's then.
func (o *Outbox) Reply(replies []byte) error {
	o.Queue(replies)
	if o.waiting() > maxReplies {
		return ErrReplies
	}
	return o.flush()
}

// flush sends replies unless somebody is writing, who will.
func (o *Outbox) flush() error {
	for o.waiting() > 0 && o.turn.TryLock() {
		err := o.write(nil)
		o.turn.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *Outbox) waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.replies)
}

// Send writes media, and the replies that have come up. It is for who waits until they have left.
func (o *Outbox) Send(media net.Buffers) error {
	o.turn.Lock()
	err := o.write(media)
	o.turn.Unlock()
	if err != nil {
		return err
	}
	return o.flush()
}

// write writes media behind the waiting replies; turn is held.
func (o *Outbox) write(media net.Buffers) error {
	o.mu.Lock()
	replies := o.replies
	o.replies = nil
	o.mu.Unlock()
	if len(replies) > 0 {
		if err := o.put(net.Buffers{replies}); err != nil {
			return err
		}
	}
	if len(media) > 0 {
		return o.put(media)
	}
	return nil
}

// put writes bufs, within WriteTimeout; turn is held.
func (o *Outbox) put(bufs net.Buffers) error {
	err := o.arm(time.Now().Add(WriteTimeout))
	var n int64
	if err == nil {
		if o.Write != nil {
			n, err = o.Write(o.Conn, bufs)
		} else {
			n, err = bufs.WriteTo(o.Conn)
		}
		o.Traffic.Sent.Add(uint64(n))
	}
	if err != nil {
		o.fail()
	}
	return err
}

func (o *Outbox) fail() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cut = true
}

// arm limits the next write, unless the last one of all is limited already.
func (o *Outbox) arm(until time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.last.IsZero() {
		return nil
	}
	o.armed = true
	return o.Conn.SetWriteDeadline(until)
}

// disarm lifts the limit of the write before, and takes the waiting replies.
func (o *Outbox) disarm() ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var err error
	if o.armed && o.last.IsZero() {
		o.armed = false
		err = o.Conn.SetWriteDeadline(time.Time{})
	}
	replies := o.replies
	o.replies = nil
	return replies, err
}

// offer writes media, behind the waiting replies, as far as the socket takes them at once. B is
// then what is left, and has to be given to complete; held says that it begins inside a message,
// and nobody else can write meanwhile.
func (o *Outbox) offer(p *pen, raw syscall.RawConn, b *Burst) (held bool, err error) {
	for {
		if !o.turn.TryLock() {
			return false, nil
		}
		if err = o.jot(p, raw, b); err == nil && !b.Empty() {
			return true, nil
		}
		o.turn.Unlock()
		if err != nil || o.waiting() == 0 {
			return false, err
		}
	}
}

// jot is offer with turn held.
func (o *Outbox) jot(p *pen, raw syscall.RawConn, b *Burst) error {
	replies, err := o.disarm()
	if len(replies) > 0 {
		b.Pieces = append(net.Buffers{replies}, b.Pieces...)
	}
	if err == nil && !b.Empty() {
		var n int
		n, err = p.offer(raw, b)
		o.Traffic.Sent.Add(uint64(n))
	}
	if err != nil {
		o.fail()
	}
	return err
}

// abandon is for one who cannot complete what offer has left: the peer can make no sense of what
// would follow it.
func (o *Outbox) abandon(held bool) {
	o.fail()
	if held {
		o.turn.Unlock()
	}
}

// complete writes what offer has left. A part of it that fails to leave within WriteTimeout is an
// error.
func (o *Outbox) complete(left net.Buffers, held bool) error {
	if !held {
		o.turn.Lock()
	}
	err := o.pour(left, held)
	o.turn.Unlock()
	if err != nil {
		return err
	}
	return o.flush()
}

// pour is complete with turn held.
func (o *Outbox) pour(left net.Buffers, begun bool) error {
	if !begun {
		if err := o.write(nil); err != nil {
			return err
		}
	}
	for len(left) > 0 {
		n, size := 0, 0
		for n < len(left) && size < MaxWrite {
			size += len(left[n])
			n++
		}
		if err := o.put(left[:n:n]); err != nil {
			return err
		}
		left = left[n:]
	}
	return nil
}

// Finish leaves so much time for what is being written and for replies behind it, which are sent
// if the peer can still make sense of them.
func (o *Outbox) Finish(within time.Duration, replies []byte) {
	o.mu.Lock()
	o.last = time.Now().Add(within)
	_ = o.Conn.SetWriteDeadline(o.last) // if not even that works there is nothing to wait for
	o.mu.Unlock()
	o.turn.Lock()
	defer o.turn.Unlock()
	if !o.Broken() {
		o.Queue(replies)
		_ = o.write(nil) // it leaves anyway
	}
}

// Broken reports whether a write has failed.
func (o *Outbox) Broken() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.cut
}

// Count makes t count from here on what is sent.
func (o *Outbox) Count(t *stream.Traffic) {
	o.turn.Lock()
	defer o.turn.Unlock()
	o.Traffic = t
}
