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

	turn sync.Mutex // held while writing

	mu      sync.Mutex
	replies []byte
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
	if err := o.conn.SetWriteDeadline(time.Now().Add(ioTimeout)); err != nil {
		return err
	}
	if len(replies) > 0 {
		n, err := o.conn.Write(replies)
		o.traffic.Sent.Add(uint64(n))
		if err != nil {
			return err
		}
	}
	if len(media) == 0 {
		return nil
	}
	n, err := media.WriteTo(o.conn)
	o.traffic.Sent.Add(uint64(n))
	return err
}
