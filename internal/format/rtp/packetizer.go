package rtp

import (
	"weir/internal/codec/av1"
	"weir/internal/codec/h264"
	"weir/internal/codec/h265"
	"weir/internal/media"
)

const (
	// MTU is how many bytes a payload has at most, where the options do not say.
	MTU = 1200

	minMTU = 64 // whatever the options say
	slab   = 64 // payloads that are allocated together
)

// PacketizerOptions say how frames are cut.
type PacketizerOptions struct {
	MTU     int  // bytes of a payload at most; 0: MTU
	DropSEI bool // leave out supplemental information of H.264 and H.265
}

// Packetizer cuts the frames of one track of a stream into payloads, once for all players. It has
// state, the numbers of pictures, and is for one goroutine.
type Packetizer struct {
	// Set at construction.
	codec   media.Codec
	rate    int64
	options PacketizerOptions

	track  *media.Track // whose configuration packer has
	packer packer
	out    builder
}

// packer cuts access units of one codec.
type packer interface {
	// setup takes a track's configuration.
	setup(t *media.Track)
	pack(b *builder, data []byte, key bool)
}

// NewPacketizer returns a packetizer of a codec, or false if that is not carried over RTP here.
func NewPacketizer(c media.Codec, o PacketizerOptions) (*Packetizer, bool) {
	if o.MTU == 0 {
		o.MTU = MTU
	}
	o.MTU = max(o.MTU, minMTU)
	p := &Packetizer{codec: c, rate: Rate(c), options: o, out: builder{mtu: o.MTU}}
	switch c {
	case media.H264:
		p.packer = &unitPacker{form: avc, dropSEI: o.DropSEI}
	case media.H265:
		p.packer = &unitPacker{form: hevc, dropSEI: o.DropSEI}
	case media.AV1:
		p.packer = &obuPacker{}
	case media.VP8:
		p.packer = &vp8Packer{}
	case media.VP9:
		p.packer = &vp9Packer{}
	case media.Opus:
		p.packer = packetPacker{}
	case media.G711A, media.G711U:
		p.packer = samplePacker{}
	default:
		return nil, false
	}
	return p, true
}

// Pack returns the payloads of a frame, in the order in which they are to be sent: none where the
// frame is damaged, of another codec, or has nothing that is carried. They are the caller's to share.
func (p *Packetizer) Pack(f *media.Frame) []Payload {
	if t := f.Source(); t != p.track {
		if t.Codec != p.codec {
			return nil
		}
		p.track = t
		p.packer.setup(t)
	}
	data := f.Data()
	if len(data) == 0 {
		return nil
	}
	p.out.time = Ticks(f.PTS, p.rate)
	p.packer.pack(&p.out, data, f.Key)
	return p.out.take(p.track.Kind == media.Video)
}

// builder lays the payloads of a frame behind each other, in memory that is theirs.
type builder struct {
	mtu   int
	arena media.Arena
	slab  []Payload

	b     []byte
	start int // of the open payload in b
	list  []Payload
	time  uint32
}

// room makes room for so many payloads, and bytes that are copied; it is exceeded at a cost only.
func (b *builder) room(payloads, bytes int) {
	if cap(b.slab)-len(b.slab) < payloads {
		b.slab = make([]Payload, 0, max(payloads, slab))
	}
	n := len(b.slab)
	b.list = b.slab[n : n : n+payloads]
	if bytes > 0 {
		b.b = b.arena.Bytes(bytes)[:0]
	}
}

// open begins a payload with its first bytes; the caller appends the others to b.b.
func (b *builder) open(head ...byte) {
	b.start = len(b.b)
	b.b = append(b.b, head...)
}

func (b *builder) close() { b.whole(b.b[b.start:len(b.b):len(b.b)]) }

// whole adds a payload that is there already.
func (b *builder) whole(data []byte) {
	b.list = append(b.list, Payload{Data: data, Time: b.time})
}

// take returns the payloads of a frame, the last of which ends a picture.
func (b *builder) take(picture bool) []Payload {
	list := b.list
	b.b, b.list = nil, nil
	if len(list) == 0 {
		return nil
	}
	if n := len(b.slab); n+len(list) <= cap(b.slab) && &b.slab[:n+1][n] == &list[0] {
		b.slab = b.slab[:n+len(list)]
	}
	list[len(list)-1].Marker = picture
	return list[:len(list):len(list)]
}

// packetPacker is for codecs whose frames are payloads.
type packetPacker struct{}

func (packetPacker) setup(*media.Track) {}

func (packetPacker) pack(b *builder, data []byte, _ bool) {
	b.room(1, 0)
	b.whole(data)
}

// samplePacker is for codecs of one byte for each tick.
type samplePacker struct{}

func (samplePacker) setup(*media.Track) {}

func (samplePacker) pack(b *builder, data []byte, _ bool) {
	b.room(len(data)/b.mtu+1, 0)
	for len(data) > 0 {
		n := min(len(data), b.mtu)
		b.whole(data[:n:n])
		b.time += uint32(n)
		data = data[n:]
	}
}

// setsOf returns the parameter sets of a configuration, nil if it cannot be read.
func setsOf(t *media.Track) (sets [][]byte) {
	switch t.Codec {
	case media.H264:
		if c, err := h264.ParseConfig(t.Config); err == nil {
			sets = append(append(sets, c.SPS...), c.PPS...)
		}
	case media.H265:
		if c, err := h265.ParseConfig(t.Config); err == nil {
			sets = append(append(append(sets, c.VPS...), c.SPS...), c.PPS...)
		}
	case media.AV1:
		if c, err := av1.ParseConfig(t.Config); err == nil && c.Sequence != nil {
			sets = append(sets, c.Sequence)
		}
	}
	return sets
}
