package audio

import (
	"errors"
	"fmt"
	"io"
	"math"

	"weir/internal/media"
)

// maxOdd is how many units in a row may be of a kind that is not supported before the track is
// taken to be so: one may be damage.
const maxOdd = 3

// unitDecoder decodes the units of one codec. It may panic.
type unitDecoder interface {
	// decode appends the sound of a unit and tells its rate in Hz. The decoder is good for the next
	// unit whatever it returns.
	decode(dst []float32, unit []byte) (pcm []float32, rate int, err error)
}

// Decoder makes PCM of one track's frames. It is for one goroutine.
type Decoder struct {
	track   *media.Track
	codec   unitDecoder // nil after a panic
	pcm     []float32
	rate    int
	odd     int
	damaged int64
}

// NewDecoder returns a decoder of the track, or ErrUnsupported.
func NewDecoder(t *media.Track) (*Decoder, error) {
	codec, err := newUnitDecoder(t)
	if err != nil {
		return nil, err
	}
	return &Decoder{track: t, codec: codec}, nil
}

func newUnitDecoder(t *media.Track) (unitDecoder, error) {
	switch t.Codec {
	case media.AAC:
		return newAACDecoder(t.Config)
	case media.MP3:
		return &mp3Decoder{}, nil
	case media.Opus:
		return newOpusDecoder(t.Config)
	}
	return nil, unsupported("sound of codec "+t.Codec.String(), "have the publisher send AAC, MP3 or Opus")
}

// Decode returns the sound of a frame's Data, in memory that is valid until the next call. The
// error is ErrDamaged for one unit that is left out, and ErrUnsupported if the track turns out to
// be of a kind that its configuration did not tell.
func (d *Decoder) Decode(unit []byte) (pcm []float32, err error) {
	defer func() {
		if cause := recover(); cause != nil { // a codec that did not foresee this
			d.codec = nil
			pcm, err = nil, d.damage(fmt.Errorf("panic: %v", cause))
		}
	}()
	if d.codec == nil {
		if d.codec, err = newUnitDecoder(d.track); err != nil {
			return nil, err
		}
	}
	if len(unit) == 0 {
		return nil, d.damage(io.ErrUnexpectedEOF)
	}
	pcm, rate, err := d.codec.decode(d.pcm[:0], unit)
	switch {
	case errors.Is(err, ErrUnsupported):
		if d.odd++; d.odd >= maxOdd {
			return nil, err
		}
		return nil, d.damage(errors.New("odd unit"))
	case err != nil:
		return nil, d.damage(err)
	}
	d.odd, d.rate, d.pcm = 0, rate, pcm
	return pcm, nil
}

func (d *Decoder) damage(cause error) error {
	d.damaged++
	return fmt.Errorf("%w: %v unit: %w", ErrDamaged, d.track.Codec, cause)
}

// Rate returns the rate of what Decode returned last, in Hz.
func (d *Decoder) Rate() int { return d.rate }

// Damaged returns how many units could not be decoded.
func (d *Decoder) Damaged() int64 { return d.damaged }

// feed is a reader of what there is now, for codecs that read their units out of an io.Reader. They
// are asked for one unit at a time, which is there as a whole, so that no goroutine has to wait
// between it and them. At io.EOF a codec wanted more than one unit.
type feed struct{ b []byte }

func (f *feed) Read(p []byte) (int, error) {
	if len(f.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, f.b)
	f.b = f.b[n:]
	return n, nil
}

// appendPCM appends 16-bit samples, little-endian, of one channel or of two that take turns.
func appendPCM(dst []float32, b []byte, chans int) []float32 {
	const scale = 1.0 / (1 << 15)
	for i := 0; i+1 < len(b); i += 2 {
		v := float32(int16(uint16(b[i])|uint16(b[i+1])<<8)) * scale
		dst = append(dst, v)
		if chans == 1 {
			dst = append(dst, v)
		}
	}
	return dst
}

// tame cuts samples to what encoders can take.
func tame(pcm []float32) {
	for i, v := range pcm {
		switch {
		case v > 1:
			pcm[i] = 1
		case v < -1:
			pcm[i] = -1
		case math.IsNaN(float64(v)):
			pcm[i] = 0
		}
	}
}
