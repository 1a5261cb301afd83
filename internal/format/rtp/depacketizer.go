package rtp

import (
	"weir/internal/codec/opus"
	"weir/internal/media"
)

// Bounds of an access unit that is put together.
const (
	maxPackets = 16384    // packets
	maxBytes   = 16 << 20 // bytes
	maxUnits   = 4096     // NAL units or OBUs
	keptBytes  = 1 << 20  // bytes of memory that one leaves to the next
)

// DepacketizerOptions say what comes and what is wanted.
type DepacketizerOptions struct {
	Codec       media.Codec
	ID          int          // of the track
	Config      []byte       // of the track, as far as it is known before; nil: it comes in packets
	Channels    int          // of sound; 0: 2 of Opus, 1 of G.711
	DropDamaged bool         // a picture that was lost takes those with it that follow it, up to the next key frame
	Arena       *media.Arena // has the memory of access units; nil: one of the depacketizer's own
}

// Unit is an access unit: what a frame is made of.
type Unit struct {
	Track *media.Track // another pointer is another configuration
	Data  []byte       // as Frame.Data
	Time  uint32       // RTP timestamp, of when it is displayed
	At    int64        // ns since the process started: when its last packet arrived
	Key   bool         // decoding can start here
}

// Health counts what came of a track.
type Health struct {
	Packets uint64
	Lost    uint64 // packets
	Units   uint64 // access units that came out
	Damaged uint64 // access units that were left out, as a part of them was lost or is nonsense
	Dropped uint64 // whole ones that were left out, as they lean on a damaged one
}

// Depacketizer puts the access units of one track together. What has lost a packet is left out as a
// whole, and nothing comes before the first key frame. It is for one goroutine.
type Depacketizer struct {
	// Set at construction.
	options   DepacketizerOptions
	assembler assembler // nil for sound

	health Health
	track  *media.Track // nil until it is known

	lost    int // since the last packet with a payload
	open    bool
	time    uint32
	at      int64
	packets int  // of the open access unit
	spoiled bool // it cannot be made whole
	marked  bool // a marker has come, ever: the sender ends access units with it

	begun   bool // a key frame has come
	broken  bool // a picture is missing since the newest one
	leading bool // pictures may come that lean on what was before the newest one
	wanted  bool
}

// assembler puts together the pictures of one codec.
type assembler interface {
	// begins reports whether a payload is certainly the first of a picture.
	begins(payload []byte) bool
	// add takes the next payload. It is false if that does not go on from the one before, and keeps
	// nothing of it.
	add(payload []byte) bool
	// size is how many bytes there are.
	size() int
	// end returns what there is. It is false if a part is missing; data are the assembler's.
	end() (picture, bool)
	// reset forgets what there is.
	reset()
}

// picture is what an access unit is.
type picture struct {
	data  []byte // empty if it has no picture
	key   bool   // decoding can start here
	open  bool   // but what follows may lean on what was before
	leans bool   // it is one of those
	track *media.Track
}

// NewDepacketizer returns a depacketizer, or false if the codec is not carried over RTP here.
func NewDepacketizer(o DepacketizerOptions) (*Depacketizer, bool) {
	if o.Arena == nil {
		o.Arena = &media.Arena{}
	}
	d := &Depacketizer{options: o}
	switch o.Codec {
	case media.H264:
		d.assembler = newUnitAssembler(avc, o)
	case media.H265:
		d.assembler = newUnitAssembler(hevc, o)
	case media.AV1:
		d.assembler = newOBUAssembler(o)
	case media.VP8:
		d.assembler = &vpAssembler{codec: o.Codec, id: o.ID, parse: parseVP8}
	case media.VP9:
		d.assembler = &vpAssembler{codec: o.Codec, id: o.ID, parse: parseVP9}
	case media.Opus, media.G711A, media.G711U:
		d.track = soundTrack(o)
	default:
		return nil, false
	}
	return d, true
}

func soundTrack(o DepacketizerOptions) *media.Track {
	t := &media.Track{ID: o.ID, Kind: media.Audio, Codec: o.Codec, Config: o.Config}
	if o.Codec != media.Opus {
		t.Info = media.Info{SampleRate: int(Rate(o.Codec)), Channels: max(o.Channels, 1)}
		return t
	}
	if o.Channels == 0 {
		o.Channels = 2
	}
	if len(t.Config) == 0 {
		t.Config = opus.AppendHead(nil, opus.Head{Channels: o.Channels, Rate: int(Rate(media.Opus))})
	}
	t.Info, _ = opus.Info(t.Config) // as much as can be read
	return t
}

// Health returns the counts.
func (d *Depacketizer) Health() Health { return d.health }

// Wanted reports whether a key frame is wanted: packets come, and the pictures to be made of them
// cannot be decoded, or not without damage.
func (d *Depacketizer) Wanted() bool { return d.wanted }

// Take appends the access units that are whole with a packet, which is the next in order: two at the
// most.
func (d *Depacketizer) Take(dst []Unit, p *Packet) []Unit {
	d.health.Packets++
	d.health.Lost += uint64(p.Lost)
	d.lost += p.Lost
	if p.First {
		dst = d.finish(dst)
		d.lost++ // whatever was there before has not ended
	}
	if len(p.Payload) == 0 {
		return dst // padding
	}
	if d.assembler == nil {
		d.lost = 0
		d.at = p.At
		return d.sound(dst, p)
	}
	sure := d.lost == 0
	if d.open && (d.lost > 0 || p.Time != d.time) {
		d.spoiled = d.spoiled || d.lost > 0
		if p.Time != d.time {
			sure = sure || d.lost == 1 && d.marked // that was the last of the one before
			dst = d.finish(dst)
		}
	}
	if !d.open {
		d.begin(p, sure)
	}
	d.lost, d.at = 0, p.At
	d.packets++
	if !d.spoiled {
		d.spoiled = d.packets > maxPackets || d.assembler.size()+len(p.Payload) > maxBytes || !d.assembler.add(p.Payload)
	}
	if p.Marker {
		d.marked = true
		dst = d.finish(dst)
	}
	return dst
}

// sound makes an access unit of a packet.
func (d *Depacketizer) sound(dst []Unit, p *Packet) []Unit {
	d.health.Units++
	data := d.options.Arena.Bytes(len(p.Payload))
	copy(data, p.Payload)
	return append(dst, Unit{Track: d.track, Data: data, Time: p.Time, At: p.At, Key: true})
}

// begin opens an access unit. Behind a loss its first packet may be missing, unless one is sure.
func (d *Depacketizer) begin(p *Packet, sure bool) {
	d.open, d.time, d.packets, d.spoiled = true, p.Time, 0, false
	d.wanted = d.wanted || !d.begun
	if d.lost > 0 {
		d.tear()
	}
	d.spoiled = !sure && !d.assembler.begins(p.Payload)
}

// tear says that a picture is missing, or may be.
func (d *Depacketizer) tear() {
	d.broken, d.wanted = true, true
}

// End appends the access unit that is open, if it is whole: nothing more comes.
func (d *Depacketizer) End(dst []Unit) []Unit {
	return d.finish(dst)
}

// finish ends the open access unit.
func (d *Depacketizer) finish(dst []Unit) []Unit {
	if !d.open {
		return dst
	}
	d.open = false
	defer d.assembler.reset()
	pic, ok := picture{}, false
	if !d.spoiled {
		pic, ok = d.assembler.end()
	}
	if !ok {
		d.health.Damaged++
		d.tear()
		return dst
	}
	if pic.track != nil {
		d.track = pic.track
	}
	pic.key = pic.key && d.track != nil
	if len(pic.data) == 0 || !d.passes(&pic) {
		return dst
	}
	d.health.Units++
	data := d.options.Arena.Bytes(len(pic.data))
	copy(data, pic.data)
	return append(dst, Unit{Track: d.track, Data: data, Time: d.time, At: d.at, Key: pic.key})
}

// passes reports whether a picture can be decoded, as far as that is asked for.
func (d *Depacketizer) passes(pic *picture) bool {
	switch {
	case pic.key:
		d.leading = pic.open && (!d.begun || d.broken && d.options.DropDamaged)
		d.begun, d.broken, d.wanted = true, false, false
	case !d.begun:
		return false
	case d.broken && d.options.DropDamaged, d.leading && pic.leans:
		d.health.Dropped++
		return false
	}
	return true
}

// renew returns memory for the next access unit.
func renew(b []byte) []byte {
	if cap(b) > keptBytes {
		return nil
	}
	return b[:0]
}
