package bench

// Sound is AAC-LC, 44.1 kHz, stereo, and silent.
const (
	sampleRate   = 44100
	frameSamples = 1024
)

// soundConfig is the AudioSpecificConfig: object type 2, frequency 4, two channels.
// Spec: ISO 14496-3, 1.6.2.1.
var soundConfig = [...]byte{0x12, 0x10}

// silence returns a frame of about size bytes: a pair of empty channels, and fill elements.
// Spec: ISO 14496-3, 4.4.2.1.
func silence(size int) []byte {
	const (
		pairOfChannels = 1
		fill           = 6
		end            = 7
		fillData       = 1
		longest        = 269 // bytes that one fill element can have
	)
	var w bitWriter
	w.u(3, pairOfChannels)
	w.u(4, 0) // its tag
	w.u(1, 1) // one window for both:
	w.u(4, 0) // a long one, of sines
	w.u(6, 0) // no bands
	w.u(1, 0) // no prediction
	w.u(2, 0) // no mid and side
	for range 2 {
		w.u(8, 0) // gain
		w.u(3, 0) // no pulses, noise shaping, gain control
	}
	for left := size - len(w.bytes) - 3; left >= 15; {
		n := min(left, longest)
		w.u(3, fill)
		w.u(4, 15)
		w.u(8, uint64(n-14))
		w.u(8, fillData<<4)
		for range n - 1 {
			w.u(8, 0xa5)
		}
		left -= n + 2
	}
	w.u(3, end)
	return w.bytes
}
