package audio

import (
	"fmt"

	"github.com/thesyncim/gopus"

	"weir/internal/codec/opus"
)

const (
	opusFrame      = outRate / 50 // samples: 20 ms
	opusDelay      = 312          // samples that the encoder looks ahead
	opusComplexity = 5            // of 10: what is above costs a third more and is hardly heard
	maxOpusPCM     = 5760         // samples of the longest packet, 120 ms
	maxOpusPacket  = 1275*6 + 16  // bytes that are decoded: 120 ms at the highest rate
	maxOpusFrame   = 4000         // bytes that are encoded, a size that always does
)

type opusDecoder struct {
	dec *gopus.Decoder
	pcm [maxOpusPCM * channels]float32
}

func newOpusDecoder(config []byte) (unitDecoder, error) {
	gain := 0
	if len(config) > 0 {
		head, err := opus.ParseHead(config)
		if err != nil {
			return nil, unsupported("this configuration of Opus ("+err.Error()+")", "have the publisher send an OpusHead")
		}
		if head.Channels > channels {
			return nil, unsupported(fmt.Sprintf("Opus with %d channels", head.Channels), "have the publisher send one or two")
		}
		gain = int(head.Gain)
	}
	c := gopus.DefaultDecoderConfig(outRate, channels)
	c.MaxPacketBytes = maxOpusPacket
	dec, err := gopus.NewDecoder(c)
	if err != nil {
		return nil, fmt.Errorf("audio: Opus decoder: %w", err)
	}
	if err := dec.SetGain(gain); err != nil {
		return nil, fmt.Errorf("audio: Opus decoder: %w", err)
	}
	return &opusDecoder{dec: dec}, nil
}

func (d *opusDecoder) decode(dst []float32, unit []byte) ([]float32, int, error) {
	n, err := d.dec.Decode(unit, d.pcm[:])
	if err != nil {
		return dst, 0, err
	}
	pcm := d.pcm[:n*channels]
	tame(pcm)
	return append(dst, pcm...), outRate, nil
}

type opusEncoder struct {
	enc *gopus.Encoder
	out [maxOpusFrame]byte
}

func opusEncoding() encoding {
	config := opus.AppendHead(nil, opus.Head{Channels: channels, PreSkip: opusDelay, Rate: outRate})
	return encoding{frame: opusFrame, delay: opusDelay, bitrate: OpusBitrate, config: config, start: newOpusEncoder}
}

func newOpusEncoder(bitrate int) (unitEncoder, error) {
	enc, err := gopus.NewEncoder(gopus.EncoderConfig{
		SampleRate: outRate, Channels: channels, Application: gopus.ApplicationAudio,
	})
	if err == nil {
		err = enc.SetBitrate(bitrate)
	}
	if err == nil {
		err = enc.SetComplexity(opusComplexity)
	}
	if err == nil {
		err = enc.SetFrameSize(opusFrame)
	}
	if err != nil {
		return nil, fmt.Errorf("audio: Opus encoder: %w", err)
	}
	return &opusEncoder{enc: enc}, nil
}

func (e *opusEncoder) encode(dst []byte, pcm []float32) ([]byte, error) {
	n, err := e.enc.Encode(pcm, e.out[:])
	return append(dst, e.out[:n]...), err
}
