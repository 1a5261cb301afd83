package mpegts

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"weir/internal/media"
)

// maxPending bounds the bytes of PES packets that are not whole yet, all streams together.
const maxPending = 32 << 20

// DemuxOptions say what is wanted of a transport stream, and how.
type DemuxOptions struct {
	Program     int          // by its number; 0 is the first
	DropDamaged bool         // a picture that was lost takes those with it that follow it, up to the next key frame
	Arena       *media.Arena // has the memory of frames; nil: one of the demuxer's own
	At          func() int64 // the clock of Frame.At; nil: media.Now
}

// Demux takes one program of a transport stream apart into frames. It is a media.Reader and a
// media.BatchReader, for one goroutine; Health is for any.
//
// A frame has the bytes that were sent, or does not come: what has lost a packet is left out as a
// whole. Times are the sender's, unwrapped.
type Demux struct {
	// Set at construction.
	options DemuxOptions
	tap     *tap

	// Owned by the reader.
	program program
	streams elementaries
	clock   media.Wrap
	newest  int64         // ns: how far the pictures have come, or the sound where there are none
	seats   []*elementary // that have a track in the layout, in its order
	layout  *media.Layout // nil as long as first frames wait
	foyer   foyer
	pending int // bytes in open units
	unit    pes
	units   []access
	out     []*media.Frame
	given   int // of out
	err     error
	now     Health

	mu     sync.Mutex
	health Health // guarded by mu: what now was before the newest read
}

var _ interface {
	media.Reader
	media.BatchReader
} = (*Demux)(nil)

// NewDemux returns a demuxer of what r gives, in pieces of any size: it need not begin with a
// packet, and packets may be missing.
func NewDemux(r io.Reader, o DemuxOptions) *Demux {
	if o.Arena == nil {
		o.Arena = &media.Arena{}
	}
	return &Demux{
		options: o, tap: newTap(r, o.At), clock: media.Wrap{Bits: 33},
		program: program{wanted: o.Program},
	}
}

// Health returns how well the stream comes.
func (d *Demux) Health() Health {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.health
}

func (d *Demux) publish() {
	d.now.Skipped, d.now.Problem = d.tap.skipped, ""
	for _, e := range d.streams.list {
		if e.locked {
			d.now.Problem = fmt.Sprintf("%s of PID %#x is encrypted", e.kind.name, e.pid)
			break
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.health = d.now
	d.health.Corrupt += d.tap.losses
}

// ReadFrame returns the next frame.
func (d *Demux) ReadFrame() (*media.Frame, error) {
	var one [1]*media.Frame
	_, err := d.ReadBatch(one[:])
	return one[0], err
}

// ReadBatch fills dst with the next frames and returns how many; it blocks until there is one.
// The error is that of the reader, io.EOF at its end, behind the frames that were still held; or
// ErrNoSync, or ErrNoProgram.
func (d *Demux) ReadBatch(dst []*media.Frame) (int, error) {
	for d.given == len(d.out) {
		if d.err != nil {
			return 0, d.err
		}
		if len(dst) == 0 {
			return 0, nil
		}
		d.out, d.given = d.out[:0], 0
		d.err = d.read()
		d.publish()
	}
	n := copy(dst, d.out[d.given:])
	clear(d.out[d.given : d.given+n]) // the caller's from now on
	d.given += n
	return n, nil
}

// read takes what the reader gives at once. Behind the end of it all the frames come that wait.
func (d *Demux) read() error {
	end := d.tap.fill()
	for {
		b, err := d.tap.next()
		if d.tap.torn >= 0 {
			if e := d.streams.all[uint16(d.tap.torn)]; e != nil && e.kind.media != 0 {
				e.section.drop()
				d.tear(e)
			}
		}
		if b != nil {
			err = d.packet(b)
		}
		if err != nil {
			end = err
			break
		}
		if b == nil {
			break
		}
	}
	if end != nil {
		for _, e := range d.streams.list {
			d.end(e)
		}
		d.release()
	}
	return end
}

// packet takes one packet of any PID.
func (d *Demux) packet(b []byte) error {
	d.now.Packets++
	p, ok := parsePacket(b)
	if !ok { // what it was is missed by the counter of the next one
		d.now.Corrupt++
		return nil
	}
	e := d.streams.all[p.pid]
	switch {
	case p.pid == pidNull:
	case len(p.payload) == 0:
		if e != nil {
			e.line.pass(&p)
		}
	case p.pid == 0:
		return d.tables(&d.program.patLine, &d.program.pats, &p, d.program.associate)
	case p.pid == d.program.pid:
		return d.tables(&d.program.pmtLine, &d.program.pmts, &p, func(b []byte) error {
			read, err := d.program.describe(b)
			if read {
				d.follow()
			}
			return err
		})
	case e == nil:
	case e.kind.media == 0:
		d.other(e, &p)
	case e.kind.codec == media.SCTE35:
		d.splices(e, &p)
	default:
		d.media(e, &p)
	}
	return nil
}

// tables takes a packet of tables.
func (d *Demux) tables(l *line, s *section, p *packet, read func([]byte) error) error {
	fresh, torn := d.follows(l, p)
	if !fresh {
		return nil
	}
	if torn {
		s.drop()
	}
	return d.sections(s, p, read)
}

// splices takes a packet of sections of SCTE-35.
func (d *Demux) splices(e *elementary, p *packet) {
	fresh, torn := d.follows(&e.line, p)
	if !fresh {
		return
	}
	if torn {
		e.section.drop()
	}
	if p.scrambled {
		e.section.drop()
		d.scrambled(e)
		return
	}
	_ = d.sections(&e.section, p, func(b []byte) error {
		if !isSplice(b) {
			return errTable
		}
		e.locked = false
		d.datum(e, nil, b, 0, false)
		return nil
	})
}

// sections has those read that end in a packet. The error is ErrNoProgram.
func (d *Demux) sections(s *section, p *packet, read func([]byte) error) (err error) {
	s.take(p, func(b []byte) {
		switch e := read(b); {
		case errors.Is(e, ErrNoProgram):
			err = e
		case e != nil:
			d.now.Corrupt++
		}
	})
	return err
}

// follows counts what is missing before a packet, and reports whether the packet is another one than that before, and
// whether it is torn from it.
func (d *Demux) follows(l *line, p *packet) (fresh, torn bool) {
	f := l.follow(p)
	if f.lost > 0 {
		d.now.Discontinuities++
		d.now.Lost += uint64(f.lost)
	}
	return !f.repeat, f.torn
}

// other counts what no output can carry.
func (d *Demux) other(e *elementary, p *packet) {
	if fresh, _ := d.follows(&e.line, p); fresh && p.start {
		d.now.Unknown++
	}
}

// media takes a packet of an elementary stream.
func (d *Demux) media(e *elementary, p *packet) {
	fresh, torn := d.follows(&e.line, p)
	if !fresh {
		return
	}
	if torn {
		d.tear(e)
	}
	if p.scrambled {
		d.scrambled(e)
		return
	}
	if p.start {
		if e.unit.open {
			e.ends.note(e.unit.stuffed)
			d.finish(e)
		}
		e.unit.begin(p)
		e.torn, e.ends.hasty = false, false
	} else if !torn && len(p.payload) > 0 && (e.ends.hasty || e.unit.open && e.unit.stuffed) {
		e.ends.wild = true
		if e.ends.hasty { // what has been given out was a part
			e.ends.hasty = false
			d.tear(e)
		}
	}
	if !e.unit.open {
		return
	}
	if len(e.unit.b)+len(p.payload) > e.kind.most() || d.pending+len(p.payload) > maxPending {
		d.tear(e)
		return
	}
	d.pending += len(p.payload)
	e.unit.add(p, d.tap.at)
	switch {
	case e.unit.whole():
		d.finish(e)
	case e.unit.size() == 0 && e.unit.stuffed && e.ends.holds():
		d.finish(e)
		e.ends.hasty = true
	}
}

func (d *Demux) scrambled(e *elementary) {
	d.now.Scrambled++
	e.locked = true
	d.tear(e)
}

// tear gives up the open unit of a stream, or that whose beginning is missing.
func (d *Demux) tear(e *elementary) {
	if !e.torn {
		e.torn = true
		d.now.Damaged++
	}
	e.ends.hasty = false
	d.close(e)
	if e.decoder != nil {
		e.decoder.tear()
	}
}

func (d *Demux) close(e *elementary) {
	d.pending -= len(e.unit.b)
	e.unit.reset()
}

// finish has the open unit of a stream decoded: all of it has come, unless it says more.
func (d *Demux) finish(e *elementary) {
	if e.unit.size() > 0 && !e.unit.whole() {
		d.tear(e)
		return
	}
	var ok bool
	u, clock := &d.unit, d.clock
	*u, ok = e.unit.parse(&clock)
	switch {
	case !ok:
		d.tear(e)
		return
	case u.scrambled:
		d.scrambled(e)
		return
	}
	e.locked = false
	switch {
	case len(u.data) == 0:
	case e.kind.media == media.Data: // no other's times hang on those that data has
		d.note(e, u)
	default:
		d.clock = clock
		d.decode(e, u)
	}
	d.close(e)
}

// decode makes frames of a PES packet of video or audio.
func (d *Demux) decode(e *elementary, u *pes) {
	d.units = e.decoder.take(d.units[:0], u)
	if u.timed && d.layout == nil {
		d.foyer.watch(nanos(u.dts))
	}
	if u.timed && (e.kind.media == media.Video || !d.streams.video) {
		d.newest = nanos(u.dts)
	}
	for i := range d.units {
		d.place(e, &d.units[i], e.unit.at)
	}
	clear(d.units) // it pins no frames
	d.settle()
}

// note makes a frame of a PES packet of data.
func (d *Demux) note(e *elementary, u *pes) {
	var f media.Form
	if u.id == idMetadata && len(unwrapped(u.data)) > 0 {
		f = Form
	}
	d.datum(e, f, u.data, nanos(u.pts), u.timed)
}

// end decodes the unit that is open where a stream ends, if it is whole: the next one's beginning,
// which would tell, does not come, but the last packet of a unit is filled up, as a rule.
func (d *Demux) end(e *elementary) {
	if !e.unit.open {
		return
	}
	if !e.unit.stuffed && !e.unit.whole() {
		d.tear(e)
		return
	}
	d.finish(e)
}
