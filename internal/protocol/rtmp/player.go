package rtmp

import (
	"errors"
	"net"
	"sync/atomic"
	"time"

	"weir/internal/config"
	"weir/internal/fanout"
	"weir/internal/format/amf0"
	"weir/internal/media"
	"weir/internal/stream"
)

// keptVectors is how many pieces of a batch a player keeps the room for.
const keptVectors = 1 << 14

// atcWish is the field by which a publisher's description asks for atc, until the next one.
const atcWish = "bravo_atc"

// player is a viewer's socket as a media.BatchWriter: it writes the frames of a batch as
// chunks, and before the first of a layout what a decoder needs.
type player struct {
	// Set at construction.
	session *session
	sub     *stream.Subscriber
	length  time.Duration // 0 is without end
	rules   *rules
	server  bool          // it is another server, which has players of its own
	resumed chan struct{} // cap 1: no longer paused
	paused  atomic.Bool

	// Owned by run.
	mux     mux
	clock   playClock
	out     []message
	began   int64 // DTS of the first frame, if count > 0
	count   uint64
	nodelay bool
	begun   bool // the burst that a player starts with is out: it never waits for an acknowledgement
	vectors net.Buffers
	headers []byte
}

func newPlayer(s *session, sub *stream.Subscriber, w wish) *player {
	return &player{
		session: s, sub: sub, length: w.length, rules: s.rules.fork(), server: s.connect.args.String(viaName) != "",
		resumed: make(chan struct{}, 1), nodelay: true,
		mux: mux{describe: func(m *media.Meta) message { return metaMessage(m, s.server.options.Product) }},
	}
}

// pause holds the player's frames back, or lets them go on.
func (p *player) pause(on bool) {
	p.paused.Store(on)
	if !on {
		select {
		case p.resumed <- struct{}{}:
		default:
		}
	}
}

// run writes until the subscription or the connection ends, and then ends the session, unless
// it was the client's wish.
func (p *player) run() {
	for {
		_, err := media.Copy(p, p.sub)
		switch {
		case errors.Is(err, stream.ErrUnpublished):
			if err = p.unpublished(); err == nil {
				continue
			}
		case errors.Is(err, stream.ErrClosed):
			return
		}
		p.session.cancel(fanout.Late(err)) // the first cause stays
		return
	}
}

// unpublished tells the player that the publisher has gone, if it is to know.
func (p *player) unpublished() error {
	if p.session.kin() {
		return errGone
	}
	p.queueUnpublished()
	return p.session.reply()
}

// queueUnpublished is unpublished for the next flush. Another server is to know in any case.
func (p *player) queueUnpublished() {
	if p.rules.current().Play.NotifyUnpublish || p.server {
		p.session.out.Queue(joinMessages(p.session.chunk, unpublishedMessages()...))
	}
}

func unpublishedMessages() []message {
	return []message{
		statusMessage("status", "NetStream.Play.UnpublishNotify", "The stream is not published any more.",
			amf0.Property{Name: "details", Value: "stream"}, asClient()),
		eventMessage(eventStreamEOF, streamID),
	}
}

// WriteFrame writes one frame.
func (p *player) WriteFrame(f *media.Frame) error {
	one := [1]*media.Frame{f}
	return p.WriteBatch(one[:])
}

// WriteBatch writes frames with one system call, where the system can.
func (p *player) WriteBatch(frames []*media.Frame) error {
	for p.paused.Load() {
		select {
		case <-p.resumed:
		case <-p.sub.Done():
			return stream.ErrClosed
		}
	}
	v := p.rules.current()
	if p.begun && v.TCPNodelay != p.nodelay {
		p.nodelay = v.TCPNodelay
		immediate(p.session.conn, p.nodelay)
	}
	full := len(frames) == media.MaxBatch // there is more of it
	interval := v.Play.SendMinInterval
	for len(frames) > 0 {
		n := len(frames)
		if interval > 0 {
			n = 1
		}
		if err := p.write(frames[:n]); err != nil {
			return err
		}
		frames = frames[n:]
		if interval > 0 {
			p.rest(interval)
		}
	}
	p.begun = p.begun || !full
	return nil
}

func (p *player) rest(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-p.sub.Done():
	}
}

// write writes frames with as few writes as may be: each has a time limit, and so a bound that
// a slow player can take within it.
func (p *player) write(frames []*media.Frame) error {
	play := &p.rules.current().Play
	p.out = p.out[:0]
	done, bytes := false, 0
	for _, f := range frames {
		if p.count == 0 {
			p.began = f.DTS
		}
		if done = p.length > 0 && f.DTS-p.began >= int64(p.length); done {
			break
		}
		p.out = p.append(p.out, f, play)
		p.count++
		if bytes += f.Size(); bytes >= fanout.MaxWrite {
			bytes = 0
			if err := p.flush(); err != nil {
				return err
			}
		}
	}
	if err := p.flush(); err != nil {
		return err
	}
	if done {
		return errComplete
	}
	return nil
}

// append appends the messages of a frame, with the player's own time. Sound from before the player's first frame is left out:
// it has no time of its own.
func (p *player) append(dst []message, f *media.Frame, v *config.Play) []message {
	time, own := p.stamp(f, v)
	if p.clock.early && f.Source().Kind == media.Audio {
		return dst
	}
	p.mux.undated = v.TimeJitter == "full" && !own
	return p.mux.append(dst, f, time, v.ReduceSequenceHeader)
}

// stamp returns the player's time of a frame, in ms, and whether it is the publisher's own: that of another server always is,
// who may compare it with that of others.
func (p *player) stamp(f *media.Frame, v *config.Play) (time uint32, atc bool) {
	atc = v.Atc || p.server || v.AtcAuto && f.Layout.Meta.Get(atcWish) == "true"
	return p.clock.stamp(f, v.TimeJitter, atc), atc
}

// flush sends the messages in p.out.
func (p *player) flush() error {
	bufs := p.vectors[:0]
	p.headers = p.headers[:0]
	for i := range p.out {
		bufs = appendVectors(bufs, &p.headers, &p.out[i], p.session.chunk)
	}
	err := p.session.out.Send(bufs)
	clear(bufs) // an idle player pins no frames
	clear(p.out)
	p.out = p.out[:0]
	if p.vectors = bufs; cap(bufs) > keptVectors {
		p.vectors, p.headers = nil, nil
	}
	return err
}
