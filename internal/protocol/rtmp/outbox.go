package rtmp

import (
	"errors"
	"net"
	"sync"
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
	err := o.arm(time.Now().Add(ioTimeout))
	if err == nil && len(replies) > 0 {
		var n int
		n, err = o.conn.Write(replies)
		o.traffic.Sent.Add(uint64(n))
	}
	if err == nil && len(media) > 0 {
		var n int64
		if o.records != nil {
			n, err = writeRecords(o.conn, media, o.records)
		} else {
			n, err = media.WriteTo(o.conn)
		}
		o.traffic.Sent.Add(uint64(n))
	}
	if err != nil {
		o.mu.Lock()
		o.cut = true
		o.mu.Unlock()
	}
	return err
}

// arm limits the next write, unless the last one of all is limited already.
func (o *outbox) arm(until time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.last.IsZero() {
		return nil
	}
	return o.conn.SetWriteDeadline(until)
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
