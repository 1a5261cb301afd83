package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/datarhei/gosrt"
)

// The PIDs and stream types of the data that is put into a transport stream.
const (
	cuePID, tagPID, klvPID = 0x120, 0x121, 0x122
	cueType, metadataType  = 0x86, 0x15
)

const (
	cell    = 188
	tsSpan  = 1 << 33 // ticks, after which times begin anew
	aSecond = 90_000  // of them, from one key picture of a clip to the next
)

// tsPacket is a packet of a transport stream, as far as these tests look at it.
type tsPacket struct {
	pid     int
	start   bool
	entry   bool
	payload []byte
}

func parseTS(t *testing.T, b []byte) (list []tsPacket) {
	t.Helper()
	for ; len(b) >= cell; b = b[cell:] {
		if b[0] != 0x47 {
			t.Fatalf("no packet: % x", b[:4])
		}
		p := tsPacket{pid: int(b[1]&0x1f)<<8 | int(b[2]), start: b[1]&0x40 != 0}
		at := 4
		if b[3]&0x20 != 0 {
			p.entry = b[4] > 0 && b[5]&0x40 != 0
			at += 1 + int(b[4])
		}
		if b[3]&0x10 != 0 {
			p.payload = b[at:cell]
		}
		list = append(list, p)
	}
	return list
}

// ptsOf returns the PTS of a PES packet, and what is behind its head.
func ptsOf(b []byte) (pts int64, rest []byte) {
	if len(b) < 14 || b[7]&0x80 == 0 {
		return -1, nil
	}
	v := b[9:]
	return int64(v[0]>>1&7)<<30 | int64(v[1])<<22 | int64(v[2]>>1)<<15 | int64(v[3])<<7 | int64(v[4]>>1), b[9+b[8]:]
}

// crc is the sum at the end of a section.
func crc(b []byte) []byte {
	n := ^uint32(0)
	for _, c := range b {
		for bit := 7; bit >= 0; bit-- {
			if n>>31 != uint32(c>>bit&1) {
				n = n<<1 ^ 0x04c11db7
			} else {
				n <<= 1
			}
		}
	}
	return binary.BigEndian.AppendUint32(slices.Clone(b), n)
}

// withData puts data into a transport stream of ffmpeg's: before each key picture a cue, a tag and a unit of KLV, which
// have its number. The tag and the unit have its time; the cue is for the next one.
type withData struct {
	out      []byte
	counters [3]byte
	n        int
}

func (w *withData) make(t *testing.T, b []byte) []byte {
	t.Helper()
	for i, p := range parseTS(t, b) {
		raw := slices.Clone(b[i*cell : (i+1)*cell])
		switch {
		case p.pid == 0x1000 && p.start:
			w.describe(raw, p.payload[1:])
		case p.pid == 0x100 && p.start && p.entry:
			pts, _ := ptsOf(p.payload)
			w.add(pts)
		}
		w.out = append(w.out, raw...)
	}
	return w.out
}

// describe adds three streams to a map of the program, which is all that a packet has.
func (w *withData) describe(raw, section []byte) {
	size := 3 + int(section[1]&0x0f)<<8 + int(section[2]) - 4
	info := 12 + int(section[10]&0x0f)<<8 + int(section[11])
	streams := section[info:size]
	s := append(slices.Clone(section[:10]), 0xf0, 6, 5, 4, 'C', 'U', 'E', 'I')
	s = append(s, streams...)
	s = append(s, cueType, 0xe0|cuePID>>8, cuePID&0xff, 0xf0, 0)
	for pid, format := range map[int]string{tagPID: "ID3 ", klvPID: "KLVA"} {
		s = append(s, metadataType, 0xe0|byte(pid>>8), byte(pid), 0xf0, 15, 0x26, 13, 0xff, 0xff)
		s = append(append(append(append(s, format...), 0xff), format...), 0, 0x0f)
	}
	s[1], s[2] = 0xb0, byte(len(s)+4-3)
	copy(raw[5:], crc(s))
	for n := 5 + len(s) + 4; n < cell; n++ {
		raw[n] = 0xff
	}
}

func (w *withData) add(pts int64) {
	name := strconv.Itoa(w.n)
	const adjustment = 54_321 // as if its times were of an older clock
	at := (pts + aSecond - adjustment + tsSpan) % tsSpan
	cue := []byte{0xfc, 0x30, 0, 0, 0, 0, 0, adjustment >> 8, adjustment & 0xff, 0, 0xff, 0xf0, 20, 5}
	cue = append(binary.BigEndian.AppendUint32(cue, uint32(w.n)), 0x7f, 0xef, 0xfe|byte(at>>32))
	cue = append(binary.BigEndian.AppendUint32(cue, uint32(at)), 0xfe, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0)
	cue[2] = byte(len(cue) + 4 - 3)
	w.packet(0, cuePID, append([]byte{0}, crc(cue)...), true)

	text := append([]byte{3, 0}, name+"\x00"...)
	frame := append([]byte{'T', 'X', 'X', 'X', 0, 0, 0, byte(len(text)), 0, 0}, text...)
	w.packet(1, tagPID, pesOf(0xbd, pts, append([]byte{'I', 'D', '3', 4, 0, 0, 0, 0, 0, byte(len(frame))}, frame...)), false)

	unit := append([]byte("\x06\x0e\x2b\x34\x02\x0b\x01\x01\x0e\x01\x03\x01\x01\x00\x00\x00"), byte(len(name)))
	unit = append(unit, name...)
	w.packet(2, klvPID, pesOf(0xfc, pts, append([]byte{0, byte(w.n), 0xdf, 0, byte(len(unit))}, unit...)), false)
	w.n++
}

// pesOf makes a PES packet.
func pesOf(id byte, pts int64, data []byte) []byte {
	b := []byte{0, 0, 1, id, 0, byte(8 + len(data)), 0x84, 0x80, 5}
	b = append(b, 0x21|byte(pts>>29)&0x0e, byte(pts>>22), byte(pts>>14)|1, byte(pts>>7), byte(pts<<1)|1)
	return append(b, data...)
}

// packet writes one packet; what is left of it is filled, behind a section or before what a PES packet begins with.
func (w *withData) packet(n, pid int, payload []byte, section bool) {
	b := []byte{0x47, 0x40 | byte(pid>>8), byte(pid), 0x10 | w.counters[n]}
	w.counters[n] = (w.counters[n] + 1) & 15
	room := cell - len(b) - len(payload)
	switch {
	case section:
		payload = append(payload, bytes.Repeat([]byte{0xff}, room)...)
	case room > 0:
		b[3] |= 0x20
		b = append(append(b, byte(room-1), 0), bytes.Repeat([]byte{0xff}, room-2)...)
	}
	w.out = append(append(w.out, b...), payload...)
}

// found is what a transport stream has: the times of its key pictures, and by their numbers those of data.
type found struct {
	pictures        map[int64]bool // all of them
	keys            map[int64]bool
	cues, tags, klv map[int]int64
	types           []byte
	cuei            bool
}

func find(t *testing.T, b []byte) found {
	t.Helper()
	f := found{pictures: map[int64]bool{}, keys: map[int64]bool{}, cues: map[int]int64{}, tags: map[int]int64{}, klv: map[int]int64{}}
	of := map[int]byte{}      // stream types
	formats := map[int]bool{} // PIDs of KLV
	for _, p := range parseTS(t, b) {
		if !p.start {
			continue
		}
		if p.pid == 0x1001 {
			f.read(p.payload[1:], of, formats)
			continue
		}
		pts, rest := ptsOf(p.payload)
		switch of[p.pid] {
		case 0x1b:
			f.pictures[pts] = true
			if p.entry {
				f.keys[pts] = true
			}
		case cueType:
			s := p.payload[1:]
			if size := 3 + int(s[1]&0x0f)<<8 + int(s[2]); !bytes.Equal(crc(s[:size-4]), s[:size]) {
				t.Errorf("a cue with a wrong sum: % x", s[:size])
			}
			five := func(b []byte) int64 { return int64(b[0]&1)<<32 | int64(binary.BigEndian.Uint32(b[1:])) }
			f.cues[int(binary.BigEndian.Uint32(s[14:]))] = (five(s[4:]) + five(s[20:])) % tsSpan
		case metadataType:
			list := f.tags
			if formats[p.pid] {
				list = f.klv
				if len(rest) > 22 {
					rest = rest[22:] // the head of its cell, and its key
				}
			} else if len(rest) > 22 {
				rest = rest[22 : len(rest)-1]
			}
			n, err := strconv.Atoi(string(rest))
			if err != nil {
				t.Fatalf("PID %#x has %q", p.pid, rest)
			}
			list[n] = pts
		}
	}
	return f
}

// read takes a map of the program.
func (f *found) read(s []byte, of map[int]byte, formats map[int]bool) {
	size := 3 + int(s[1]&0x0f)<<8 + int(s[2]) - 4
	info := 12 + int(s[10]&0x0f)<<8 + int(s[11])
	f.cuei = bytes.Contains(s[12:info], []byte("\x05\x04CUEI"))
	f.types = nil
	for s = s[info:size]; len(s) >= 5; {
		n := 5 + int(s[3]&0x0f)<<8 + int(s[4])
		pid := int(s[1]&0x1f)<<8 | int(s[2])
		of[pid], formats[pid] = s[0], bytes.Contains(s[5:n], []byte("KLVA"))
		f.types = append(f.types, s[0])
		s = s[n:]
	}
}

// hold checks that data has the times of the key pictures it was made for.
func (f *found) hold(t *testing.T, least int) {
	t.Helper()
	if !f.cuei || !slices.Equal(f.types, []byte{0x1b, 0x0f, cueType, metadataType, metadataType}) {
		t.Errorf("streams % x, CUEI: %t", f.types, f.cuei)
	}
	if len(f.tags) < least || len(f.klv) < least || len(f.cues) < least || len(f.keys) < least {
		t.Fatalf("%d tags, %d of KLV and %d cues with %d key pictures; want %d", len(f.tags), len(f.klv), len(f.cues), len(f.keys), least)
	}
	for n, pts := range f.tags {
		if !f.keys[pts] && n != last(f.tags) {
			t.Errorf("tag %d at %d is of no key picture", n, pts)
		}
		if klv, ok := f.klv[n]; ok && klv != pts {
			t.Errorf("KLV %d at %d; the tag is at %d", n, klv, pts)
		}
		if cue, ok := f.cues[n-1]; ok && cue != pts {
			t.Errorf("cue %d is for %d; the picture is at %d", n-1, cue, pts)
		}
	}
}

// last is the highest number, whose picture may have come too late.
func last(of map[int]int64) (n int) {
	for i := range of {
		n = max(n, i)
	}
	return n
}

// sendTS publishes a transport stream by SRT, as fast as it says.
func sendTS(t *testing.T, raw string, b []byte) (stop func()) {
	t.Helper()
	host, id := srtID(t, raw, "publish")
	c := srt.DefaultConfig()
	c.StreamId = id
	conn, err := srt.Dial("srt", host, c)
	if err != nil {
		t.Fatal(err)
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		defer conn.Close()
		began, first := time.Now(), int64(-1)
		for ; len(b) > 0; b = b[min(len(b), 7*cell):] {
			for at := 0; at < min(len(b), 7*cell); at += cell {
				if p := b[at:]; p[1]&0x5f == 0x41 && p[2] == 0 { // a picture begins
					from := 4
					if p[3]&0x20 != 0 {
						from += 1 + int(p[4])
					}
					pts, _ := ptsOf(p[from:cell])
					if first < 0 {
						first = pts
					}
					due := began.Add(time.Duration((pts-first+tsSpan)%tsSpan) * time.Second / aSecond)
					if wait := time.Until(due); wait < time.Minute { // one that is shown before the first is due at once
						select {
						case <-end:
							return
						case <-time.After(wait):
						}
					}
				}
			}
			if _, err := conn.Write(b[:min(len(b), 7*cell)]); err != nil {
				return
			}
		}
		<-end
	}()
	stop = sync.OnceFunc(func() { close(end); <-ended })
	t.Cleanup(stop)
	return stop
}

// TestSRTData publishes cues of SCTE-35, tags of ID3 and KLV beside pictures and sound, over the place where times begin
// anew. They are in transport streams, at the times of the pictures they came with, and spoil no other output.
func TestSRTData(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{
		srt:   "latency 120;",
		vhost: "srt { enabled on; } http_remux { enabled on; mount [vhost]/[app]/[stream].flv; } hls { enabled on; hls_fragment 2; hls_window 60; hls_ctx off; hls_path " + t.TempDir() + "; }",
		more: "vhost ts.test { srt { enabled on; } http_remux { enabled on; mount [vhost]/[app]/[stream].ts; } }\n" +
			"vhost mp4.test { srt { enabled on; } hls { enabled on; hls_use_fmp4 on; hls_fragment 2; hls_window 60; hls_ctx off; hls_path " + t.TempDir() + "; } }\n",
	})
	file := filepath.Join(t.TempDir(), "clip.ts")
	run(t, "ffmpeg", slices.Concat(strings.Fields("-hide_banner -loglevel error -i"), []string{newClip(t, "h264", "small").file},
		strings.Fields("-t 40 -c copy -muxdelay 0 -muxpreload 0 -pes_payload_size 0 -output_ts_offset 95441 -f mpegts"), []string{file})...)
	clean, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	data := &withData{}
	b := data.make(t, clean)
	if data.n < 20 {
		t.Fatalf("%d key pictures in %d bytes", data.n, len(clean))
	}
	addresses := []string{f.url("s"), f.url("s?vhost=ts.test"), f.url("s?vhost=mp4.test")}
	var stops []func()
	for _, each := range addresses {
		stops = append(stops, sendTS(t, each, b))
	}
	waitFor(t, "the publishers", func() bool { return len(f.publishers()) == len(stops) })

	seen := map[string]*process{} // beside the transport streams
	for name, each := range map[string]struct{ at, form string }{
		"rtmp": {addresses[0], "flv"}, "http-flv": {httpFLV(t, addresses[0]), "flv"}, "hls-fmp4": {httpHLS(t, addresses[2]), "mp4"},
	} {
		if name == "hls-fmp4" {
			awaitHLS(t, f, each.at)
		}
		out := filepath.Join(t.TempDir(), name+"."+each.form)
		seen[out] = launch(t, "ffmpeg7", append(strings.Fields("-hide_banner -loglevel warning -nostdin -i"), each.at,
			"-map", "0", "-c", "copy", "-t", "5", "-f", each.form, out)...)
	}
	t.Run("http-ts", func(t *testing.T) {
		got := find(t, readFor(t, httpTS(t, addresses[1]), 7*time.Second))
		got.hold(t, 5)
	})
	t.Run("hls", func(t *testing.T) {
		address := httpHLS(t, addresses[0])
		var list string
		waitFor(t, "segments", func() bool { _, list = f.get(address); return strings.Contains(list, "s-4.ts") })
		if strings.Contains(list, "#EXT-X-DISCONTINUITY\n") {
			t.Errorf("the playlist has a cut:\n%s", list)
		}
		for _, name := range entry.FindAllString(list, -1) {
			_, body := f.get(strings.TrimSuffix(address, "s.m3u8") + name)
			got := find(t, []byte(body))
			got.hold(t, 1)
			part := filepath.Join(t.TempDir(), "segment.ts")
			if err := os.WriteFile(part, []byte(body), 0o600); err != nil {
				t.Fatal(err)
			}
			if n := decodes(t, part); n != 50 {
				t.Errorf("%s has %d pictures", name, n)
			}
			raw, _ := run(t, "ffprobe7", "-loglevel", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", part)
			if codecs := strings.Join(strings.Fields(string(raw)), " "); !strings.HasPrefix(codecs, "h264 aac scte_35 ") || !strings.Contains(codecs, "timed_id3") || !strings.Contains(codecs, "klv") {
				t.Errorf("%s has %s", name, codecs)
			}
		}
	})
	for out, p := range seen {
		t.Run(filepath.Base(out), func(t *testing.T) {
			if err := p.wait(); err != nil {
				t.Errorf("ffmpeg: %v", err)
			}
			quiet(t, p.shown())
			if n := decodes(t, out); n < 100 {
				t.Errorf("%d pictures", n)
			}
			raw, _ := run(t, "ffprobe7", "-loglevel", "error", "-show_entries", "stream=codec_type", "-of", "csv=p=0", out)
			if kinds := strings.Join(strings.Fields(string(raw)), " "); kinds != "video audio" && kinds != "audio video" {
				t.Errorf("it has %s", kinds)
			}
		})
	}
	for _, stop := range stops {
		stop()
	}
	unpublished(t, f)
	for _, line := range f.log.Lines("srt-publish ended") {
		if strings.Contains(line, "not_carried") || strings.Contains(line, "gaps") || strings.Contains(line, "unknown") {
			t.Error(line)
		}
	}
	for _, each := range f.players() {
		f.kick(each.ID)
	}
}

// readFor reads what an address gives for a time, in whole packets.
func readFor(t *testing.T, address string, d time.Duration) []byte {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer time.AfterFunc(d, func() { answer.Body.Close() }).Stop()
	b, err := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusOK {
		t.Fatal(fmt.Sprint(answer.StatusCode, err))
	}
	return b[:len(b)/cell*cell]
}
