//go:build !noaac

package audio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	goaac "github.com/tphakala/go-aac"
	aacpcm "github.com/tphakala/go-aac/pcm"

	"weir/internal/codec/aac"
)

const (
	withAAC    = true
	aacFrame   = goaac.FrameSize
	maxAACUnit = 1<<16 - 1

	// aacDelay is how many samples what is encoded lies behind what is put in: a frame that the encoder
	// keeps to look ahead, and its priming.
	aacDelay = aacFrame + goaac.EncoderDelay
)

// aacDecoder is go-aac's, which reads units behind their length and is at its end after any error.
type aacDecoder struct {
	config []byte
	chans  int
	rate   int
	dec    *aacpcm.Decoder
	feed   feed
	in     []byte
	out    []byte
	broken bool // the next unit begins anew
}

func newAACDecoder(config []byte) (unitDecoder, error) {
	const remedy = "have the encoder send AAC-LC with one or two channels"
	if len(config) == 0 {
		return nil, unsupported("AAC without its configuration", "have the encoder send the AAC sequence header")
	}
	c, err := aac.ParseConfig(config)
	switch {
	case err != nil:
		return nil, unsupported("this configuration of AAC ("+err.Error()+")", remedy)
	case c.SBR || c.PS:
		return nil, unsupported("HE-AAC", remedy)
	case c.Type != aac.LC:
		return nil, unsupported(fmt.Sprintf("AAC of object type %d", c.Type), remedy)
	case c.Layout < 1 || c.Layout > channels:
		return nil, unsupported(fmt.Sprintf("AAC with channel configuration %d", c.Layout), remedy)
	case c.Short:
		return nil, unsupported("AAC in frames of 960 samples", "have the encoder use frames of 1024")
	case c.Rate < 8000 || c.Rate > 2*outRate:
		return nil, unsupported(fmt.Sprintf("AAC at %d Hz", c.Rate), "have the encoder use 48000 Hz")
	}
	d := &aacDecoder{
		config: aac.AppendConfig(nil, aac.Config{Type: aac.LC, Rate: c.Rate, FullRate: c.Rate, Layout: c.Layout}),
		chans:  c.Layout, rate: c.Rate,
		out: make([]byte, aacFrame*c.Layout*2),
	}
	d.dec, err = aacpcm.NewDecoder(&d.feed, aacpcm.WithRawStream(d.config))
	if err != nil {
		return nil, unsupported("this configuration of AAC ("+err.Error()+")", remedy)
	}
	return d, nil
}

func (d *aacDecoder) decode(dst []float32, unit []byte) ([]float32, int, error) {
	if len(unit) > maxAACUnit {
		return dst, 0, fmt.Errorf("%d bytes", len(unit))
	}
	if d.broken {
		if err := d.dec.Reset(&d.feed, aacpcm.WithRawStream(d.config)); err != nil {
			return dst, 0, err
		}
		d.broken = false
	}
	d.in = append(binary.BigEndian.AppendUint16(d.in[:0], uint16(len(unit))), unit...)
	d.feed.b = d.in
	if _, err := io.ReadFull(d.dec, d.out); err != nil {
		d.broken, d.feed.b = true, nil
		if errors.Is(err, aacpcm.ErrUnsupported) {
			err = unsupported("this kind of AAC ("+err.Error()+")", "have the encoder send AAC-LC with one or two channels")
		}
		return dst, 0, err
	}
	return appendPCM(dst, d.out, d.chans), d.rate, nil
}

// aacEncoder is go-aac's for access units.
type aacEncoder struct {
	enc    *goaac.Encoder
	planes [][]float32 // of one frame, a channel each
}

func aacEncoding() encoding {
	config := aac.AppendConfig(nil, aac.Config{Type: aac.LC, Rate: outRate, FullRate: outRate, Layout: channels})
	return encoding{frame: aacFrame, delay: aacDelay, bitrate: AACBitrate, config: config, start: newAACEncoder}
}

func newAACEncoder(bitrate int) (unitEncoder, error) {
	enc, err := goaac.NewEncoder(goaac.EncoderConfig{SampleRate: outRate, Channels: channels, Bitrate: bitrate})
	if err != nil {
		return nil, fmt.Errorf("audio: AAC encoder: %w", err)
	}
	e := &aacEncoder{enc: enc}
	for range channels {
		e.planes = append(e.planes, make([]float32, aacFrame))
	}
	return e, nil
}

func (e *aacEncoder) encode(dst []byte, pcm []float32) ([]byte, error) {
	for c, plane := range e.planes {
		for i := range plane {
			plane[i] = pcm[channels*i+c]
		}
	}
	return e.enc.EncodeFrame(dst, e.planes)
}
