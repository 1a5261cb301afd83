package rtmp

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"time"

	"weir/internal/stream"
)

const (
	ioTimeout  = 30 * time.Second
	maxReplies = 64 << 10 // bytes of replies that wait for a peer who does not read
)

var errReplies = errors.New("rtmp: client sends commands and does not read the replies")

// outbox is the writing side of a connection. Replies and media leave in whole messages and
// never in each other's middle. A reply never waits for a slow peer: while media is being
// written it is set aside, and leaves right after.
type outbox struct {
	conn    net.Conn
	traffic *stream.Traffic
	records *sync.Pool // of *record, for a connection over TLS; nil for others

	turn sync.Mutex // held while writing

	mu      sync.Mutex
	replies []byte
	armed   bool      // a write has a time limit
	last    time.Time // when writing ends for good; zero is not yet
	cut     bool      // a write has failed, maybe in the middle of a message
}

// queue sets messages aside, in chunks of the given size, for the next flush.
func (o *outbox) queue(chunkSize int, messages ...message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range messages {
		o.replies = appendMessage(o.replies, &messages[i], chunkSize)
	}
}

// reply sends messages in chunks of the given size, behind those that are queued.
func (o *outbox) reply(chunkSize int, messages ...message) error {
	o.queue(chunkSize, messages...)
	if o.waiting() > maxReplies {
		return errReplies
	}
	return o.flush()
}

// flush sends replies unless somebody is writing, who will.
func (o *outbox) flush() error {
	for o.waiting() > 0 && o.turn.TryLock() {
		err := o.write(nil)
		o.turn.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *outbox) waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.replies)
}

// send writes media, and the replies that have come up.
func (o *outbox) send(media net.Buffers) error {
	o.turn.Lock()
	err := o.write(media)
	o.turn.Unlock()
	if err != nil {
		return err
	}
	return o.flush()
}

// write writes media behind the waiting replies; turn is held.
func (o *outbox) write(media net.Buffers) error {
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

// put writes bufs, within ioTimeout; turn is held.
func (o *outbox) put(bufs net.Buffers) error {
	err := o.arm(time.Now().Add(ioTimeout))
	var n int64
	if err == nil {
		if o.records != nil {
			n, err = writeRecords(o.conn, bufs, o.records)
		} else {
			n, err = bufs.WriteTo(o.conn)
		}
		o.traffic.Sent.Add(uint64(n))
	}
	if err != nil {
		o.fail()
	}
	return err
}

func (o *outbox) fail() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cut = true
}

// arm limits the next write, unless the last one of all is limited already.
func (o *outbox) arm(until time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.last.IsZero() {
		return nil
	}
	o.armed = true
	return o.conn.SetWriteDeadline(until)
}

// disarm lifts the limit of the write before, and takes the waiting replies.
func (o *outbox) disarm() ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var err error
	if o.armed && o.last.IsZero() {
		o.armed = false
		err = o.conn.SetWriteDeadline(time.Time{})
	}
	replies := o.replies
	o.replies = nil
	return replies, err
}

// offer writes media, behind the waiting replies, as far as the socket takes them at once. B is
// then what is left, and has to be given to complete; held says that it begins inside a message,
// and nobody else can write meanwhile.
func (o *outbox) offer(p *pen, raw syscall.RawConn, b *burst) (held bool, err error) {
	for {
		if !o.turn.TryLock() {
			return false, nil
		}
		if err = o.jot(p, raw, b); err == nil && !b.empty() {
			return true, nil
		}
		o.turn.Unlock()
		if err != nil || o.waiting() == 0 {
			return false, err
		}
	}
}

// jot is offer with turn held.
func (o *outbox) jot(p *pen, raw syscall.RawConn, b *burst) error {
	replies, err := o.disarm()
	if len(replies) > 0 {
		b.pieces = append(net.Buffers{replies}, b.pieces...)
	}
	if err == nil && !b.empty() {
		var n int
		n, err = p.offer(raw, b)
		o.traffic.Sent.Add(uint64(n))
	}
	if err != nil {
		o.fail()
	}
	return err
}

// abandon is for one who cannot complete what offer has left: the peer can make no sense of what
// would follow it.
func (o *outbox) abandon(held bool) {
	o.fail()
	if held {
		o.turn.Unlock()
	}
}

// complete writes what offer has left. A part of it that fails to leave within ioTimeout is an
// error.
func (o *outbox) complete(left net.Buffers, held bool) error {
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
func (o *outbox) pour(left net.Buffers, begun bool) error {
	if !begun {
		if err := o.write(nil); err != nil {
			return err
		}
	}
	for len(left) > 0 {
		n, size := 0, 0
		for n < len(left) && size < maxWrite {
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

// finish leaves so much time for what is being written and for messages behind it, which are
// sent if the peer can still make sense of them.
func (o *outbox) finish(within time.Duration, chunkSize int, messages ...message) {
	o.mu.Lock()
	o.last = time.Now().Add(within)
	_ = o.conn.SetWriteDeadline(o.last) // if not even that works there is nothing to wait for
	o.mu.Unlock()
	o.turn.Lock()
	defer o.turn.Unlock()
	if !o.broken() {
		o.queue(chunkSize, messages...)
		_ = o.write(nil) // it leaves anyway
	}
}

// broken reports whether a write has failed.
func (o *outbox) broken() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.cut
}

// count makes t count from here on what is sent.
func (o *outbox) count(t *stream.Traffic) {
	o.turn.Lock()
	defer o.turn.Unlock()
	o.traffic = t
}
