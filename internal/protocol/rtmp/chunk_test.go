package rtmp

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
)

// wires are chunks as peers send them, every form of them, and what they mean.
var wires = map[string]struct {
	hex  string
	want []message
	err  error // instead of the clean end
}{
	"type 0": {
		hex:  "04 000010 000002 08 01000000 af01",
		want: []message{{audio, 4, 1, 16, []byte("\xaf\x01")}},
	},
	"stream id is little endian": {
		hex:  "04 000000 000001 09 01020304 ff",
		want: []message{{video, 4, 0x04030201, 0, []byte{0xff}}},
	},
	"csid of two bytes": {
		hex:  "00 ff 000010 000001 08 01000000 aa",
		want: []message{{audio, 319, 1, 16, []byte{0xaa}}},
	},
	"csid of three bytes": {
		hex:  "01 0102 000010 000001 08 01000000 aa 01ffff 000011 000001 08 01000000 ab",
		want: []message{{audio, 64 + 0x201, 1, 16, []byte{0xaa}}, {audio, 65599, 1, 17, []byte{0xab}}},
	},
	"deltas": {
		hex: "04 000010 000001 08 01000000 00" + // at 16
			"44 000014 000002 09 0101" + // 20 later, another type and length
			"84 000005 0202" + // 5 later
			"c4 0303" + // 5 later again
			"04 000003 000001 08 01000000 04", // back at 3
		want: []message{
			{audio, 4, 1, 16, []byte{0}},
			{video, 4, 1, 36, []byte{1, 1}},
			{video, 4, 1, 41, []byte{2, 2}},
			{video, 4, 1, 46, []byte{3, 3}},
			{audio, 4, 1, 3, []byte{4}},
		},
	},
	"type 3 starts a message after type 0": {
		hex:  "04 000017 000001 08 01000000 00 c4 01 c4 02",
		want: []message{{audio, 4, 1, 23, []byte{0}}, {audio, 4, 1, 46, []byte{1}}, {audio, 4, 1, 69, []byte{2}}},
	},
	"type 1 opens a stream": {
		hex:  "42 000007 000006 04 0006 00000001",
		want: []message{{userControl, 2, 0, 7, []byte{0, 6, 0, 0, 0, 1}}},
	},
	"type 2 opens a stream": {hex: "82 000007 00", err: errChunkStart},
	"type 3 opens a stream": {hex: "c2 00", err: errChunkStart},
	"empty message": {
		hex:  "04 000005 000000 08 01000000 c4",
		want: []message{{audio, 4, 1, 5, nil}, {audio, 4, 1, 10, nil}},
	},
	"two streams in turns": {
		hex: "04 000001 000082 08 01000000" + strings.Repeat("aa", 128) +
			"06 000002 000081 09 01000000" + strings.Repeat("bb", 128) +
			"c4 a1a2 c6 b1",
		want: []message{
			{audio, 4, 1, 1, append(bytes.Repeat([]byte{0xaa}, 128), 0xa1, 0xa2)},
			{video, 6, 1, 2, append(bytes.Repeat([]byte{0xbb}, 128), 0xb1)},
		},
	},
	"type 1 and 2 continue": {
		hex: "04 000001 000102 08 01000000" + strings.Repeat("aa", 128) +
			"44 000009 000102 08" + strings.Repeat("bb", 128) +
			"84 000009 cccc" +
			"c4" + strings.Repeat("dd", 128) + "c4" + strings.Repeat("ee", 128) + "c4 ffff",
		want: []message{
			{audio, 4, 1, 1, bytes.Join([][]byte{bytes.Repeat([]byte{0xaa}, 128), bytes.Repeat([]byte{0xbb}, 128), {0xcc, 0xcc}}, nil)},
			{audio, 4, 1, 2, bytes.Join([][]byte{bytes.Repeat([]byte{0xdd}, 128), bytes.Repeat([]byte{0xee}, 128), {0xff, 0xff}}, nil)},
		},
	},
	"type 0 inside a message": {
		hex: "04 000001 000082 08 01000000" + strings.Repeat("aa", 128) + "04 000001 000082 08 01000000 0000",
		err: errChunkStart,
	},
	"length changes inside a message": {
		hex: "04 000001 000082 08 01000000" + strings.Repeat("aa", 128) + "44 000000 000083 08 000000",
		err: errMessageLength,
	},
	"extended time": {
		hex:  "04 ffffff 000001 08 01000000 00ffffff 00 04 ffffff 000001 08 01000000 fffffffe 01",
		want: []message{{audio, 4, 1, 0xffffff, []byte{0}}, {audio, 4, 1, 0xfffffffe, []byte{1}}},
	},
	"extended delta wraps": {
		hex: "04 ffffff 000001 08 01000000 fffffffe 00" +
			"44 ffffff 000001 08 01000001 01" + "84 ffffff 01000000 02" + "84 000002 03",
		want: []message{
			{audio, 4, 1, 0xfffffffe, []byte{0}},
			{audio, 4, 1, 0x00ffffff, []byte{1}},
			{audio, 4, 1, 0x01ffffff, []byte{2}},
			{audio, 4, 1, 0x02000001, []byte{3}},
		},
	},
	"extended time repeated": {
		hex: "04 ffffff 000082 08 01000000 01020304" + strings.Repeat("aa", 128) + "c4 01020304 bbbb" +
			"c4 01020304" + strings.Repeat("cc", 128) + "c4 01020304 dddd",
		want: []message{
			{audio, 4, 1, 0x01020304, append(bytes.Repeat([]byte{0xaa}, 128), 0xbb, 0xbb)},
			{audio, 4, 1, 0x01020304, append(bytes.Repeat([]byte{0xcc}, 128), 0xdd, 0xdd)},
		},
	},
	"extended time not repeated": {
		hex: "04 ffffff 000082 08 01000000 01020304" + strings.Repeat("aa", 128) + "c4 bbbb" +
			"c4" + strings.Repeat("cc", 128) + "c4 0102",
		want: []message{
			{audio, 4, 1, 0x01020304, append(bytes.Repeat([]byte{0xaa}, 128), 0xbb, 0xbb)},
		},
		err: io.ErrUnexpectedEOF, // the last two bytes could be half a time
	},
	"extended delta repeated": {
		hex: "04 000001 000001 08 01000000 00" +
			"44 ffffff 000082 08 01000000" + strings.Repeat("aa", 128) + "c4 01000000 bbbb" +
			"c4 01000000" + strings.Repeat("cc", 128) + "c4 01000000 dddd",
		want: []message{
			{audio, 4, 1, 1, []byte{0}},
			{audio, 4, 1, 0x01000001, append(bytes.Repeat([]byte{0xaa}, 128), 0xbb, 0xbb)},
			{audio, 4, 1, 0x02000001, append(bytes.Repeat([]byte{0xcc}, 128), 0xdd, 0xdd)},
		},
	},
	"chunk size": {
		hex:  "02 000000 000004 01 00000000 00000082 04 000001 000082 08 01000000" + strings.Repeat("aa", 0x82),
		want: []message{{audio, 4, 1, 1, bytes.Repeat([]byte{0xaa}, 0x82)}},
	},
	"chunk size inside a message": {
		hex: "04 000001 000103 08 01000000" + strings.Repeat("aa", 128) +
			"02 000000 000004 01 00000000 7fffffff c4" + strings.Repeat("bb", 131),
		want: []message{{audio, 4, 1, 1, append(bytes.Repeat([]byte{0xaa}, 128), bytes.Repeat([]byte{0xbb}, 131)...)}},
	},
	"chunk size too small": {hex: "02 000000 000004 01 00000000 0000007f", err: errChunkSize},
	"chunk size too large": {hex: "02 000000 000004 01 00000000 80000000", err: errChunkSize},
	"chunk size too short": {hex: "02 000000 000003 01 00000000 008000", err: errControl},
	"abort": {
		hex: "04 000005 000082 08 01000000" + strings.Repeat("aa", 128) +
			"02 000000 000004 02 00000000 00000004" +
			"44 000001 000001 09 bb",
		want: []message{{video, 4, 1, 6, []byte{0xbb}}},
	},
	"abort of nothing": {hex: "02 000000 000004 02 00000000 00000009"},
	"abort too short":  {hex: "02 000000 000001 02 00000000 00", err: errControl},
	"acks are passed on": {
		hex:  "02 000000 000004 03 00000000 00001000",
		want: []message{{ack, 2, 0, 0, []byte{0, 0, 0x10, 0}}},
	},
	"too long": {hex: "04 000000 ffffff 08 00000000", err: errTooLong},
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

func newTestReader(wire []byte) *chunkReader {
	return newChunkReader(bufio.NewReader(bytes.NewReader(wire)), nil)
}

func readAll(r *chunkReader) (all []message, err error) {
	for {
		m, err := r.readMessage()
		if err != nil {
			return all, err
		}
		all = append(all, m)
	}
}

func TestReadMessage(t *testing.T) {
	for name, w := range wires {
		if w.err == nil {
			w.err = io.EOF
		}
		wire := unhex(w.hex)
		r := newTestReader(wire)
		got, err := readAll(r)
		if !errors.Is(err, w.err) {
			t.Errorf("%s: error %v, want %v", name, err, w.err)
		}
		if !reflect.DeepEqual(got, w.want) {
			t.Errorf("%s:\ngot  %v\nwant %v", name, got, w.want)
		}
		if !errors.Is(w.err, io.EOF) {
			continue
		}
		if r.consumed != uint64(len(wire)) || r.open != 0 || r.pending != 0 {
			t.Errorf("%s: consumed %d of %d, %d open, %d pending", name, r.consumed, len(wire), r.open, r.pending)
		}
		for n := 1; n < len(wire); n++ { // a cut is a clean end between messages only
			got, err := readAll(newTestReader(wire[:n]))
			if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s cut at %d: %v", name, n, err)
			}
			if len(got) > len(w.want) || len(got) > 0 && !reflect.DeepEqual(got, w.want[:len(got)]) {
				t.Errorf("%s cut at %d: %v", name, n, got)
			}
		}
	}
}

func TestReadMessageCut(t *testing.T) {
	for _, time := range []uint32{0, 1 << 24} {
		wire := appendMessage(nil, &message{video, 6, 1, time, noise(300, 1)}, 128)
		for n := 1; n < len(wire); n++ {
			if got, err := readAll(newTestReader(wire[:n])); !errors.Is(err, io.ErrUnexpectedEOF) || got != nil {
				t.Errorf("time %d cut at %d of %d: %v, %v", time, n, len(wire), got, err)
			}
		}
	}
}

var (
	someChunks = []uint32{2, 3, 63, 64, 319, 320, 321, 65598, 65599}
	someTimes  = []uint32{0, 1, 0xFFFFFE, 0xFFFFFF, 0x1000000, 1<<31 - 1, 1 << 31, 1<<32 - 2, 1<<32 - 1}
	someSizes  = []int{1, 2, 127, 128, 129, 4096, 60000, 65536, maxChunkSize}
)

// TestRoundTrip sends messages of all lengths around a chunk's, over every kind of header.
func TestRoundTrip(t *testing.T) {
	for _, size := range someSizes {
		var sent []message
		var flat []byte
		var vectors net.Buffers
		var headers []byte
		unit := min(size, 70000)
		for i, chunk := range someChunks {
			for j, time := range someTimes {
				for _, n := range []int{0, 1, unit - 1, unit, unit + 1, 2 * unit, 3*unit + 1} {
					m := message{uint8(audio + i%2), chunk, uint32(j), time, nil}
					if n > 0 {
						m.body = noise(n, byte(i+j))
					}
					if n > 1000 && (i+j)%4 > 0 {
						continue // a quarter of the long ones is plenty
					}
					sent = append(sent, m)
					flat = appendMessage(flat, &m, size)
					vectors = appendVectors(vectors, &headers, &m, size)
				}
			}
		}
		if !bytes.Equal(bytes.Join(vectors, nil), flat) {
			t.Fatalf("chunk size %d: vectors and bytes differ", size)
		}
		r := newTestReader(flat)
		r.trust()
		r.size = size
		got, err := readAll(r)
		if !errors.Is(err, io.EOF) || !reflect.DeepEqual(got, sent) {
			t.Errorf("chunk size %d: %d of %d messages, %v", size, len(got), len(sent), err)
		}
	}
}

func TestVectorsShareBody(t *testing.T) {
	m := message{video, 6, 1, 0, noise(1000, 1)}
	var headers []byte
	bufs := appendVectors(nil, &headers, &m, 400)
	if len(bufs) != 6 || &bufs[1][0] != &m.body[0] || &bufs[3][0] != &m.body[400] || &bufs[5][0] != &m.body[800] {
		t.Errorf("%d pieces, or the body was copied", len(bufs))
	}
	for _, b := range bufs {
		if len(b) != cap(b) {
			t.Errorf("a piece of %d bytes has room for %d", len(b), cap(b))
		}
	}
}

// TestReadBounds announces much and sends little.
func TestReadBounds(t *testing.T) {
	header := func(chunk uint32, n int) []byte {
		return append(appendU24(appendU24(appendBasic(nil, 0, chunk), 0), uint32(n)), audio, 0, 0, 0, 0)
	}
	reserved := 0
	newReader := func(wire []byte) *chunkReader {
		reserved = 0
		return newChunkReader(bufio.NewReader(bytes.NewReader(wire)), func(n int) []byte {
			reserved += n
			return make([]byte, n)
		})
	}

	r := newReader(header(5, maxEarlyMessage+1))
	if _, err := r.readMessage(); !errors.Is(err, errTooLong) || reserved > 0 {
		t.Errorf("an early message: %v, %d bytes reserved", err, reserved)
	}

	r = newReader(append(header(5, maxMessage), 1))
	r.trust()
	if _, err := r.readMessage(); !errors.Is(err, io.ErrUnexpectedEOF) || reserved != firstPiece {
		t.Errorf("one byte of %d: %v, %d bytes reserved", maxMessage, err, reserved)
	}

	var many []byte
	for i := range uint32(maxChunkStreams) {
		many = append(append(many, header(minChunk+i, maxMessage)...), make([]byte, 128)...)
	}
	r = newReader(many)
	r.trust()
	r.maxPending = 10 * firstPiece
	if _, err := r.readMessage(); !errors.Is(err, errTooMuch) || reserved != 10*firstPiece {
		t.Errorf("many messages: %v, %d bytes reserved", err, reserved)
	}

	many = nil
	for i := range uint32(maxChunkStreams + 1) {
		many = append(many, header(minChunk+i, 0)...)
	}
	if got, err := readAll(newReader(many)); !errors.Is(err, errTooMuch) || len(got) != maxChunkStreams {
		t.Errorf("%d chunk streams: %v", len(got), err)
	}

	body := noise(maxMessage, 5)
	r = newReader(appendMessage(nil, &message{video, 6, 1, 0, body}, 60000))
	r.trust()
	r.size = 60000
	if m, err := r.readMessage(); err != nil || !bytes.Equal(m.body, body) || reserved > 2*maxMessage {
		t.Errorf("the longest message: %v, %d bytes reserved", err, reserved)
	}
}

// TestReadSparingly reads from a pipe that nothing follows: the reader must not wait for more
// than it needs.
func TestReadSparingly(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	first := appendMessage(nil, &message{audio, 4, 1, 1 << 24, noise(129, 1)}, 128)
	wire := slices.Delete(first, len(first)-5, len(first)-1) // the time that type 3 repeats
	wire[len(wire)-1] = 0xEE
	go func() { _, _ = a.Write(wire) }()
	r := newChunkReader(bufio.NewReader(b), nil)
	m, err := r.readMessage()
	if err != nil || len(m.body) != 129 || m.body[128] != 0xEE {
		t.Errorf("%v, %v", m, err)
	}
	if n := len(r.src.unread); n != 0 {
		t.Errorf("%d bytes left", n)
	}
}

// pieces is a reader that gives its bytes in pieces of the sizes that cuts names, in turns.
type pieces struct {
	wire, cuts []byte
	turn       int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.wire) == 0 {
		return 0, io.EOF
	}
	n := 1
	if len(p.cuts) > 0 {
		n += int(p.cuts[p.turn%len(p.cuts)])
		p.turn++
	}
	n = copy(b, p.wire[:min(n, len(p.wire))])
	p.wire = p.wire[n:]
	return n, nil
}

// TestReadPieces reads the same bytes one by one, and in other pieces, as all at once.
func TestReadPieces(t *testing.T) {
	for name, w := range wires {
		wire := unhex(w.hex)
		want, wantErr := readAll(newTestReader(wire))
		for _, cuts := range [][]byte{nil, {1}, {2, 0, 16}, {10, 126}} {
			r := newChunkReader(&pieces{wire: wire, cuts: cuts}, nil)
			got, err := readAll(r)
			if !reflect.DeepEqual(got, want) || fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Errorf("%s in pieces of %v:\ngot  %v, %v\nwant %v, %v", name, cuts, got, err, want, wantErr)
			}
		}
	}
}

// TestNextTakesWhatIsThere gives a reader a message and a half: it does not wait for the rest, and
// keeps none of it outside of the body.
func TestNextTakesWhatIsThere(t *testing.T) {
	body := noise(200, 1)
	wire := appendMessage(nil, &message{audio, 4, 1, 0, body}, 128)
	all := append(bytes.Clone(wire), wire[:150]...)
	r := newTestReader(all)
	if m, ok, err := r.next(); ok || err != nil {
		t.Errorf("before anything has come: %v, %v, %v", m, ok, err)
	}
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	if m, ok, err := r.next(); !ok || err != nil || !bytes.Equal(m.body, body) {
		t.Errorf("a whole message: %v, %v, %v", m, ok, err)
	}
	if m, ok, err := r.next(); ok || err != nil || len(r.src.unread) != 0 || r.consumed != uint64(len(all)) {
		t.Errorf("half a message: %v, %v, %v; %d bytes unread", m, ok, err, len(r.src.unread))
	}
	if err := r.wait(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the end in half a message: %v", err)
	}
}

func FuzzReadMessage(f *testing.F) {
	for _, w := range wires {
		f.Add(unhex(w.hex), []byte{0, 3, 17})
	}
	bounded := func(src io.Reader) *chunkReader {
		r := newChunkReader(src, nil)
		r.maxPending, r.maxMessage = 1<<20, maxMessage
		return r
	}
	f.Fuzz(func(t *testing.T, wire, cuts []byte) {
		r := bounded(bytes.NewReader(wire))
		cut := bounded(&pieces{wire: wire, cuts: cuts})
		bodies := 0
		for {
			m, err := r.readMessage()
			if r.consumed > uint64(len(wire)) || r.pending > r.maxPending || r.open > len(r.streams) {
				t.Fatalf("consumed %d of %d, %d pending, %d open", r.consumed, len(wire), r.pending, r.open)
			}
			if same, err2 := cut.readMessage(); !reflect.DeepEqual(same, m) || fmt.Sprint(err2) != fmt.Sprint(err) {
				t.Fatalf("%v, %v; in pieces of %v: %v, %v", m, err, cuts, same, err2)
			}
			if cut.consumed != r.consumed || cut.pending != r.pending {
				t.Fatalf("consumed %d, %d pending; in pieces %d, %d", r.consumed, r.pending, cut.consumed, cut.pending)
			}
			if err != nil {
				break
			}
			bodies += len(m.body)
			again := newTestReader(appendMessage(nil, &m, 128))
			again.trust()
			if got, err := again.readMessage(); err != nil || !reflect.DeepEqual(got, m) {
				t.Fatalf("%v became %v, %v", m, got, err)
			}
		}
		if bodies > len(wire) {
			t.Fatalf("%d bytes of messages in %d of wire", bodies, len(wire))
		}
	})
}

// second is one second of ordinary media: 30 video frames of 4 KB and 43 of audio.
func second() (all []message) {
	picture, sound := noise(4096, 1), noise(200, 2)
	for i := range uint32(30) {
		all = append(all, message{video, 6, 1, i * 33, picture})
		all = append(all, message{audio, 4, 1, i * 33, sound})
		if i%2 == 0 && i < 26 {
			all = append(all, message{audio, 4, 1, i*33 + 16, sound})
		}
	}
	return all
}

func BenchmarkReadMessage(b *testing.B) {
	small := make([]message, 64)
	for i := range small {
		small[i] = message{audio, 4, 1, uint32(i) * 23, noise(200, byte(i))}
	}
	large := []message{{video, 6, 1, 0, noise(200<<10, 1)}, {video, 6, 1, 33, noise(200<<10, 2)}}
	for name, all := range map[string][]message{"second": second(), "small": small, "large": large} {
		for _, size := range []int{128, 60000} {
			b.Run(fmt.Sprint(name, "/", size), func(b *testing.B) { benchmarkRead(b, all, size) })
		}
	}
}

func benchmarkRead(b *testing.B, all []message, size int) {
	var wire []byte
	for i := range all {
		wire = appendMessage(wire, &all[i], size)
	}
	body := make([]byte, 256<<10)
	src := bytes.NewReader(wire)
	in := newInput(src)
	in.rooms = &sync.Pool{} // as those of connections
	r := newChunkReader(in, func(n int) []byte { return body[:n] })
	r.trust()
	r.size = size
	b.ReportAllocs()
	b.SetBytes(int64(len(wire)))
	for b.Loop() {
		src.Reset(wire)
		for range all {
			if _, err := r.readMessage(); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(all)), "ns/message")
}

func BenchmarkAppendMessage(b *testing.B) {
	all := second()
	for _, size := range []int{128, 4096, 60000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			var wire []byte
			b.ReportAllocs()
			for b.Loop() {
				wire = wire[:0]
				for i := range all {
					wire = appendMessage(wire, &all[i], size)
				}
			}
			b.SetBytes(int64(len(wire)))
		})
	}
}

func BenchmarkAppendVectors(b *testing.B) {
	all := second()
	for _, size := range []int{128, 4096, 60000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			var bufs net.Buffers
			var headers []byte
			b.ReportAllocs()
			for b.Loop() {
				bufs, headers = bufs[:0], headers[:0]
				for i := range all {
					bufs = appendVectors(bufs, &headers, &all[i], size)
				}
			}
		})
	}
}
