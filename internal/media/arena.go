package media

const (
	arenaBlock = 16 << 10 // bytes of a block that small payloads share
	arenaLarge = 4 << 10  // payloads from here on get memory of their own
	arenaSlab  = 32       // frames of a slab
)

// Arena hands out the memory of one publisher's frames: small payloads and frames that come
// together lie together and die together, so the garbage collector has few things to follow.
// Memory is never reused. The zero Arena is ready; it is for one goroutine.
type Arena struct {
	block []byte
	slab  []Frame
}

// Bytes returns n zero bytes, full to capacity.
func (a *Arena) Bytes(n int) []byte {
	if n >= arenaLarge {
		return make([]byte, n)
	}
	if n > len(a.block) {
		a.block = make([]byte, arenaBlock)
	}
	b := a.block[:n:n]
	a.block = a.block[n:]
	return b
}

// Frame is NewFrame in the arena's memory.
func (a *Arena) Frame(form Form, wire []byte) *Frame {
	if len(a.slab) == 0 {
		a.slab = make([]Frame, arenaSlab)
	}
	f := &a.slab[0]
	a.slab = a.slab[1:]
	f.form, f.wire = form, wire
	return f
}
