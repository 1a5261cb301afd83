package remux

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"weir/internal/fanout"
	"weir/internal/media"
	"weir/internal/stream"
)

// lateTrack is how long a stream may be without a track that the form can carry.
const lateTrack = int64(2 * time.Second)

// maxBroken is for how long a viewer that has lost frames looks for a key frame.
const maxBroken = int64(10 * time.Second)

// atcWish is the field by which a publisher's description asks for atc.
const atcWish = "bravo_atc"

// link is the log that a viewer is sent.
type link struct {
	key     logKey
	log     *fanout.Log
	times   *times
	tags    *flvTags // for what is the viewer's own; nil for other forms
	release func()
}

func (l *link) close() {
	if l.release != nil {
		l.release()
	}
	*l = link{}
}

// play sends the stream to its end.
func (v *viewer) play() error {
	b, err := v.gather()
	for err == nil {
		if err = v.deliver(&b); err != nil {
			break
		}
		if v.direct != nil {
			return nil
		}
		most := media.MaxBatch
		if pause := v.rules.current().Play.SendMinInterval; pause > 0 {
			most = 1
			v.rest(pause)
		}
		clear(v.frames) // an idle viewer pins no frames
		b, err = v.sub.ReadNext(v.frames[:most])
		if err == nil {
			err = v.pass(&b)
		}
	}
	return err
}

// pass takes off a batch what is not for the viewer, who may find that nothing is.
func (v *viewer) pass(b *stream.Batch) error {
	v.skipPast(b)
	return v.able(b)
}

func (v *viewer) rest(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-v.sub.Done():
	}
}

// skipPast takes off a batch what is the past for a listener: what the stream kept for viewers, and
// what the cache has.
func (v *viewer) skipPast(b *stream.Batch) {
	if v.form.sound == media.Unknown || len(b.Frames) == 0 {
		return
	}
	if !v.placed {
		v.placed, v.cut = true, b.Pos+v.behind
		v.cached, v.cut = v.server.options.Cache.newest(v.sub.Stream(), v.form.sound, v.cut)
	}
	if v.cut > b.Pos {
		narrow(b, int(min(v.cut-b.Pos, uint64(len(b.Frames)))))
	}
}

// narrow takes the first n frames off a batch.
func narrow(b *stream.Batch, n int) {
	b.Frames, b.Pos = b.Frames[n:], b.Pos+uint64(n)
}

// able ends a viewer of a stream that has not had, for a while, anything that the form can carry.
func (v *viewer) able(b *stream.Batch) error {
	if len(b.Frames) == 0 {
		return nil
	}
	last := b.Frames[len(b.Frames)-1]
	if last.Layout == v.told || v.form.carries(last.Layout, v.kinds) {
		v.barren = 0
		return nil
	}
	if v.barren == 0 {
		v.barren = max(b.Frames[0].At, 1)
	}
	other := media.Unknown
	if i := last.Layout.First(media.Audio); i >= 0 {
		other = last.Layout.Tracks[i].Codec
	}
	if v.form.sound != media.Unknown && other != media.Unknown && other != v.form.sound {
		return refuse(http.StatusUnsupportedMediaType, fmt.Sprintf("The sound of this stream is %s, not %s.", other, v.form.sound))
	}
	if last.At-v.barren < lateTrack {
		return nil
	}
	return refuse(http.StatusUnsupportedMediaType, fmt.Sprintf("There is nothing in this stream that %s can carry.", v.form.name))
}

// deliver sends a batch out of the stream's log. With the first the answer begins, or the connection
// goes over to a shard.
func (v *viewer) deliver(b *stream.Batch) error {
	ready, err := v.prepare(b)
	if !ready || err != nil {
		return err
	}
	if !v.out.begun() {
		if v.waiting != nil && !v.waiting.Stop() {
			return errAbsent
		}
		v.waiting = nil
		if v.shard {
			return v.release(b)
		}
	}
	out, ok := v.link.log.Slices(v.opened(v.pieces[:0], b), b.Pos, len(b.Frames))
	if v.sent(b, ok); !ok || len(out) == 0 {
		return nil
	}
	if !v.out.begun() {
		if err := v.out.begin(); err != nil {
			return err
		}
	}
	err = v.out.write(out)
	clear(out)
	v.pieces = out[:0]
	return fanout.Late(err)
}

// prepare puts a batch into the stream's log, and reports whether the viewer is to be sent it: from
// its first frame on, or where the viewer has to enter the log and cannot do it there from the first
// where it can.
func (v *viewer) prepare(b *stream.Batch) (ready bool, err error) {
	if len(b.Frames) == 0 {
		return false, nil
	}
	if err := v.attach(b.Frames[len(b.Frames)-1].Layout); err != nil {
		return false, err
	}
	if err := v.link.log.Extend(b); err != nil {
		v.log.Warn("a file of memory cannot grow; the stream's log goes on without", "cause", err)
	}
	v.inside = v.inside && b.Pos == v.next
	v.next = b.Pos + uint64(len(b.Frames))
	return v.inside || v.enter(b), nil
}

// opened appends what the viewer is sent before a batch that has been prepared.
func (v *viewer) opened(dst net.Buffers, b *stream.Batch) net.Buffers {
	if v.inside {
		return dst
	}
	return v.opening(dst, b.Frames[0])
}

// sent notes that the viewer has been sent a batch, or that it was too slow for it.
func (v *viewer) sent(b *stream.Batch, ok bool) {
	n := len(b.Frames)
	if v.inside = ok; !ok {
		v.broke(b.Frames[0])
		v.lose(n)
		return
	}
	v.count += uint64(n)
	v.told, v.cached = b.Frames[n-1].Layout, nil
}

// attach sees to it that the viewer has the log that its vhost's rules ask for now.
func (v *viewer) attach(l *media.Layout) error {
	play := &v.rules.current().Play
	key := logKey{form: v.form.name, kinds: v.kinds, chunked: v.chunked}
	if v.form.name == "flv" {
		key.jitter, key.reduce = play.TimeJitter, play.ReduceSequenceHeader
		if play.Atc || play.AtcAuto && l.Meta.Get(atcWish) == "true" || len(v.request.Via) > 0 {
			key.jitter = "off" // other servers compare it with that of others
		}
	}
	if v.link.log != nil && v.link.key == key {
		return nil
	}
	v.link.close()
	v.inside = false
	times, releaseTimes, err := timesOf(v.sub.Stream())
	if err != nil {
		return err
	}
	d := describeBy(v.server.options.Product)
	log, releaseLog, err := v.logOf(key, times, d)
	if err != nil {
		releaseTimes()
		return err
	}
	v.link = link{key: key, log: log, times: times, release: func() { releaseLog(); releaseTimes() }}
	if v.form.name == "flv" {
		v.link.tags = &flvTags{key: key, times: times, describe: d}
	}
	return nil
}

// logOf returns the stream's log under a key: for shards in a file, if the rules and the system
// allow it.
func (v *viewer) logOf(key logKey, t *times, d describe) (*fanout.Log, func(), error) {
	encoder := func() fanout.Encoder {
		e := v.form.encoder(key, t, d)
		if key.chunked {
			e = &chunked{Encoder: e}
		}
		return e
	}
	writer := v.rules.current().Play.Writer
	if v.shard && writer != "memory" {
		log, release, err := fanout.LogOf(v.sub.Stream(), key, true, encoder)
		if err == nil || errors.Is(err, stream.ErrClosed) {
			return log, release, err
		}
		if writer == "file" {
			v.log.Warn("no file of memory; writer memory is in force", "cause", err)
		}
	}
	return fanout.LogOf(v.sub.Stream(), key, false, encoder)
}

// enter narrows a batch to where the viewer can enter the log, and reports whether it can. The log
// may begin behind the batch, where another viewer has begun it, who came a moment later: then, as
// after a loss, it enters where decoding can start.
func (v *viewer) enter(b *stream.Batch) bool {
	var room [8][]byte
	for i, f := range b.Frames {
		own, ok := v.link.log.Slices(room[:0], b.Pos+uint64(i), 1)
		if !ok {
			v.broke(f)
			continue
		}
		if v.chunked {
			own = unchunk(own)
		}
		if v.broken != 0 && !v.mends(f) || !v.form.enters(f, own) {
			continue
		}
		if v.broken != 0 {
			v.lose(i)
		}
		v.broken = 0
		narrow(b, i)
		return true
	}
	if v.broken != 0 {
		v.lose(len(b.Frames))
	}
	return false
}

// lose counts frames that the viewer is not sent: those that it was too slow for as lost, those before
// it has found a place to enter for the log alone.
func (v *viewer) lose(n int) {
	if v.count > 0 {
		v.sub.Lose(uint64(n))
	} else {
		v.missed += uint64(n)
	}
}

// broke notes that the viewer has lost frames from f on.
func (v *viewer) broke(f *media.Frame) {
	if v.broken == 0 {
		v.broken = max(f.At, 1)
	}
}

// mends reports whether a viewer that has lost frames can go on with f: where decoding can start, or
// where that has not come for long, because there are no pictures any more.
func (v *viewer) mends(f *media.Frame) bool {
	main := f.Layout.First(media.Video)
	if main < 0 || v.kinds.noVideo || v.form.sound != media.Unknown {
		return true
	}
	return f.Key && int(f.Track) == main || f.At-v.broken > maxBroken
}

// opening appends what the viewer is sent before the log's bytes of the frame it enters at.
func (v *viewer) opening(dst net.Buffers, f *media.Frame) net.Buffers {
	if v.link.tags != nil {
		v.link.tags.heads = nil // what was made of them may still be on its way
		return v.link.tags.opening(dst, f, v.told, v.audio, v.video)
	}
	if v.told != nil {
		return dst
	}
	if len(v.form.starts) > 0 {
		dst = append(dst, v.form.starts)
	}
	if len(v.cached) > 0 {
		e := v.form.encoder(logKey{}, nil, nil)
		var past net.Buffers
		for _, f := range v.cached {
			past = e.Append(past, f, true)
		}
		dst = append(dst, past...)
	}
	return dst
}
