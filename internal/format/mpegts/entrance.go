package mpegts

import (
	"bytes"

	"github.com/asticode/go-astits"

	"weir/internal/codec/h264"
	"weir/internal/codec/h265"
	"weir/internal/media"
)

// Entrance looks for where a transport stream that is passed on as it came can be entered: where a picture begins
// that needs none before it, or any sound where there are no pictures. It is for one goroutine.
type Entrance struct {
	program program
	streams []*astits.PMTElementaryStream // for which the lead was chosen
	lead    uint16                        // PID of the stream that says where
	codec   media.Codec                   // of it
	video   bool
}

// Look looks at whole packets, and returns where the last entrance in them is; -1: there is none. There is none
// before the tables have come.
func (e *Entrance) Look(b []byte) (at int) {
	at = -1
	for i := 0; i+packetSize <= len(b); i += packetSize {
		if b[i] != syncByte {
			continue
		}
		p, ok := parsePacket(b[i : i+packetSize])
		if !ok {
			continue
		}
		switch {
		case p.pid == 0:
			e.program.pats.take(&p, func(s []byte) { _ = e.program.associate(s) }) // who reads the stream tells what is wrong with it
		case e.program.number != 0 && p.pid == e.program.pid:
			e.program.pmts.take(&p, e.describe)
		case e.streams != nil && p.pid == e.lead && p.start && (!e.video || p.entry || e.opens(p.payload)):
			at = i
		}
	}
	return at
}

// Tables appends packets with the tables that are in force: nothing before they have come.
func (e *Entrance) Tables(dst []byte) []byte {
	if e.streams == nil {
		return dst
	}
	return appendSection(appendSection(dst, 0, e.program.home), e.program.pid, e.program.pmt)
}

// describe takes a map of the program, and chooses the stream that leads.
func (e *Entrance) describe(b []byte) {
	read, err := e.program.describe(b)
	if err != nil || !read || len(e.program.streams) == 0 {
		return
	}
	e.streams, e.video = e.program.streams, false
	e.lead = e.streams[0].ElementaryPID
	sound := false
	for _, s := range e.streams {
		switch k := kindOf(s); {
		case k.media == media.Video && !e.video:
			e.lead, e.codec, e.video = s.ElementaryPID, k.codec, true
		case k.media == media.Audio && !e.video && !sound:
			e.lead, sound = s.ElementaryPID, true
		}
	}
}

// opens reports whether a picture that begins in a payload begins with what only key pictures do: many senders do not
// say so in the packet. It sees as much of the picture as is in one packet.
func (e *Entrance) opens(b []byte) bool {
	for {
		i := bytes.Index(b, []byte{0, 0, 1})
		if i < 0 || i+3 >= len(b) {
			return false
		}
		b = b[i+3:]
		if e.codec == media.H265 {
			if t := b[0] >> 1 & 0x3f; t == h265.TypeVPS || t == h265.TypeSPS || t >= firstIRAP && t <= lastIRAP {
				return true
			}
		} else if t := b[0] & 0x1f; t == h264.TypeSPS || t == h264.TypeIDR {
			return true
		}
	}
}

// The types of slices of pictures at which decoding can start. Spec: H.265, table 7-1.
const (
	firstIRAP = 16
	lastIRAP  = 21
)
