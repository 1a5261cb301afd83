package webrtc

import (
	"errors"
	"io"
	"time"

	"github.com/pion/rtcp"

	"weir/internal/format/rtp"
	"weir/internal/media"
	"weir/internal/stream"
)

// passage is the way of one player through a publisher's packets, which get numbers of the player's. It is for one goroutine.
type passage struct {
	session *session
	lane    *stream.LaneReader
	layout  *media.Layout
	threads map[*outlet]*thread
	refused map[*outlet]media.Codec
	before  map[*outlet]*media.Packet // reports that have come before a packet of their track
	ahead   int64                     // ns: the publisher's wall clock minus ours, about; the same for all tracks
	known   bool                      // ahead is set
}

// thread is how the numbers of a publisher's track become a player's.
type thread struct {
	sequence uint16 // added to the publisher's
	time     uint32 // the same
	first    int64  // of the player's numbers, unwrapped: those before are another publisher's, or nobody's
	high     int64  // the newest

	began int64
	told  bool // ntp and at are set
	ntp   uint64
	at    uint32 // the track's time then
}

// pass sends a publisher's packets as they come. It returns nil when the publisher has ended, or another has come.
func (s *session) pass() error {
	lane := s.reader.Lane(s.ctx)
	if lane == nil {
		return nil
	}
	s.reader.Ask(stream.Feedback{Key: true})
	w := &passage{session: s, lane: lane, threads: map[*outlet]*thread{}, refused: map[*outlet]media.Codec{}, before: map[*outlet]*media.Packet{}}
	packets := make([]*media.Packet, media.MaxBatch)
	for {
		n, err := lane.ReadPackets(packets)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		w.layout = s.reader.Layout() // for all that came: it takes the hub's lock
		s.burst.hold()
		for _, p := range packets[:n] {
			w.send(p)
		}
		s.burst.flush()
		clear(packets[:n])
		w.report()
	}
}

// outletOf returns the outlet for a track, nil where there is none: the first track of a kind is sent.
func (w *passage) outletOf(track uint8) *outlet {
	if w.layout == nil || int(track) >= len(w.layout.Tracks) {
		return nil
	}
	kind := w.layout.Tracks[track].Kind
	if w.layout.First(kind) != int(track) {
		return nil
	}
	for _, o := range w.session.senders {
		if o.kind == kind {
			return o
		}
	}
	return nil
}

// send sends one packet of the publisher.
func (w *passage) send(p *media.Packet) {
	o := w.outletOf(p.Track)
	if o == nil {
		return
	}
	codec, report := codecIn(p)
	if report {
		w.note(o, p)
		return
	}
	k := packetOf(p)
	t := w.threads[o]
	if t == nil {
		t = o.thread(&k)
		t.began = p.At
		w.threads[o] = t
		if r := w.before[o]; r != nil {
			w.note(o, r)
			delete(w.before, o)
		}
	}
	sequence := k.Sequence + t.sequence
	number := t.high + int64(int16(sequence-uint16(t.high)))
	if number < t.first || number <= t.high-historyVideo {
		return // it has come too late
	}
	t.high = max(t.high, number)
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.use(codec, 0) {
		w.refuse(o, codec)
		return
	}
	o.clock = rtp.Rate(codec)
	w.session.traffic.Sent.Add(uint64(len(p.Data)))
	o.send(p.At, sequence, rtp.Payload{Data: k.Payload, Time: k.Time + t.time, Marker: k.Marker})
}

// refuse says once that the player has not agreed to a codec.
func (w *passage) refuse(o *outlet, codec media.Codec) {
	if w.refused[o] != codec {
		w.refused[o] = codec
		w.session.log.Warn("the player does not take the stream's codec", "kind", o.kind, "codec", codec)
	}
}

// thread begins with a publisher's track, at one of its packets: its numbers go on behind those of before.
func (o *outlet) thread(k *rtp.Packet) *thread {
	at := o.goOn(k.At)
	o.mu.Lock()
	defer o.mu.Unlock()
	first := int64(o.next) + 1<<16 // away from zero
	return &thread{sequence: o.next - k.Sequence, time: at - k.Time, first: first, high: first}
}

// note takes the publisher's report of a track.
func (w *passage) note(o *outlet, p *media.Packet) {
	t := w.threads[o]
	if t == nil {
		w.before[o] = p
		return
	}
	r, ok := reportIn(p)
	if !ok {
		return
	}
	if !w.known {
		w.ahead, w.known = since(r.NTPTime, rtp.NTP(time.Now()))+media.Now()-p.At, true
	}
	t.told, t.ntp, t.at = true, r.NTPTime, r.RTPTime+t.time
}

// report tells the player what time of the tracks it is now, by what the publisher has told of them; if that is nothing, by
// arrivals, but for the first: what an encoder has kept while it connected comes at once.
func (w *passage) report() {
	var list []rtcp.Packet
	now := media.Now()
	for o, t := range w.threads {
		if !t.told && now-t.began < reportTime {
			continue
		}
		o.mu.Lock()
		stamp := o.stamp + rtp.Ticks(now-o.stampAt, o.clock) // as far as arrivals tell
		if t.told {
			stamp = t.at + rtp.Ticks(since(rtp.NTP(time.Now()), t.ntp)+w.ahead, o.clock)
		}
		if r := o.report(now, stamp); r != nil {
			list = append(list, r)
		}
		o.mu.Unlock()
	}
	if len(list) > 0 {
		_ = w.session.pc.WriteRTCP(list) // the next one comes in a second
	}
}

// since returns how many ns a time of NTP's is behind another.
func since(a, b uint64) int64 {
	d := int64(a - b)
	return d>>32*1_000_000_000 + (d&0xffffffff)*1_000_000_000>>32
}
