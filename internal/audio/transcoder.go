package audio

import (
	"errors"
	"time"

	"weir/internal/media"
)

// How long after what it is made of a frame is ready, beside the length of the input's frames: its
// own length, what the encoder keeps, and the resampler's reach.
const (
	DelayToOpus = 28 * time.Millisecond
	DelayToAAC  = 66 * time.Millisecond
)

// Options is how a Transcoder encodes.
type Options struct {
	Bitrate int // bits per second, MinBitrate to MaxBitrate; 0 is OpusBitrate or AACBitrate
}

// Stats counts what became of a transcoder's input.
type Stats struct {
	Damaged int64         // units that could not be decoded
	Dropped int64         // units whose time had been filled before
	Jumps   int64         // gaps that were too long for silence, and steps back
	Silence time.Duration // that filled gaps
}

// Transcoder makes frames of one audio track's frames, in another codec, on the same timeline: what
// is heard at a time stays at that time, and whatever delays codecs add is taken off. Its frames
// follow each other without a gap, up to a jump. It is for one goroutine, and has no memory of note
// before its first frame and after Close.
type Transcoder struct {
	enc   *Encoder
	stats Stats
	arena media.Arena

	source  *media.Track  // what dec is for, or was refused
	layout  *media.Layout // the input's
	out     *media.Layout
	refused error
	dec     *Decoder

	res     *Resampler // nil before the first sound
	resRate int
	reach   int // of resamplers: sincZeros
	drift   drift
	repeats bool  // the newest frame was left out since it had been there
	origin  int64 // PTS of the first sample since the last jump
	made    int64 // samples of output since then
	sent    int64 // frames that the encoder took since then
	pcm     []float32
	unit    []byte
	silence []float32
	at      int64 // arrival of the newest input
	closed  bool
}

// NewTranscoder returns a transcoder to Opus or AAC. The error is ErrUnsupported for another codec.
func NewTranscoder(to media.Codec, o Options) (*Transcoder, error) {
	enc, err := NewEncoder(to, o.Bitrate)
	if err != nil {
		return nil, err
	}
	return &Transcoder{enc: enc, reach: sincZeros}, nil
}

// Track returns the track of the frames that come out.
func (t *Transcoder) Track() *media.Track { return t.enc.track }

// Stats returns what became of the input until now.
func (t *Transcoder) Stats() Stats {
	s := t.stats
	if t.dec != nil {
		s.Damaged += t.dec.Damaged()
	}
	return s
}

// Close frees the codecs. Frames that come later are refused with an error.
func (t *Transcoder) Close() {
	t.leave()
	t.enc.Close()
	t.closed = true
	t.res, t.pcm, t.unit, t.silence = nil, nil, nil, nil
}

// leave ends the decoder.
func (t *Transcoder) leave() {
	if t.dec != nil {
		t.stats.Damaged += t.dec.Damaged()
	}
	t.dec = nil
}

// Append appends the frames that f completes. Its layout may change at any time. The error is
// ErrUnsupported as long as f's track cannot be decoded; damage is no error, and counted.
func (t *Transcoder) Append(dst []*media.Frame, f *media.Frame) ([]*media.Frame, error) {
	if t.closed {
		return dst, errors.New("audio: transcoder is closed")
	}
	t.at = f.At
	if f.Layout != t.layout {
		t.adopt(f)
	}
	if t.refused != nil {
		return dst, t.refused
	}
	pcm, err := t.dec.Decode(f.Data())
	switch {
	case errors.Is(err, ErrDamaged):
		return dst, nil // the next one shows how long it was
	case err != nil:
		t.refuse(err)
		return dst, err
	}
	return t.place(dst, f.PTS, pcm, t.dec.Rate())
}

// adopt takes on f's layout, and makes a new decoder where another track or publisher begins.
func (t *Transcoder) adopt(f *media.Frame) {
	track, before := f.Source(), t.layout
	t.layout = f.Layout
	t.out = &media.Layout{
		Tracks:    []*media.Track{t.enc.track},
		Publisher: f.Layout.Publisher, Offset: f.Layout.Offset, Wall: f.Layout.Wall,
	}
	same := before != nil && before.Publisher == f.Layout.Publisher && t.source != nil &&
		t.source.Codec == track.Codec && string(t.source.Config) == string(track.Config)
	if same {
		return
	}
	t.leave()
	t.source, t.refused = track, nil
	dec, err := NewDecoder(track)
	if err != nil {
		t.refuse(err)
		return
	}
	t.dec = dec
}

// refuse ends the decoder of a track that cannot be decoded.
func (t *Transcoder) refuse(err error) {
	t.leave()
	t.refused = err
}

// place puts decoded sound where its time says.
func (t *Transcoder) place(dst []*media.Frame, pts int64, pcm []float32, rate int) ([]*media.Frame, error) {
	var err error
	switch {
	case t.res == nil:
		t.begin(pts, rate)
	case t.resRate != rate:
		if dst, err = t.settle(dst); err != nil {
			return dst, err
		}
		t.setRate(rate)
	}
	length := time.Duration(int64(len(pcm)/channels) * int64(time.Second) / int64(rate))
	late := time.Duration(pts - t.next())
	missing := t.drift.missing(late, length)
	repeats := late <= -overlap || t.repeats && late <= -gapOf(length)
	t.repeats = false
	switch {
	case late > MaxSilence || late < -MaxSilence:
		if dst, err = t.Flush(dst); err != nil {
			return dst, err
		}
		t.stats.Jumps++
		t.begin(pts, rate)
	case missing > 0:
		t.stats.Silence += missing
		if dst, err = t.pause(dst, int(int64(missing)*int64(rate)/int64(time.Second))); err != nil {
			return dst, err
		}
	case repeats:
		t.repeats = true
		t.stats.Dropped++
		return dst, nil
	default:
		t.res.Tune(t.drift.follow(late, length))
	}
	return t.push(dst, pcm)
}

// begin makes pts the time of the next sample.
func (t *Transcoder) begin(pts int64, rate int) {
	t.origin, t.made, t.sent, t.pcm = pts, 0, 0, t.pcm[:0]
	t.drift = drift{}
	t.setRate(rate)
}

// setRate has the next sound resampled from another rate.
func (t *Transcoder) setRate(rate int) {
	if t.res != nil && t.resRate == rate {
		t.res.Reset()
		return
	}
	t.res, t.resRate = newResampler(rate, outRate, t.reach), rate
}

// next returns the time of the next sample of input.
func (t *Transcoder) next() int64 {
	return t.origin + span(t.made) + int64(t.res.Pending()*float64(time.Second)/outRate)
}

// push resamples sound and encodes what is complete.
func (t *Transcoder) push(dst []*media.Frame, pcm []float32) ([]*media.Frame, error) {
	before := len(t.pcm)
	t.pcm = t.res.Append(t.pcm, pcm)
	t.made += int64(len(t.pcm)-before) / channels
	return t.encode(dst)
}

// pause pushes silence: so many samples of input.
func (t *Transcoder) pause(dst []*media.Frame, samples int) ([]*media.Frame, error) {
	const chunk = 1024
	if t.silence == nil {
		t.silence = make([]float32, chunk*channels)
	}
	var err error
	for ; samples > 0 && err == nil; samples -= chunk {
		dst, err = t.push(dst, t.silence[:min(samples, chunk)*channels])
	}
	return dst, err
}

// settle gets all sound out of the resampler, and its clock to where the next sound begins.
func (t *Transcoder) settle(dst []*media.Frame) ([]*media.Frame, error) {
	rest := channels * int(t.res.Pending())
	before := len(t.pcm)
	t.pcm = t.res.Append(t.pcm, make([]float32, channels*t.res.half))
	t.pcm = t.pcm[:min(before+rest, len(t.pcm))]
	t.made += int64(len(t.pcm)-before) / channels
	return t.encode(dst)
}

// Flush appends what the input until now still makes, as at its end or before a jump. More can
// follow, at another time.
func (t *Transcoder) Flush(dst []*media.Frame) ([]*media.Frame, error) {
	if t.res == nil {
		return dst, nil
	}
	dst, err := t.settle(dst)
	if err != nil {
		return dst, err
	}
	frame := int64(t.enc.frame)
	frames := (t.made + int64(t.enc.delay) + frame - 1) / frame
	t.pcm = append(t.pcm, make([]float32, channels*(frames*frame-t.made))...)
	dst, err = t.encode(dst)
	t.res = nil
	return dst, err
}

// encode makes frames of what is complete. What comes out lies before what went in by the encoder's
// delay: the first frames begin before the first sound, and are left out only if that is before time zero.
func (t *Transcoder) encode(dst []*media.Frame) ([]*media.Frame, error) {
	size := t.enc.frame * channels
	done := 0
	var err error
	for len(t.pcm)-done >= size && err == nil {
		t.unit, err = t.enc.Encode(t.unit[:0], t.pcm[done:][:size])
		pts := t.origin + span(t.sent*int64(t.enc.frame)-int64(t.enc.delay))
		done += size
		t.sent++
		if len(t.unit) > 0 && pts >= 0 {
			dst = append(dst, t.frame(pts))
		}
	}
	t.pcm = t.pcm[:copy(t.pcm, t.pcm[done:])]
	return dst, err
}

// frame returns a frame of t.unit.
func (t *Transcoder) frame(pts int64) *media.Frame {
	data := t.arena.Bytes(len(t.unit))
	copy(data, t.unit)
	f := t.arena.Frame(nil, data)
	f.Layout, f.DTS, f.PTS, f.At, f.Key = t.out, pts, pts, t.at, true
	return f
}
