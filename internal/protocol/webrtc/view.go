package webrtc

import (
	"time"

	"github.com/pion/rtcp"

	"weir/internal/format/rtp"
	"weir/internal/media"
	"weir/internal/stream"
)

const (
	// old is the age from which on a frame is none of those that come just now: it is shown at once, to catch up.
	old = int64(250 * time.Millisecond)
	// hurry is the time between two frames that are shown to catch up.
	hurry = int64(100 * time.Microsecond)
	// What is sent to catch up, beside a first burst: a network that is worth it takes that.
	burstBytes = 64 << 10
	burstRate  = 5 << 20 // bytes a second
	// anewPause is between two times that a player is shown the newest key frame again.
	anewPause = int64(time.Second)
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

	entered   int64 // when this way began, and the zero of its time
	bases     map[*outlet]uint32
	layout    *media.Layout
	begun     bool  // a frame to begin with has been sent
	live      bool  // has caught up
	shift     int64 // the stream's time minus the way's
	shown     int64 // the way's time of the newest picture
	burst     int   // bytes that were sent to catch up
	burstAt   int64
	anewAt    int64
	dropped   uint64 // pictures that browsers do not take: see keep_bframe
	notTaken  *media.Track
	reporting []rtcp.Packet
}

func newView(s *session) *view {
	v := &view{session: s, bases: map[*outlet]uint32{}}
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
		return nil
	}
	if v.wire == nil {
		if err := v.enter(); err != nil {
			return err
		}
	}
	v.wire.extend(b)
	v.items = v.wire.read(v.items[:0], b.Pos, len(b.Frames))
	v.session.burst.hold()
	defer v.session.burst.flush()
	for i := range v.items {
		if err := v.send(&v.items[i]); err != nil {
			return err
		}
	}
	clear(v.items)
	v.report()
	if v.session.anew.Load() && v.live && media.Now()-v.anewAt > anewPause {
		v.session.anew.Store(false)
		v.anewAt = media.Now()
		if v.session.reader.Rewind() {
			v.begun = false
		}
	}
	return nil
}

// send sends an item, if it is its turn.
func (v *view) send(i *item) error {
	if i.layout != v.layout {
		if v.layout == nil || v.layout.Publisher != i.layout.Publisher {
			v.begun = false
		}
		v.layout = i.layout
	}
	o := v.sight
	if i.kind == media.Audio {
		o = v.sound
	}
	if o == nil || len(i.payloads) == 0 || !v.turn(i) {
		return nil
	}
	now := media.Now()
	caughtUp := v.live
	bytes, err := v.write(o, i, v.place(i, now), now)
	v.session.traffic.Sent.Add(uint64(bytes))
	if !caughtUp && err == nil {
		v.pause(now, bytes)
	}
	return sent(err)
}

// write sends an item's packets at a time of the way, and returns how many bytes they are.
func (v *view) write(o *outlet, i *item, at, now int64) (bytes int, err error) {
	base := v.bases[o]
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.use(i.codec, profileIn(i.source)) {
		v.refuse(i)
		return 0, nil
	}
	o.clock = rtp.Rate(i.codec)
	move := base + rtp.Ticks(at, o.clock) - rtp.Ticks(i.pts, o.clock)
	for _, p := range i.payloads {
		p.Time += move
		bytes += headLen + len(p.Data)
		if err := o.send(now, o.next, p); err != nil {
			return bytes, err
		}
	}
	return bytes, nil
}

// turn reports whether an item is sent: pictures from a key frame on, and sound from when they have caught up.
func (v *view) turn(i *item) bool {
	pictures := v.sight != nil && i.layout.First(media.Video) >= 0
	switch {
	case i.kind == media.Audio:
		if !pictures && !v.begun {
			v.begun, v.live = true, true
			v.shift = i.pts - (media.Now() - v.entered)
		}
		return v.begun && v.live
	case !v.begun && !i.key:
		return false
	case !v.begun:
		v.begun, v.live = true, false
		v.burst, v.burstAt = 0, media.Now()
	case i.early && !v.session.rules().RTC.KeepBframe:
		v.dropped++
		return false
	}
	return true
}

// place returns the time of an item on the player's way.
func (v *view) place(i *item, now int64) int64 {
	if v.live {
		return i.pts - v.shift
	}
	v.shown = max(now-v.entered, v.shown+hurry)
	if now-i.at < old {
		v.live, v.shift = true, i.pts-v.shown
	}
	return v.shown
}

// pause waits where more than the network may take has been sent to catch up.
func (v *view) pause(now int64, bytes int) {
	v.burst += bytes
	over := int64(v.burst-burstBytes)*int64(time.Second)/burstRate - (now - v.burstAt)
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
	if v.notTaken == i.source {
		return
	}
	v.notTaken = i.source
	v.session.log.Warn("the player does not take the stream's codec", "kind", i.kind, "codec", i.codec)
}

// report tells the player what time of the tracks it is now.
func (v *view) report() {
	if !v.live {
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
