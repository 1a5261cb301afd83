package audio

import "math"

const (
	sincZeros  = 24   // of the sinc that each side reaches over, at the lower of both rates
	sincPhases = 320  // between two samples; 44.1 and 22.05 kHz fall on them, others are interpolated
	sincBeta   = 10.0 // of the Kaiser window: what it lets through lies below -100 dB
	downscale  = 0.92 // of the lower rate's band is kept where there will be fewer samples
)

// Resampler changes the rate of stereo PCM: a windowed sinc whose phases are kept in a table. Its
// rate can be tuned while it runs, so that sound follows a clock. It is for one goroutine.
type Resampler struct {
	from, to int
	half     int       // input samples that an output reaches over, each side
	table    []float32 // a row for each phase: pairs of a factor and its distance to the next row's
	plain    bool      // an output that lies on an input is that input

	step float64   // input samples from one output to the next
	at   float64   // of the next output, in samples of past
	past []float32 // input from the first sample that the next output reaches
}

// NewResampler returns a resampler between two rates in Hz. The first output lies on the first input.
func NewResampler(from, to int) *Resampler { return newResampler(from, to, sincZeros) }

// newResampler has the sinc reach over so many of its zeros.
func newResampler(from, to, zeros int) *Resampler {
	r := &Resampler{from: from, to: to, plain: from == to, half: zeros}
	band := 1.0 // of the input's
	if from > to {
		band = downscale * float64(to) / float64(from)
		r.half = (zeros*from + to - 1) / to
	}
	r.table = sincTable(r.half, band)
	r.Reset()
	return r
}

// sincTable has sincPhases rows of 2*half pairs each.
func sincTable(half int, band float64) []float32 {
	taps := 2 * half
	rows := make([]float64, (sincPhases+1)*taps)
	for p := range sincPhases + 1 {
		row := rows[p*taps:][:taps]
		sum := 0.0
		for k := range row {
			x := float64(k-half+1) - float64(p)/sincPhases // distance from the output
			row[k] = sinc(band*x) * kaiser(x/float64(half))
			sum += row[k]
		}
		for k := range row {
			row[k] /= sum
		}
	}
	table := make([]float32, 0, sincPhases*taps*2)
	for i := range sincPhases * taps {
		table = append(table, float32(rows[i]), float32(rows[i+taps]-rows[i]))
	}
	return table
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// kaiser is the window at x from -1 to 1.
func kaiser(x float64) float64 {
	if x*x >= 1 {
		return 0
	}
	return bessel(sincBeta*math.Sqrt(1-x*x)) / bessel(sincBeta)
}

// bessel is the modified Bessel function of the first kind and order 0, as its power series.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-17*sum; k++ {
		term *= x * x / (4 * k * k)
		sum += term
	}
	return sum
}

// Reset forgets all input and returns to the rates of NewResampler.
func (r *Resampler) Reset() {
	r.past = append(r.past[:0], make([]float32, channels*(r.half-1))...)
	r.at = float64(r.half - 1)
	r.Tune(0)
}

// Tune makes the output faster by the given part: 0.001 makes 1001 samples where there were 1000.
func (r *Resampler) Tune(part float64) {
	r.step = float64(r.from) / float64(r.to) / (1 + part)
}

// Pending returns how many samples of output lie between the next one and the end of the input.
// Some of them wait for input behind them.
func (r *Resampler) Pending() float64 {
	return (float64(len(r.past)/channels) - r.at) / r.step
}

// Append appends the output that src makes possible. It keeps nothing of src, and allocates only
// where dst is too small or src larger than any before.
func (r *Resampler) Append(dst, src []float32) []float32 {
	r.past = append(r.past, src...)
	n := len(r.past) / channels
	i := int(r.at)
	for ; i+r.half < n; i = int(r.at) {
		between := r.at - float64(i)
		if between == 0 && r.plain {
			dst = append(dst, r.past[channels*i], r.past[channels*i+1])
		} else {
			left, right := r.output(i, between)
			dst = append(dst, left, right)
		}
		r.at += r.step
	}
	if done := min(i-r.half+1, n); done > 0 {
		r.past = r.past[:copy(r.past, r.past[channels*done:])]
		r.at -= float64(done)
	}
	return dst
}

// output returns the sample at a place between input i and the next.
func (r *Resampler) output(i int, between float64) (left, right float32) {
	place := between * sincPhases
	row := min(int(place), sincPhases-1)
	part := float32(place - float64(row))
	taps := 2 * r.half
	factors := r.table[2*taps*row:][:2*taps]
	in := r.past[channels*(i-r.half+1):][:len(factors)]
	var l0, l1, r0, r1 float32 // two sums each, which do not wait for each other
	for k := 0; k+3 < len(factors); k += 4 {
		f, v := factors[k:k+4:k+4], in[k:k+4:k+4]
		f0, f1 := f[0]+part*f[1], f[2]+part*f[3]
		l0 += f0 * v[0]
		r0 += f0 * v[1]
		l1 += f1 * v[2]
		r1 += f1 * v[3]
	}
	return l0 + l1, r0 + r1
}
