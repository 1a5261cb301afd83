package rtp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/pion/rtp"

	"weir/internal/codec/av1"
	"weir/internal/codec/vp8"
	"weir/internal/codec/vp9"
	"weir/internal/format/mpegts"
	"weir/internal/media"
)

// clips are what ffmpeg wrote of its test sources: H.264, H.265 and Opus in the transport streams of
// the package mpegts, the others here:
//
//	ffmpeg -f lavfi -i testsrc=s=192x108:r=10 -t 2 -pix_fmt yuv420p -c:v libvpx -g 10 -b:v 60k vp8.ivf
//	the same with -c:v libvpx-vp9 and -c:v libaom-av1 -cpu-used 8
var clips = map[string]struct {
	file  string
	codec media.Codec
}{
	"h264": {"../mpegts/testdata/h264-aac.ts", media.H264},
	"h265": {"../mpegts/testdata/h265-mp2.ts", media.H265},
	"opus": {"../mpegts/testdata/opus.ts", media.Opus},
	"vp8":  {"testdata/vp8.ivf", media.VP8},
	"vp9":  {"testdata/vp9.ivf", media.VP9},
	"av1":  {"testdata/av1.ivf", media.AV1},
	"g711": {"", media.G711A},
}

// clip returns the frames of one codec.
func clip(t testing.TB, name string) []*media.Frame {
	t.Helper()
	c := clips[name]
	if c.file == "" {
		return samples(c.codec)
	}
	b, err := os.ReadFile(c.file)
	if err != nil {
		t.Fatal(err)
	}
	var frames []*media.Frame
	if bytes.HasPrefix(b, []byte("DKIF")) {
		frames = ivf(t, c.codec, b)
	} else {
		d := mpegts.NewDemux(bytes.NewReader(b), mpegts.DemuxOptions{})
		for {
			f, err := d.ReadFrame()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if f.Source().Codec == c.codec {
				frames = append(frames, f)
			}
		}
	}
	if len(frames) < 10 {
		t.Fatalf("%s: %d frames", name, len(frames))
	}
	return frames
}

// ivf reads | "DKIF" ... 32 | (size u32 LE | time u64 LE | frame) ... |.
func ivf(t testing.TB, c media.Codec, b []byte) (frames []*media.Frame) {
	t.Helper()
	track := &media.Track{Kind: media.Video, Codec: c}
	layout := &media.Layout{Tracks: []*media.Track{track}}
	for b = b[32:]; len(b) > 12; {
		n := binary.LittleEndian.Uint32(b)
		data := b[12 : 12+n]
		b = b[12+n:]
		key := false
		switch c {
		case media.AV1:
			data = av1.TrimDelimiter(data)
			key = av1.IsKey(data)
		case media.VP8:
			key = vp8.IsKey(data)
		case media.VP9:
			key = vp9.IsKey(data)
		}
		f := media.NewFrame(nil, data)
		f.Layout, f.Key = layout, key
		f.DTS = int64(len(frames)) * second / 10
		f.PTS = f.DTS
		frames = append(frames, f)
	}
	var err error
	switch first := frames[0].Data(); c {
	case media.AV1:
		track.Config, err = av1.AppendConfig(nil, av1.Sequence(first))
	case media.VP9:
		var config vp9.Config
		config, err = vp9.FrameConfig(first)
		track.Config = vp9.AppendConfig(nil, config)
	default:
		track.Config = vp9.AppendConfig(nil, vp9.Config{BitDepth: 8, Chroma: 1})
	}
	if err != nil {
		t.Fatal(err)
	}
	return frames
}

func samples(c media.Codec) (frames []*media.Frame) {
	layout := &media.Layout{Tracks: []*media.Track{{Kind: media.Audio, Codec: c}}}
	for i := range 20 {
		data := make([]byte, 160)
		for k := range data {
			data[k] = byte(i + k)
		}
		f := media.NewFrame(nil, data)
		f.Layout, f.Key, f.PTS = layout, true, int64(i)*second/50
		frames = append(frames, f)
	}
	return frames
}

// cut returns the packets of frames as they come from a wire, in order.
func cut(t testing.TB, frames []*media.Frame, o PacketizerOptions) (packets []Packet) {
	t.Helper()
	p, ok := NewPacketizer(frames[0].Source().Codec, o)
	if !ok {
		t.Fatal("no packetizer")
	}
	n := uint16(65500)
	for _, f := range frames {
		for _, payload := range p.Pack(f) {
			packets = append(packets, parse(t, wire(n, payload)))
			n++
		}
	}
	return packets
}

// wire returns a packet of a payload, of the track that all are of.
func wire(sequence uint16, p Payload) []byte {
	h := rtp.Header{Version: 2, Marker: p.Marker, PayloadType: 96, SequenceNumber: sequence, Timestamp: p.Time, SSRC: 7}
	b, _ := (&rtp.Packet{Header: h, Payload: p.Data}).Marshal() // only extensions make it fail
	return b
}

func parse(t testing.TB, wire []byte) Packet {
	t.Helper()
	var p rtp.Packet
	if err := p.Unmarshal(wire); err != nil {
		t.Fatal(err)
	}
	return packetOf(&p, 0)
}

func packetOf(p *rtp.Packet, at int64) Packet {
	return Packet{
		Sequence: p.SequenceNumber, Type: p.PayloadType, Marker: p.Marker, Time: p.Timestamp, SSRC: p.SSRC, Payload: p.Payload, At: at,
	}
}

func depacketizer(t testing.TB, o DepacketizerOptions) *Depacketizer {
	t.Helper()
	d, ok := NewDepacketizer(o)
	if !ok {
		t.Fatal("no depacketizer")
	}
	return d
}

// join returns the access units of packets; those that are lost are named by their index.
func join(d *Depacketizer, packets []Packet, lost map[int]bool) (units []Unit) {
	missing := 0
	for i := range packets {
		if lost[i] {
			missing++
			continue
		}
		p := packets[i]
		p.Lost += missing
		missing = 0
		units = d.Take(units, &p)
	}
	return d.End(units)
}
