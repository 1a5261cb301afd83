package mpegts

import (
	"bytes"

	"weir/internal/codec/nal"
	"weir/internal/media"
)

const (
	maxUnits = 8192      // NAL units of an access unit
	fewBytes = 128 << 10 // that need not be counted for that
)

// access is an access unit as a decoder makes it: a frame that has no layout yet.
type access struct {
	track    *media.Track
	data     []byte
	dts, pts int64 // ns
	key      bool
}

// decoder makes frames of the PES packets of one elementary stream.
type decoder interface {
	// take appends what a PES packet holds. They keep nothing of it.
	take(dst []access, u *pes) []access
	// tear says that something was lost before the next PES packet.
	tear()
}

// pictures is a decoder of H.264 or H.265: each PES packet is an access unit.
type pictures struct {
	// Set at construction.
	id          int
	read        func(units [][]byte, entry bool) picture
	role        func(unit []byte) part
	dropDamaged bool
	arena       *media.Arena
	health      *Health

	sets  sets
	track *media.Track // nil until all parameter sets have come

	begun   bool  // a key frame has come
	broken  bool  // a picture is missing since the newest key frame
	leading bool  // pictures may come that lean on what was before the newest key frame
	from    int64 // the PTS of that

	timed     bool
	last      int64 // DTS of the newest access unit, 90 kHz
	step      int64 // from the one before to it
	units     [][]byte
	kept      [][]byte
	came      [kinds][][]byte
	setsCame  bool
	keptBytes int
}

// picture is what the units of an access unit say of it.
type picture struct {
	key   bool // decoding can start here
	clean bool // and nothing that follows leans on what was before
	own   bool // it leans on nothing before the key frame, though it may be shown before it
}

// part says what a unit is of an access unit.
type part uint8

const (
	beside  part = iota // goes with the picture
	slicing             // of the picture
	partVPS
	partSPS
	partPPS
	filling // delimiters and filler, which transport streams need and nobody else
)

func (v *pictures) tear() { v.broken = true }

func (v *pictures) take(dst []access, u *pes) []access {
	sliced, ok := v.split(u.data)
	if !ok {
		v.health.Damaged++
		v.tear()
		return dst
	}
	if v.setsCame && v.sets.merge(&v.came) {
		v.describe()
	}
	if !sliced || !v.time(u) {
		return dst
	}
	pic := v.read(v.kept, u.entry)
	pic.key = pic.key && v.track != nil
	if !v.passes(&pic, u.pts) {
		return dst
	}
	data := v.arena.Bytes(v.keptBytes)
	nal.Append(data[:0], v.kept...)
	return append(dst, access{track: v.track, data: data, dts: nanos(u.dts), pts: nanos(u.pts), key: pic.key})
}

// split finds the units of an access unit and sorts them. It is not ok if they cannot be any.
func (v *pictures) split(b []byte) (sliced, ok bool) {
	if len(b) > fewBytes && bytes.Count(b, []byte{0, 0, 1}) > maxUnits {
		return false, false
	}
	v.units = nal.SplitAnnexB(v.units[:0], b)
	v.kept, v.keptBytes, v.setsCame = v.kept[:0], 0, false
	for i := range v.came {
		v.came[i] = v.came[i][:0]
	}
	for _, unit := range v.units {
		if unit[0]&0x80 != 0 { // forbidden_zero_bit
			return false, false
		}
		switch p := v.role(unit); p {
		case filling:
		case partVPS, partSPS, partPPS:
			if len(unit) <= maxSetLen && len(v.came[p-partVPS]) < maxSets {
				v.came[p-partVPS] = append(v.came[p-partVPS], unit)
				v.setsCame = true
			}
		default:
			sliced = sliced || p == slicing
			v.kept = append(v.kept, unit)
			v.keptBytes += 4 + len(unit)
		}
	}
	return sliced, len(v.units) > 0
}

// describe makes a new track if the parameter sets ask for another decoder.
func (v *pictures) describe() {
	t := v.sets.track(v.id)
	if t == nil {
		v.sets.renew(&v.came) // too many or broken ones: these alone may do
		t = v.sets.track(v.id)
	}
	if t != nil && (v.track == nil || string(t.Config) != string(v.track.Config)) {
		v.track = t
	}
}

// time gives an access unit that says none the time behind the one before; it is false if there
// was none.
func (v *pictures) time(u *pes) bool {
	if !u.timed {
		if !v.timed {
			return false
		}
		u.dts = v.last + v.step
		u.pts = u.dts
	}
	if step := u.dts - v.last; v.timed && step > 0 && step < hz {
		v.step = step
	}
	v.timed, v.last = true, u.dts
	return true
}

// passes reports whether a picture can be decoded, as far as that is asked for: nothing before the
// first key frame, and with dropDamaged nothing that leans on what was lost.
func (v *pictures) passes(pic *picture, pts int64) bool {
	if pic.key {
		v.leading = !pic.clean && (!v.begun || v.broken && v.dropDamaged)
		v.begun, v.broken, v.from = true, false, pts
		return true
	}
	if !v.begun {
		return false
	}
	if v.broken && v.dropDamaged {
		v.health.Dropped++
		return false
	}
	if v.leading {
		if pts < v.from && !pic.own {
			v.health.Dropped++
			return false
		}
		v.leading = pts < v.from
	}
	return true
}
