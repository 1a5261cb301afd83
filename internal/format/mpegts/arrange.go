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
	for _, s := range d.program.streams {
		if e := d.streams.all[s.ElementaryPID]; e != nil && e.kind == kindOf(s) {
			next.kept = append(next.kept, e)
		}
	}
	for _, s := range d.program.streams {
		k := kindOf(s)
		if next.all[s.ElementaryPID] != nil || s.ElementaryPID == pidNull {
			continue
		}
		e := d.streams.all[s.ElementaryPID]
		if e == nil || e.kind != k {
			e = &elementary{pid: s.ElementaryPID, kind: k, index: -1}
		}
		switch {
		case k.media != 0 && len(next.list) < maxStreams:
			if e.decoder == nil {
				e.id = next.free(k.media)
				e.decoder = k.decoder(e.id, &d.options, &d.now)
			}
			next.list = append(next.list, e)
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
	if d.layout == nil {
		return
	}
	l := &media.Layout{}
	for _, t := range d.layout.Tracks {
		i := slices.IndexFunc(left, func(e *elementary) bool { return e.track == t })
		if i < 0 {
			l.Tracks = append(l.Tracks, t)
		}
	}
	if len(l.Tracks) == len(d.layout.Tracks) {
		return
	}
	for _, e := range d.streams.list {
		e.index = slices.Index(l.Tracks, e.track)
	}
	d.layout = l
	if len(l.Tracks) == 0 { // all of them are others now: these come together again
		d.layout, d.foyer = nil, foyer{}
	}
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
	l := &media.Layout{}
	for _, e := range d.streams.list {
		e.waits = false
		if t := first[e]; t != nil {
			e.index, e.track = len(l.Tracks), t
			l.Tracks = append(l.Tracks, t)
		}
	}
	d.layout = l
	for _, g := range list {
		d.send(g.of, g.track, g.frame)
	}
}

// send hands a frame out, in a new layout if its track is a new one.
func (d *Demux) send(e *elementary, t *media.Track, f *media.Frame) {
	if e.index < 0 || e.track != t {
		l := &media.Layout{Tracks: slices.Clone(d.layout.Tracks)}
		if e.index < 0 {
			e.index = len(l.Tracks)
			l.Tracks = append(l.Tracks, t)
		} else {
			l.Tracks[e.index] = t
		}
		e.track, d.layout = t, l
	}
	f.Layout, f.Track = d.layout, uint8(e.index)
	d.out = append(d.out, f)
}
