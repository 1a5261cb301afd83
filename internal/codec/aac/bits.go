package aac

// rate returns the sampling frequency of an index, 0 if it is reserved. Spec: ISO 14496-3,
// table 1.18.
func rate(index int) int {
	rates := [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}
	if index < len(rates) {
		return rates[index]
	}
	return 0
}

const ownRate = 15 // index that says: the frequency follows in 24 bits

// bits reads bit by bit. Past the end it reads zeros and sets cut.
type bits struct {
	b   []byte
	pos int
	cut bool
}

func (r *bits) read(n int) int {
	v := 0
	for range n {
		v <<= 1
		if i := r.pos >> 3; i < len(r.b) {
			v |= int(r.b[i]>>(7-r.pos&7)) & 1
		} else {
			r.cut = true
		}
		r.pos++
	}
	return v
}

func (r *bits) rate() int {
	if i := r.read(4); i != ownRate {
		return rate(i)
	}
	return r.read(24)
}

func (r *bits) objectType() int {
	if t := r.read(5); t != 31 {
		return t
	}
	return 32 + r.read(6)
}

// writer writes bit by bit, up to 128 of them.
type writer struct {
	b   [16]byte
	pos int
}

func (w *writer) write(v, n int) {
	for n--; n >= 0; n-- {
		w.b[w.pos>>3] |= byte(v>>n&1) << (7 - w.pos&7)
		w.pos++
	}
}

func (w *writer) rate(hz int) {
	for i := range ownRate {
		if rate(i) == hz {
			w.write(i, 4)
			return
		}
	}
	w.write(ownRate, 4)
	w.write(hz, 24)
}

func (w *writer) objectType(t int) {
	if t < 31 {
		w.write(t, 5)
		return
	}
	w.write(31, 5)
	w.write(t-32, 6)
}

func (w *writer) bytes() []byte { return w.b[:(w.pos+7)/8] }
