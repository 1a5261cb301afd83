package fanout

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"testing"
)

// TestBlocks compares blocks with the plain bytes that were put in.
func TestBlocks(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var b blocks
	var all []byte
	base := int64(0)
	for range 300 {
		pieces := net.Buffers{noise(r.IntN(40_000), 1), nil, noise(r.IntN(300), 2)}
		for _, p := range pieces {
			all = append(all, p...)
		}
		b.append(pieces)
		if b.end != int64(len(all)) {
			t.Fatalf("ends at %d of %d", b.end, len(all))
		}
		from := base + r.Int64N(b.end-base+1)
		to := from + r.Int64N(b.end-from+1)
		if got := bytes.Join(b.slices(nil, from, to), nil); !bytes.Equal(got, all[from:to]) {
			t.Fatalf("%d to %d is wrong", from, to)
		}
		if r.IntN(4) == 0 {
			base = from
			b.drop(base)
		}
	}
	if n := len(b.list); int64(n) > (b.end-base)/logBlock+2 {
		t.Errorf("%d blocks for %d bytes", n, b.end-base)
	}
	b.drop(b.end)
	b.append(net.Buffers{noise(10, 3)})
	if got := b.slices(nil, b.end-10, b.end); len(got) != 1 || !bytes.Equal(got[0], noise(10, 3)) {
		t.Errorf("after all was dropped: %v", got)
	}
}

// TestMemfile compares a file of memory with the plain bytes that were put in, as they are read
// and as a socket gets them, and looks what it holds once they are dropped.
func TestMemfile(t *testing.T) {
	m, err := newMemfile()
	if errors.Is(err, errors.ErrUnsupported) && runtime.GOOS != "linux" {
		t.Skip("this system has none")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	a, b, err := pair()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	defer b.Close()
	raw, pen := RawOf(a), newPen()
	var all []byte
	for n := range 50 {
		pieces := net.Buffers{noise(n*100, byte(n)), noise(5000, 7)}
		all = append(all, bytes.Join(pieces, nil)...)
		if err := m.append(pieces); err != nil {
			t.Fatal(err)
		}
		from := max(0, m.end-9000)
		got, err := m.read(from, m.end)
		if err != nil || !bytes.Equal(got, all[from:]) {
			t.Fatalf("read %d bytes, %v", len(got), err)
		}
		out := Burst{Pieces: net.Buffers{[]byte("ahead"), []byte("!")}, file: m, from: from, to: m.end}
		if sent, err := pen.offer(raw, &out); err != nil || sent != 6+int(m.end-from) || !out.Empty() {
			t.Fatalf("sent %d, left %+v, %v", sent, out, err)
		}
		heard := make([]byte, 6+m.end-from)
		if _, err := io.ReadFull(b, heard); err != nil || string(heard[:6]) != "ahead!" || !bytes.Equal(heard[6:], all[from:]) {
			t.Fatalf("heard other bytes, %v", err)
		}
	}
	held := m.held(t)
	m.drop(m.end - 10_000)
	if now := m.held(t); now > 10_000+2*int64(os.Getpagesize()) || now >= held {
		t.Errorf("holds %d bytes, %d before the drop", now, held)
	}
	if got, err := m.read(m.end-10_000, m.end); err != nil || !bytes.Equal(got, all[len(all)-10_000:]) {
		t.Errorf("what is kept has changed, %v", err)
	}
}
