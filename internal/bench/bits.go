package bench

import "math/bits"

// bitWriter puts bits together, the highest first.
type bitWriter struct {
	bytes []byte
	used  int // bits of the last byte; 0 and 8 are none left
}

// u appends the lowest n bits of v.
func (w *bitWriter) u(n int, v uint64) {
	for n--; n >= 0; n-- {
		if w.used%8 == 0 {
			w.bytes, w.used = append(w.bytes, 0), 0
		}
		w.bytes[len(w.bytes)-1] |= byte(v>>n&1) << (7 - w.used)
		w.used++
	}
}

// ue appends v as Exp-Golomb code. Spec: H.264, 9.1.
func (w *bitWriter) ue(v uint64) {
	n := bits.Len64(v + 1)
	w.u(n-1, 0)
	w.u(n, v+1)
}

// unit ends a NAL unit and returns it with what keeps start codes out of it.
// Spec: H.264, 7.3.2.11 and 7.4.1.
func (w *bitWriter) unit() []byte {
	w.u(1, 1)
	var out []byte
	zeros := 0
	for _, b := range w.bytes {
		if zeros >= 2 && b <= 3 {
			out, zeros = append(out, 3), 0
		}
		if zeros++; b != 0 {
			zeros = 0
		}
		out = append(out, b)
	}
	return out
}
