package mpegts

import (
	"slices"

	"weir/internal/media"
)

// follow goes on with the streams that the program's map lists now. Those that it had before stay
// as they are: a map often comes again, with another version and nothing new.
func (d *Demux) follow() {
	next := elementaries{all: map[uint16]*elementary{}}
	d.now.Tracks, d.now.Others = nil, nil
	others := 0
	kinds := d.program.kinds()
	for i, s := range d.program.streams {
		if e := d.streams.all[s.ElementaryPID]; e != nil && e.kind == kinds[i] {
			next.kept = append(next.kept, e)
		}
	}
	for i, s := range d.program.streams {
		k := kinds[i]
		if next.all[s.ElementaryPID] != nil || s.ElementaryPID == pidNull {
			continue
		}
		e := d.streams.all[s.ElementaryPID]
		fresh := e == nil || e.kind != k
		if fresh {
			e = &elementary{pid: s.ElementaryPID, kind: k, index: -1}
		}
		switch {
		case k.media != 0 && len(next.list) < maxStreams:
			if fresh {
				d.set(e, next.free(k.media))
			}
			next.list = append(next.list, e)
			next.video = next.video || k.media == media.Video
			d.now.Tracks = append(d.now.Tracks, k.name)
		case k.media == 0 && others < maxStreams:
			others++
			d.now.Others = once(d.now.Others, k.name)
		default:
			continue
		}
		next.all[e.pid] = e
	}
	d.leave(&next)
	d.streams = next
	if d.layout != nil {
		d.join()
	}
}

// set makes a stream ready to be read, as the number of its kind.
func (d *Demux) set(e *elementary, id int) {
	k := &e.kind
	e.id = id
	if k.media != media.Data {
		e.decoder = k.decoder(id, &d.options, &d.now)
		return
	}
	e.section.most = maxSplice
	e.track = &media.Track{ID: id, Kind: media.Data, Codec: k.codec, Header: []byte(k.config), Form: Form}
}

// leave takes leave of the streams that are not listed any more.
func (d *Demux) leave(next *elementaries) {
	var left []*elementary
	for _, e := range d.streams.list {
		if next.all[e.pid] != e {
			d.end(e)
			left = append(left, e)
		}
	}
	if len(left) == 0 {
		return
	}
	d.release()
	gone := func(e *elementary) bool { return slices.Contains(left, e) }
	seats := slices.DeleteFunc(slices.Clone(d.seats), gone)
	if len(seats) == len(d.seats) {
		return
	}
	for _, e := range left {
		e.index = -1
	}
	d.seats = seats
	if len(seats) == 0 || seats[0].kind.media == media.Data { // all of them are others now: these come together again
		for _, e := range seats {
			e.index = -1
		}
		d.seats, d.layout, d.foyer = nil, nil, foyer{}
		return
	}
	d.arrange()
}

// join gives the streams of data their seats, which need no frame for that.
func (d *Demux) join() {
	n := len(d.seats)
	for _, e := range d.streams.list {
		if e.kind.media == media.Data && e.index < 0 {
			d.seats = append(d.seats, e)
		}
	}
	if len(d.seats) > n {
		d.arrange()
	}
}

// arrange makes a layout of the streams that have a seat. Data comes last: so it may come and go without another
// track's moving.
func (d *Demux) arrange() {
	l := &media.Layout{Tracks: make([]*media.Track, len(d.seats))}
	slices.SortStableFunc(d.seats, func(a, b *elementary) int {
		data := func(e *elementary) int {
			if e.kind.media == media.Data {
				return 1
			}
			return 0
		}
		return data(a) - data(b)
	})
	for i, e := range d.seats {
		e.index, l.Tracks[i] = i, e.track
	}
	d.layout = l
}

// place gives an access unit its place: in the foyer, as long as that is open, else in the stream.
func (d *Demux) place(e *elementary, s *access, at int64) {
	f := d.options.Arena.Frame(nil, s.data)
	f.DTS, f.PTS, f.Key, f.At = s.dts, s.pts, s.key, at
	if d.layout == nil {
		d.foyer.add(e, s.track, f)
		return
	}
	d.send(e, s.track, f)
}

// settle closes the foyer once all are there, or it is too late for those who are not.
func (d *Demux) settle() {
	if d.layout == nil && len(d.foyer.list) > 0 && (d.foyer.over || d.streams.present()) {
		d.release()
	}
}

// datum gives a unit of data its place: it comes where pictures, or sound, have come to, and may have a time of its own.
func (d *Demux) datum(e *elementary, form media.Form, b []byte, pts int64, timed bool) {
	own := d.options.Arena.Bytes(len(b))
	copy(own, b)
	f := d.options.Arena.Frame(form, own)
	f.DTS, f.PTS, f.Key, f.At = d.newest, pts, true, d.tap.at
	if !timed {
		f.PTS = f.DTS
	}
	if d.layout == nil {
		d.foyer.addData(e, f, timed)
		return
	}
	d.send(e, e.track, f)
}

// release sends what waits, in one layout.
func (d *Demux) release() {
	list := d.foyer.leave()
	if len(list) == 0 {
		return
	}
	first := map[*elementary]*media.Track{}
	for _, g := range list {
		if first[g.of] == nil {
			first[g.of] = g.track
		}
	}
	for _, e := range d.streams.list {
		e.waits = false
		if t := first[e]; t != nil && e.kind.media != media.Data {
			e.track = t
			d.seats = append(d.seats, e)
		}
	}
	d.arrange()
	d.join()
	for _, g := range list {
		d.send(g.of, g.track, g.frame)
	}
}

// send hands a frame out, in a new layout if its track is a new one.
func (d *Demux) send(e *elementary, t *media.Track, f *media.Frame) {
	if e.index < 0 || e.track != t {
		if e.index < 0 {
			d.seats = append(d.seats, e)
		}
		e.track = t
		d.arrange()
	}
	f.Layout, f.Track = d.layout, uint8(e.index)
	d.out = append(d.out, f)
}
