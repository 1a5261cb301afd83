package webrtc

import (
	"math"
	"time"

	"github.com/pion/rtcp"

	"weir/internal/format/rtp"
	"weir/internal/media"
	"weir/internal/stream"
)

const (
	// old is the age from which on a frame is none of those that come just now: it is shown at once, to catch up.
	old = int64(250 * time.Millisecond)
	// hurry is the time between two frames that are shown to catch up, at the least.
	hurry = int64(100 * time.Microsecond)
	// hurryMost is for how long a player tries to catch up. A machine that has too much to do never would.
	hurryMost = int64(3 * time.Second)
	// So much is sent to catch up: a first burst, and then so many bytes a second, or the stream so much faster than it is.
	burstBytes = 64 << 10
	burstRate  = 1 << 20
	burstSpeed = 8
	// pictureWait is for how long sound waits for a first picture.
	pictureWait = int64(2 * time.Second)
	// A player that has lost something is shown the newest key frame again, with what has come since, if that is no more than
	// this; and again after a pause, which doubles until the next key frame.
	anewBytes    = 3 << 19
	anewPause    = int64(time.Second)
	anewPauseMax = 16 * anewPause
)

// view is the way of one player through frames. It begins with the newest key frame that there is, at once, and with the
// pictures up to now in a moment: the times of these are those of their being sent. From then on pictures and sound have the
// stream's rhythm. It is for one goroutine.
type view struct {
	session      *session
	sound, sight *outlet // nil: not wanted

	wire    *wire // nil while frames are not sent
	release func()
	items   []item

	entered int64 // when this way began, and the zero of its time
	bases   map[*outlet]uint32
	layout  *media.Layout
	since   int64 // when the publisher's first frame came
	begun   bool  // shift is set
	shift   int64 // the stream's time minus the way's
	heard   int64 // the stream's time of the newest sound

	sighted bool  // a key frame has been sent
	hurried bool  // pictures are shown to catch up
	shown   int64 // the way's time of the newest picture
	burst   int   // bytes that were sent to catch up
	burstAt int64
	burstOf int64 // the stream's time of the first of them

	gop    int   // bytes since the newest key frame
	anewAt int64 // when it was shown again
	pause  int64 // until it may be the next time

	refused   map[media.Kind]media.Codec
	reporting []rtcp.Packet
}

func newView(s *session) *view {
	v := &view{session: s, bases: map[*outlet]uint32{}, refused: map[media.Kind]media.Codec{}}
	for _, o := range s.senders {
		if o.kind == media.Audio {
			v.sound = o
		} else {
			v.sight = o
		}
	}
	return v
}

// close leaves the frames: packets come, or nothing more.
func (v *view) close() {
	if v.wire == nil {
		return
	}
	if v.sound != nil {
		v.wire.listeners.Add(-1)
	}
	v.release()
	v.wire, v.layout = nil, nil
}

// enter begins with frames.
func (v *view) enter() (err error) {
	s := v.session
	v.wire, v.release, err = wireOf(s.reader.Stream(), &s.rules().RTC, s.log)
	if err != nil {
		return err
	}
	if v.sound != nil {
		v.wire.listeners.Add(1)
	}
	v.entered, v.shown = media.Now(), 0
	for _, o := range s.senders {
		v.bases[o] = o.goOn(v.entered)
	}
	return nil
}

// show sends a batch of the stream's frames.
func (v *view) show(b *stream.Batch) error {
	if !v.session.rules().RTC.RtmpToRtc {
		v.close()
		return nil
	}
	if v.wire == nil {
		if err := v.enter(); err != nil {
			return err
		}
	}
	v.wire.extend(b)
	v.items = v.wire.read(v.items[:0], b.Pos, len(b.Frames))
	if len(v.items) < len(b.Frames) {
		v.sighted = false // others have had it forgotten
	}
	v.session.burst.hold()
	defer v.session.burst.flush()
	edge := (v.hurried || !v.begun) && v.session.reader.Behind() == 0 // then the last of them is the stream's newest frame
	for i := range v.items {
		v.send(&v.items[i], edge && i == len(v.items)-1)
	}
	clear(v.items)
	v.report()
	v.again()
	return nil
}

// again goes back to the newest key frame for a player that has lost something, where that helps.
func (v *view) again() {
	s := v.session
	if !s.anew.Load() || v.hurried || !v.sighted || v.gop > anewBytes || media.Now()-v.anewAt < v.pause {
		return
	}
	s.anew.Store(false)
	if s.reader.Rewind() {
		v.sighted, v.anewAt = false, media.Now()
		v.pause = min(max(2*v.pause, anewPause), anewPauseMax)
	}
}

// send sends an item, if it is its turn. Newest says that the stream has no frame behind it: on a machine that is slow with
// everything that is new enough.
func (v *view) send(i *item, newest bool) {
	now := media.Now()
	fresh := newest || now-i.at < old
	if i.layout != v.layout {
		if v.layout == nil || v.layout.Publisher != i.layout.Publisher {
			v.begun, v.sighted, v.since = false, false, now
		}
		v.layout = i.layout
	}
	if len(i.payloads) == 0 {
		return
	}
	if i.kind == media.Audio {
		if at, ok := v.hear(i, now, fresh); ok {
			v.write(v.sound, i, at, now)
		}
		return
	}
	at, ok := v.see(i, now, fresh)
	if !ok {
		return
	}
	bytes := v.write(v.sight, i, at, now)
	v.gop += bytes
	if v.hurried {
		v.wait(now, i.pts, bytes)
	}
}

// hear returns the way's time of sound, if it is to be sent: from when pictures have caught up, or do not come.
func (v *view) hear(i *item, now int64, fresh bool) (at int64, ok bool) {
	switch {
	case v.sound == nil || v.begun && i.pts <= v.heard: // that has been heard, before pictures were shown again
		return 0, false
	case !v.begun:
		pictures := v.sight != nil && i.layout.First(media.Video) >= 0
		if !fresh && now-v.since < 2*pictureWait || pictures && now-v.since < pictureWait {
			return 0, false
		}
		v.begin(i.pts, max(now-v.entered, v.shown+hurry))
	}
	v.heard = i.pts
	return i.pts - v.shift, true
}

// begin has a time of the stream be one of the way.
func (v *view) begin(pts, at int64) {
	v.begun, v.shift, v.heard = true, pts-at, math.MinInt64
}

// see returns the way's time of a picture, if it is to be sent.
func (v *view) see(i *item, now int64, fresh bool) (at int64, ok bool) {
	switch {
	case v.sight == nil || !v.sighted && !i.key:
		return 0, false
	case i.key:
		v.session.anew.Store(false)
		v.gop = 0
		if fresh {
			v.pause = anewPause // it has come by itself
		}
		if !v.sighted {
			v.sighted, v.hurried = true, true
			v.burst, v.burstAt, v.burstOf = 0, now, i.pts
		}
	case i.early && !v.session.rules().RTC.KeepBframe:
		return 0, false
	}
	if fresh || now-v.burstAt > hurryMost {
		v.hurried = false
	}
	switch {
	case v.begun && !v.hurried:
		if at = i.pts - v.shift; at <= v.shown && !i.early {
			at = v.shown + hurry
		}
	default:
		at = max(now-v.entered, v.shown+hurry)
		if !v.hurried {
			v.begin(i.pts, at)
		}
	}
	v.shown = max(v.shown, at)
	return at, true
}

// write sends an item's packets at a time of the way, and returns how many bytes they are.
func (v *view) write(o *outlet, i *item, at, now int64) (bytes int) {
	base := v.bases[o]
	o.mu.Lock()
	taken := o.use(i.codec, profileIn(i.source))
	if taken {
		o.clock = rtp.Rate(i.codec)
		move := base + rtp.Ticks(at, o.clock) - rtp.Ticks(i.pts, o.clock)
		for _, p := range i.payloads {
			p.Time += move
			bytes += headLen + len(p.Data)
			o.send(now, o.next, p)
		}
	}
	o.mu.Unlock()
	if !taken {
		v.refuse(i)
	}
	v.session.traffic.Sent.Add(uint64(bytes))
	return bytes
}

// wait waits where more than the network may take has been sent to catch up.
func (v *view) wait(now, pts int64, bytes int) {
	v.burst += bytes
	due := min(int64(v.burst-burstBytes)*int64(time.Second)/burstRate, (pts-v.burstOf)/burstSpeed)
	over := due - (now - v.burstAt)
	if over < int64(time.Millisecond) {
		return
	}
	v.session.burst.flush()
	defer v.session.burst.hold()
	select {
	case <-time.After(time.Duration(over)):
	case <-v.session.ctx.Done():
	}
}

// refuse says once that a track is of a codec that the player has not agreed to.
func (v *view) refuse(i *item) {
	if v.refused[i.kind] == i.codec {
		return
	}
	v.refused[i.kind] = i.codec
	v.session.log.Warn("the player does not take the stream's codec", "kind", i.kind, "codec", i.codec)
}

// report tells the player what time of the tracks it is now.
func (v *view) report() {
	if !v.begun {
		return
	}
	now := media.Now()
	for _, o := range v.session.senders {
		o.mu.Lock()
		r := o.report(now, v.bases[o]+rtp.Ticks(now-v.entered, o.clock))
		o.mu.Unlock()
		if r != nil {
			v.reporting = append(v.reporting, r)
		}
	}
	if len(v.reporting) > 0 {
		_ = v.session.pc.WriteRTCP(v.reporting) // the next one comes in a second
	}
	clear(v.reporting)
	v.reporting = v.reporting[:0]
}

// profileIn returns the profile of a track of H.264, 0 if that is not known.
func profileIn(t *media.Track) byte {
	if t.Codec != media.H264 || len(t.Config) < 4 {
		return 0
	}
	return t.Config[1]
}
