package media

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
	"unsafe"
)

// upper is a form whose wire has a mark before the data.
type upper struct{}

func (upper) Data(f *Frame) []byte {
	if wire := f.Raw(); len(wire) > 0 && wire[0] == '>' {
		return wire[1:]
	}
	return nil
}

var (
	marked Form = upper{}
	other  Form = &otherForm{}
)

type otherForm struct{ upper }

func TestFrame(t *testing.T) {
	riding := NewFrame(marked, []byte(">abc"))
	riding.Ride()
	for name, c := range map[string]struct {
		frame          *Frame
		ask            Form
		data, wire     string
		has, dataIsNil bool
		size           int
	}{
		"own form":      {frame: NewFrame(marked, []byte(">abc")), ask: marked, data: "abc", wire: ">abc", has: true, size: 4},
		"another form":  {frame: NewFrame(marked, []byte(">abc")), ask: other, data: "abc", size: 4},
		"no form":       {frame: NewFrame(nil, []byte("abc")), ask: marked, data: "abc", size: 3},
		"no form asked": {frame: NewFrame(nil, []byte("abc")), ask: nil, data: "abc", wire: "abc", has: true, size: 3},
		"damaged":       {frame: NewFrame(marked, []byte("abc")), ask: marked, dataIsNil: true, wire: "abc", has: true, size: 3},
		"empty":         {frame: NewFrame(marked, nil), ask: marked, dataIsNil: true, has: true},
		"rides":         {frame: riding, ask: marked, data: "abc", has: true},
	} {
		data := c.frame.Data()
		if string(data) != c.data || c.dataIsNil != (data == nil) {
			t.Errorf("%s: Data = %q", name, data)
		}
		if wire, has := c.frame.Wire(c.ask); string(wire) != c.wire || has != c.has {
			t.Errorf("%s: Wire = %q, %v; want %q, %v", name, wire, has, c.wire, c.has)
		}
		if n := c.frame.Size(); n != c.size {
			t.Errorf("%s: Size = %d, want %d", name, n, c.size)
		}
	}
}

func TestFrameSource(t *testing.T) {
	l := &Layout{Tracks: []*Track{{Kind: Video}, {Kind: Audio}}}
	f := NewFrame(nil, nil)
	f.Layout, f.Track = l, 1
	if f.Source() != l.Tracks[1] {
		t.Errorf("Source = %+v", f.Source())
	}
}

func TestArena(t *testing.T) {
	var a Arena
	r := rand.New(rand.NewPCG(1, 2))
	var all [][]byte
	for n := range 2000 {
		size := r.IntN(900)
		switch n % 50 {
		case 0:
			size = 0
		case 1:
			size = arenaLarge - 1
		case 2:
			size = arenaLarge + r.IntN(arenaBlock)
		}
		b := a.Bytes(size)
		if len(b) != size || cap(b) != size {
			t.Fatalf("Bytes(%d): len %d, cap %d", size, len(b), cap(b))
		}
		if !bytes.Equal(b, make([]byte, size)) {
			t.Fatalf("Bytes(%d) are not zero", size)
		}
		for i := range b {
			b[i] = byte(n)
		}
		all = append(all, b)
	}
	for n, b := range all {
		for i := range b {
			if b[i] != byte(n) {
				t.Fatalf("piece %d of %d bytes has been written to by another", n, len(b))
			}
		}
	}
}

func TestArenaKeepsLargePayloadsApart(t *testing.T) {
	var a Arena
	small := a.Bytes(100)
	large := a.Bytes(arenaLarge)
	next := a.Bytes(100)
	if at := unsafe.Pointer(&next[0]); at != unsafe.Add(unsafe.Pointer(&small[0]), 100) {
		t.Error("small payloads do not lie together")
	}
	at := uintptr(unsafe.Pointer(&large[0])) - uintptr(unsafe.Pointer(&small[0]))
	if at < arenaBlock {
		t.Error("a large payload lies among small ones")
	}
}

func TestArenaFrames(t *testing.T) {
	var a Arena
	seen := map[*Frame]bool{}
	for range 3 * arenaSlab {
		wire := []byte(">x")
		f := a.Frame(marked, wire)
		if seen[f] {
			t.Fatal("the same frame twice")
		}
		seen[f] = true
		if got, ok := f.Wire(marked); !ok || string(got) != ">x" || f.DTS != 0 || f.Layout != nil {
			t.Fatalf("frame = %+v", f)
		}
	}
}

// freed tells how many of the values that were watched have been collected, after waiting for
// want of them.
type freed struct{ done chan struct{} }

func watchFrames(frames ...*Frame) freed {
	w := freed{make(chan struct{}, len(frames))}
	for _, f := range frames {
		runtime.AddCleanup(f, func(done chan struct{}) { done <- struct{}{} }, w.done)
	}
	return w
}

func (w freed) wait(t *testing.T, want int) {
	t.Helper()
	late := time.After(10 * time.Second)
	for n := range want {
		for ok := false; !ok; {
			runtime.GC()
			select {
			case <-w.done:
				ok = true
			case <-late:
				t.Fatalf("%d of %d frames have been freed", n, want)
			case <-time.After(time.Millisecond):
			}
		}
	}
}

func BenchmarkArena(b *testing.B) {
	var a Arena
	b.ReportAllocs()
	for b.Loop() {
		a.Frame(marked, a.Bytes(400))
	}
}
